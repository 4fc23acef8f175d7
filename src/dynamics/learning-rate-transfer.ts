import { NonFiniteError, UsageError } from "../errors/index.ts";
import { type Examples, evaluate, mse, type TrainOptions, train } from "../networks/index.ts";
import type { Task } from "../tasks/index.ts";
import type { Widened } from "./width-study.ts";

/** Losses of one width after training at each learning rate. */
export interface RateRecord {
  readonly width: number;
  /** Mean over the seeds after training; infinite where one diverged. */
  readonly losses: readonly number[];
  /** The learning rate of the smallest loss; undefined where all diverged. */
  readonly best: number | undefined;
}

export interface LearningRateOptions {
  readonly widths: readonly number[];
  readonly rates: readonly number[];
  /** 3 unless given. */
  readonly seeds?: number;
  /** How a network is trained at a rate. */
  readonly training: (rate: number) => TrainOptions;
}

/**
 * Which learning rate is best at which width: under µP the answer hardly depends on the width, so that a small network
 * tells the large one's (Yang et al. 2022). Yields one report a width and rate.
 */
export function* learningRateTransfer(
  widened: Widened,
  examples: Examples,
  { widths, rates, seeds = 3, training }: LearningRateOptions,
): Task<readonly RateRecord[]> {
  if (widths.length === 0 || rates.length === 0) {
    throw new UsageError("learningRateTransfer: widths and rates are needed");
  }
  const records: RateRecord[] = [];
  for (const width of widths) {
    const losses: number[] = [];
    for (const rate of rates) {
      const done = records.length * rates.length + losses.length;
      yield { stage: `width ${width}`, done, total: widths.length * rates.length };
      const options = training(rate);
      let sum = 0;
      for (let seed = 0; seed < seeds; seed++) {
        sum += (yield* lossAfter(widened, width, seed, examples, options)) / seeds;
      }
      losses.push(sum);
    }
    const least = Math.min(...losses);
    records.push({ width, losses, best: least < Infinity ? rates[losses.indexOf(least)] : undefined });
  }
  return records;
}

function* lossAfter(
  widened: Widened,
  width: number,
  seed: number,
  examples: Examples,
  options: TrainOptions,
): Task<number> {
  try {
    const { network } = yield* train(widened(width, seed), examples, options);
    const loss = evaluate(network, examples, options.loss ?? mse());
    return Number.isFinite(loss) ? loss : Infinity;
  } catch (error) {
    // A rate too large for this width is an answer too.
    if (error instanceof NonFiniteError) return Infinity;
    throw error;
  }
}
