import { ShapeError } from "../errors/index.ts";
import { type Matrix, rowRange } from "../linalg/index.ts";
import { conditionExactly, type ExactPosterior } from "./exact.ts";
import type { GaussianProcess } from "./prior.ts";
import type { Observations } from "./process.ts";

/** Observations whose noise variance is known for each point, in squared units of y. */
export interface NoisyObservations {
  readonly x: Matrix;
  readonly y: Matrix;
  /** One a row. */
  readonly noiseVariances: ArrayLike<number>;
}

/**
 * The exact posterior of data with a noise of their own each. `observed` adds the noise of the last one: for points to
 * come, add their own (`at(x).withNoise`). Throws ShapeError, NonFiniteError or UsageError for data that do not fit.
 */
export function conditionWithNoise(prior: GaussianProcess, data: NoisyObservations): ExactPosterior {
  const { x, y, noiseVariances } = data;
  if (noiseVariances.length !== x.rows || y.rows !== x.rows) {
    throw new ShapeError(
      `x, y and noiseVariances should have the same rows, got ${x.rows}, ${y.rows} and ${noiseVariances.length}`,
    );
  }
  const sets: Observations[] = [];
  // Neighbours of one noise are one set.
  for (let from = 0; from < x.rows; ) {
    let to = from + 1;
    while (to < x.rows && noiseVariances[to] === noiseVariances[from]) to++;
    sets.push({ x: rowRange(x, from, to), y: rowRange(y, from, to), noiseVariance: noiseVariances[from]! });
    from = to;
  }
  return conditionExactly(prior, sets.length > 0 ? sets : [{ x, y, noiseVariance: 0 }]);
}
