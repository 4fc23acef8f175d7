import type { Kernel } from "../../kernels/index.ts";
import { type Fn, takeRows } from "../../linalg/index.ts";
import { type Key, permutation, split } from "../../random/index.ts";
import type { Task } from "../../tasks/index.ts";
import { columnMeans, constantMean, meanOf } from "../means.ts";
import type { FitData } from "./data.ts";
import { fit } from "./fit.ts";
import type { Model } from "./model.ts";
import { type NoiseOptions, startModel } from "./starts.ts";

/** How a fit to many points went. */
export interface LargeFitReport {
  /** log p(y), or what bounds or estimates it, at the end, in nats. */
  readonly value: number;
  readonly iterations: number;
  readonly converged: boolean;
  readonly warnings: readonly string[];
}

export interface StartRowsOptions {
  /** Any function; a constant, fitted, unless given. */
  readonly mean?: Fn;
  /** A number fixes the noise variance (in squared units of y); fitted unless given. */
  readonly noiseVariance?: number | NoiseOptions;
  /** Rows of the exact fit that the search starts from; 0 starts from the parameters as given. 1,000 unless given. */
  readonly startRows?: number;
  /** Searches of that exact fit. 3 unless given. */
  readonly starts?: number;
  /** 0 unless given. */
  readonly seed?: number;
}

/** Parameters to start a fit to many rows from: those of an exact fit to some rows drawn by the key. */
export function* beginWithRows(
  kernel: Kernel,
  { x, y }: FitData,
  options: StartRowsOptions,
  root: Key,
): Task<Model> {
  const { startRows = 1000, starts = 3, seed = 0, noiseVariance = {} } = options;
  const mean = options.mean ? meanOf(options.mean) : constantMean(x.cols, columnMeans(y));
  const first = startModel(kernel, mean, x, y, noiseVariance);
  if (startRows === 0) return first;
  const rows = permutation(split(root, "rows"), x.rows).subarray(0, Math.min(startRows, x.rows));
  const some = { x: takeRows(x, rows), y: takeRows(y, rows) };
  const found = yield* fit(kernel, some, {
    mean,
    noiseVariance,
    starts,
    seed,
    // The search over all rows goes on from here.
    maxIterations: 50,
  });
  // The noise's floor is that of all the rows.
  const least = typeof first.noise.support === "object" ? 1.001 * first.noise.support.lower : 0;
  const noise = { ...first.noise, value: Float64Array.of(Math.max(found.noiseVariance, least)) };
  return { kernel: found.kernel, mean: found.mean, noise };
}
