import { UsageError } from "../errors/index.ts";

/** How long a network is trained, on ½ Σ ‖f(x_i) − y_i‖² or another loss summed over examples. */
export interface TrainingTime {
  readonly learningRate: number;
  /** Steps of gradient descent, or with `rule: "flow"` time in units of the learning rate; Infinity for the end. */
  readonly steps: number;
  /** Discrete steps unless given: (I − ηΘ)^t instead of e^(−ηΘt). */
  readonly rule?: "descent" | "flow";
  /** Of heavy-ball momentum, v ← μ v + g, w ← w − η v; 0 unless given. Of descent only. */
  readonly momentum?: number;
}

/** Throws UsageError for what is no time of training. */
export function checkTime({ learningRate, steps, momentum = 0, rule }: TrainingTime): void {
  if (!(learningRate > 0) || !(steps >= 0) || !(momentum >= 0 && momentum < 1)) {
    throw new UsageError(
      `expected a learning rate above 0, steps from 0 and a momentum in [0, 1), got ${learningRate}, ${steps}, ${momentum}`,
    );
  }
  if (rule !== "flow" && steps !== Infinity && !Number.isInteger(steps)) {
    throw new UsageError(`descent takes a whole number of steps, got ${steps}; a flow takes any time`);
  }
  if (rule === "flow" && momentum > 0) throw new UsageError("momentum belongs to descent, not to a flow");
}
