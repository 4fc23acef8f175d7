import { cholesky, expectShape, type Fn, halfSolve, type Matrix, matrix } from "../../linalg/index.ts";
import { type Key, split } from "../../random/index.ts";
import { Gaussian } from "../gaussian.ts";
import { gaussian } from "../likelihoods/gaussian.ts";
import type { Likelihood, Predictive } from "../likelihoods/likelihood.ts";
import { type Mean, meanOf } from "../means.ts";
import { expectPoints, type GaussianProcess } from "../prior.ts";
import type { Process } from "../process.ts";
import { inducingFactor, searchJitter } from "./inducing.ts";
import { inducingProcess } from "./inducing-process.ts";
import type { VariationalModel, WhiteGaussian } from "./variational-bound.ts";

/** p(f | data) through inducing points under any likelihood: the latent functions, independent of each other. */
export interface VariationalPosterior extends Process<Gaussian> {
  readonly method: "variational";
  readonly model: VariationalModel;
  readonly likelihood: Likelihood;
  /** m × inputs. */
  readonly inducing: Matrix;
  /** A lower bound on log p(y), in nats. */
  readonly logEvidence: number;
  /** Added to the diagonal of k(Z, Z). */
  readonly jitter: number;
  /** What will be seen at x. */
  observed(x: Matrix): Predictive;
  /** log p(y_i | data) of each row, in nats. */
  logPredictive(x: Matrix, y: Matrix): Float64Array;
}

/** The posterior of a model whose q was found, with its bound. */
export function variationalPosterior(model: VariationalModel, logEvidence: number): VariationalPosterior {
  const { kernel, mean, likelihood, inducing, factor, latents } = model;
  const parts = latents.map(({ precision, pull }, l) => {
    const root = cholesky(precision);
    const own = latents.length === 1 ? mean : columnOf(mean, l);
    return inducingProcess({
      kernel,
      mean: own,
      inducing,
      factor,
      precision: root,
      half: halfSolve(root, pull),
    });
  });
  const process = parts.length === 1 ? parts[0]! : sideBySide(parts);
  return {
    ...process,
    method: "variational",
    model,
    likelihood,
    inducing,
    logEvidence,
    jitter: factor.report.jitter,
    observed(x) {
      const { mean: means, variance } = process.at(x);
      return likelihood.predictive(means, variance);
    },
    logPredictive(x, y) {
      expectShape(y, "y", x.rows, likelihood.outputs);
      likelihood.check(y);
      const { mean: means, variance } = process.at(x);
      return likelihood.logPredictive(means, variance, y);
    },
  };
}

/** The posterior of a q found before, under Gaussian noise. */
export function restoreVariational(
  { kernel, mean }: GaussianProcess,
  inducing: Matrix,
  q: WhiteGaussian,
  noiseVariance: number,
  logEvidence: number,
): VariationalPosterior {
  const likelihood = gaussian(noiseVariance);
  const factor = inducingFactor(kernel, inducing, searchJitter);
  return variationalPosterior({ kernel, mean, likelihood, inducing, factor, latents: [q] }, logEvidence);
}

function columnOf(mean: Mean, column: number): Mean {
  return meanOf({ inputs: mean.inputs, outputs: 1, at: (x) => columnAt(mean.at(x), column) });
}

function columnAt(a: Matrix, column: number): Matrix {
  return matrix(
    a.rows,
    1,
    Float64Array.from({ length: a.rows }, (_, i) => a.data[i * a.cols + column]!),
  );
}

/** Independent processes of one output each as one of several. */
function sideBySide(parts: readonly Process<Gaussian>[]): Process<Gaussian> {
  const outputs = parts.length;
  const inputs = parts[0]!.inputs;
  return {
    inputs,
    outputs,
    at(x) {
      expectPoints(x, inputs);
      const each = parts.map((p) => p.at(x));
      const n = x.rows;
      return new Gaussian({
        rows: n,
        outputs,
        mean: () => columns(each.map((g) => g.mean)),
        moments: () => ({
          variance: columns(each.map((g) => g.variance)),
          mean: columns(each.map((g) => g.mean)),
        }),
        covariance() {
          const out = matrix(n * outputs, n * outputs);
          each.forEach(({ covariance }, p) => {
            for (let i = 0; i < n; i++) {
              for (let j = 0; j < n; j++) {
                out.data[(i * outputs + p) * out.cols + j * outputs + p] = covariance.data[i * n + j]!;
              }
            }
          });
          return out;
        },
      });
    },
    sample(key: Key, count: number) {
      const each = parts.map((p, l) => p.sample(split(key, l), count));
      return Array.from(
        { length: count },
        (_, s): Fn => ({ inputs, outputs, at: (x) => columns(each.map((fns) => fns[s]!.at(x))) }),
      );
    },
  };
}

/** Columns of one width put side by side. */
function columns(parts: readonly Matrix[]): Matrix {
  const out = matrix(parts[0]!.rows, parts.length);
  parts.forEach((part, p) => {
    part.data.forEach((v, i) => {
      out.data[i * parts.length + p] = v;
    });
  });
  return out;
}
