import { engine } from "../engine/index.ts";
import {
  add,
  conjugateGradients,
  dot,
  type Matrix,
  matrix,
  reshape,
  type SolveReport,
} from "../linalg/index.ts";
import {
  type BlockRoot,
  mostNewtonSteps,
  rootTimes,
  rootTransposedTimes,
} from "../processes/latent/index.ts";
import type { Features } from "./features.ts";
import type { Likelihood } from "./likelihoods.ts";
import type { WeightCovariance } from "./weight-covariance.ts";

/** The mode of the whitened weights with an approximate covariance around it. */
export interface ApproximateMode {
  readonly u: Float64Array;
  readonly covariance: WeightCovariance;
  /** Laplace's log evidence with the approximate determinant, in nats. */
  readonly logEvidence: number;
  /** How well the last linear system was solved. */
  readonly report: SolveReport;
}

/** An approximation of the covariance for curvatures W = R Rᵀ at the examples. */
export type Approximate = (root: BlockRoot) => WeightCovariance;

// Passes through the network for one linear system; the report says what residual they left.
const mostProducts = 500;

/**
 * The mode of mean(x) + φ(x) u by Newton's method, each step solved by conjugate gradients on products with the
 * generalised Gauss-Newton matrix I + ΦᵀWΦ (Martens 2010): a pass forward and one back, nothing p × p. The approximate
 * covariance is the preconditioner too; the mode itself is not approximated beyond the solver's tolerance.
 */
export function approximateMode(
  features: Features,
  x: Matrix,
  mean: Matrix,
  likelihood: Likelihood,
  approximate: Approximate,
): ApproximateMode {
  const { outputs } = likelihood;
  const products = features.operator(x);
  // Products in single precision leave residuals of their own size, grown by the system's condition.
  const tolerance = features.kernel.network.precision === "f32" ? 1e-4 : 1e-10;
  const column = (u: Float64Array) => matrix(u.length, 1, u);
  const at = (u: Float64Array) => {
    const moved = reshape(products.apply(column(u)), mean.rows, outputs);
    const f = add(mean, moved);
    return { u, moved, f, value: likelihood.logDensity(f) - 0.5 * dot(u, u) };
  };
  const rootAt = (f: Matrix): BlockRoot => ({ blocks: likelihood.root(f), outputs });
  let here = at(new Float64Array(features.count));
  let covariance = approximate(rootAt(here.f));
  let residual = 0;
  for (let step = 0; step < mostNewtonSteps; step++) {
    const root = rootAt(here.f);
    const curved = (f: Matrix) => rootTimes(root, rootTransposedTimes(root, f));
    const b = add(
      curved(reshape(here.moved, here.moved.data.length, 1)),
      reshape(likelihood.gradient(here.f), here.f.data.length, 1),
    );
    const solution = conjugateGradients(
      (v) => add(v, products.applyTranspose(curved(products.apply(v)))),
      products.applyTranspose(b),
      { preconditioner: covariance.apply, tolerance, start: column(here.u), maxIterations: mostProducts },
    );
    residual = solution.residuals[0]!;
    const from = here.u;
    const target = solution.x.data;
    let next = at(target);
    const slack = 10 * tolerance * Math.max(1, Math.abs(here.value));
    for (let t = 0.5; next.value < here.value - slack && t > 1e-6; t /= 2) {
      next = at(from.map((v, i) => v + t * (target[i]! - v)));
    }
    const gain = next.value - here.value;
    here = next;
    if (!likelihood.traceSlope || gain <= slack) break;
  }
  if (likelihood.traceSlope) covariance = approximate(rootAt(here.f));
  return {
    u: here.u,
    covariance,
    logEvidence: here.value - 0.5 * covariance.logDeterminant,
    report: { method: "conjugate gradients", engine: engine().name, jitter: 0, residual },
  };
}
