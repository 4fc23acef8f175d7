import { withSlopes } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { type ExactPosterior, posteriorOf } from "./exact.ts";
import { meanWithSlopes } from "./mean-with-slopes.ts";
import { type GaussianProcess, gp } from "./prior.ts";

// Points of a process with derivatives have one column more, which says what stands there: see `withSlopes`. These
// make such points of plain ones, n × d.

/** The function's values at x: n × (d + 1). */
export function valuesAt(x: Matrix): Matrix {
  return marked(x, 0);
}

/** The derivatives in one column (from 0) at x: n × (d + 1). */
export function slopesAt(x: Matrix, column: number): Matrix {
  return marked(x, column + 1);
}

/** All derivatives at x: n·d × (d + 1), point after point. */
export function gradientsAt(x: Matrix): Matrix {
  const d = x.cols;
  const out = matrix(x.rows * d, d + 1);
  for (let i = 0, row = 0; i < x.rows; i++) {
    for (let c = 0; c < d; c++, row++) {
      out.data.set(x.data.subarray(i * d, (i + 1) * d), row * (d + 1));
      out.data[row * (d + 1) + d] = c + 1;
    }
  }
  return out;
}

/**
 * The process of a function together with its derivatives: condition it on values and slopes alike, and ask it for
 * both, at `valuesAt`, `slopesAt` and `gradientsAt` points. Of a posterior, in O(n) and without solving again: the
 * posterior of the derivatives as well. Needs one output; throws UsageError for kernels without derivatives.
 */
export function withDerivatives(process: ExactPosterior): ExactPosterior;
export function withDerivatives(process: GaussianProcess): GaussianProcess;
export function withDerivatives(process: GaussianProcess | ExactPosterior): GaussianProcess | ExactPosterior {
  if (!("solution" in process)) return lifted(process);
  const { prior, data, solution, noiseVariance } = process;
  const x = valuesAt(solution.x);
  const parts = data.map((set) => ({ ...set, x: valuesAt(set.x) }));
  return posteriorOf(lifted(prior), parts, { ...solution, x }, noiseVariance);
}

function lifted({ kernel, mean, inputs }: GaussianProcess): GaussianProcess {
  return gp(withSlopes(kernel, inputs), { mean: meanWithSlopes(mean), inputs: inputs + 1 });
}

function marked(x: Matrix, mark: number): Matrix {
  const out = matrix(x.rows, x.cols + 1);
  for (let i = 0; i < x.rows; i++) {
    out.data.set(x.data.subarray(i * x.cols, (i + 1) * x.cols), i * out.cols);
    out.data[i * out.cols + x.cols] = mark;
  }
  return out;
}
