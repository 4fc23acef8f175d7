import type { Fn, Matrix, SolveReport } from "../linalg/index.ts";
import type { Key } from "../random/index.ts";
import type { Gaussian, Marginal } from "./gaussian.ts";

/** Values seen at points, with independent Gaussian noise. */
export interface Observations {
  /** n × inputs. */
  readonly x: Matrix;
  /** n × outputs. */
  readonly y: Matrix;
  /** In squared units of y. */
  readonly noiseVariance: number;
}

/** A distribution over functions. */
export interface Process<D extends Marginal = Marginal> {
  readonly inputs: number;
  readonly outputs: number;
  /** The distribution of f at the points x (n × inputs), without observation noise. */
  at(x: Matrix): D;
  /** Functions drawn from the process, each callable anywhere. */
  sample(key: Key, count: number): readonly Fn[];
}

/** Predictions of one training point from all others. */
export interface LeaveOneOut {
  /** n × outputs: the mean of y_i given all other points. */
  readonly mean: Matrix;
  /** n × outputs: the variance of y_i (noise included) given all other points. */
  readonly variance: Matrix;
  /** y − mean. */
  readonly residual: Matrix;
  /** Σ_i log p(y_i | all others), in nats; jointly over the outputs of a point. */
  readonly logDensity: number;
}

/** p(f | data) under a Gaussian likelihood: again a process. */
export interface Posterior extends Process<Gaussian> {
  readonly noiseVariance: number;
  /** How the posterior's matrix was factored, and the jitter it needed. */
  readonly report: SolveReport;
  /** log p(y), the log marginal likelihood, in nats. */
  readonly logEvidence: number;
  /** The distribution of noisy observations at x. */
  observed(x: Matrix): Gaussian;
  leaveOneOut(): LeaveOneOut;
  /** The posterior given these observations as well; their noise may differ. */
  condition(more: Observations): Posterior;
}
