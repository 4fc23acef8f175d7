import type { FineTuned } from "./fine-tuned.ts";

/**
 * What the adapted process falls back to far from the new data: the network, for new data of the task it was trained
 * on; a constant, for data of another task, where only the network's kernel is worth keeping; or the network trained on
 * with the new data by gradient (see `FineTuned`), where they need features that it has not.
 */
export type MeanChoice = "network" | "constant" | "fine-tuned";

/** A mean, and what it takes to be had at once. */
export interface KnownMean {
  readonly mean: MeanChoice;
  /** For "fine-tuned". */
  readonly fineTuned?: FineTuned | undefined;
}
