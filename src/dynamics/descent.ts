import { UsageError } from "../errors/index.ts";

/** Full-batch gradient descent on a loss, which is a mean over the examples. */
export interface Descent {
  readonly learningRate: number;
  readonly steps: number;
  /** Of heavy-ball momentum, v ← μ v + g, w ← w − η v. 0 unless given. */
  readonly momentum?: number;
}

/** Throws UsageError for a descent that is none. */
export function expectDescent({ learningRate, steps, momentum = 0 }: Descent): void {
  if (!(learningRate > 0) || !Number.isInteger(steps) || steps < 0 || !(momentum >= 0 && momentum < 1)) {
    throw new UsageError(
      `expected a learning rate above 0, a whole number of steps and a momentum in [0, 1), got ${learningRate}, ${steps}, ${momentum}`,
    );
  }
}
