import type { Figure } from "../../../plot/index.ts";

/** Predictions as they are written and told. */
export interface Predicted {
  readonly csv: string;
  readonly scores: Readonly<Record<string, unknown>>;
  /** Sentences. */
  readonly lines: readonly string[];
  /** Throws UsageError where there is nothing to draw. */
  figure(): Figure;
}
