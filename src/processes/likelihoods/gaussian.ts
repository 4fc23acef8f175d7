import { type Parameters, positive, setUnset, unlessGiven } from "../../kernels/index.ts";
import { type Matrix, matrix } from "../../linalg/index.ts";
import { targetVariance } from "../target-variance.ts";
import { expectMoments, expectTargets, ownVariances } from "./check.ts";
import type { Likelihood } from "./likelihood.ts";
import { gaussianSite } from "./site.ts";

/**
 * y = f + noise of one variance (in squared units of y), over `outputs` columns that each have a latent of their own.
 * Every expectation in closed form.
 */
export function gaussian(noiseVariance?: number, outputs = 1): Likelihood {
  const noise = unlessGiven(noiseVariance, 0.1, (v) => positive("noiseVariance", v, 1));
  return gaussianOf({ noiseVariance: noise }, outputs);
}

function gaussianOf(parameters: Parameters, outputs: number): Likelihood {
  const noise = parameters.noiseVariance!.value[0]!;
  const like = (f: Matrix, of: (k: number) => number): Matrix => ({
    ...f,
    data: f.data.map((_, k) => of(k)),
  });
  /** Σ over a row of log N(y | mean, noise + added). */
  const rows = (mean: Matrix, y: Matrix, added: (k: number) => number) => {
    const out = new Float64Array(mean.rows);
    mean.data.forEach((m, k) => {
      const s = noise + added(k);
      out[Math.floor(k / outputs)]! -= 0.5 * (Math.log(2 * Math.PI * s) + (y.data[k]! - m) ** 2 / s);
    });
    return out;
  };
  return {
    name: "gaussian",
    latents: outputs,
    outputs,
    parameters,
    with: (next) => gaussianOf(next, outputs),
    startAt: (y) =>
      gaussianOf(setUnset(parameters, { noiseVariance: () => [0.1 * targetVariance(y)] }), outputs),
    guess: (y) => y,
    check: (y) => expectTargets(y, outputs, Number.isFinite, "targets are finite numbers"),
    ...(outputs === 1 && { sites: (y: Matrix) => Array.from(y.data, (v) => gaussianSite(v, noise)) }),
    logDensity: (f, y) => rows(f, y, () => 0),
    derivatives(f, y) {
      const curvature = matrix(f.rows, outputs * outputs);
      for (let i = 0; i < f.rows; i++) {
        for (let a = 0; a < outputs; a++)
          curvature.data[i * outputs * outputs + a * (outputs + 1)] = 1 / noise;
      }
      return { gradient: like(f, (k) => (y.data[k]! - f.data[k]!) / noise), curvature };
    },
    curvatureSlopes(f, _y, spread) {
      const trace = ownVariances(spread, outputs).data.reduce((sum, v) => sum + v, 0);
      return {
        f: matrix(f.rows, outputs),
        parameters: { noiseVariance: Float64Array.of(-trace / noise ** 2) },
      };
    },
    parameterSlopes(f, y, direction) {
      let slope = 0;
      f.data.forEach((v, k) => {
        const r = y.data[k]! - v;
        slope += (0.5 * (r * r - noise)) / noise ** 2 - ((direction?.data[k] ?? 0) * r) / noise ** 2;
      });
      return { noiseVariance: Float64Array.of(slope) };
    },
    expected(mean, variance, y) {
      expectMoments(mean, variance, outputs);
      const value = rows(mean, y, () => 0);
      let squares = 0;
      mean.data.forEach((m, k) => {
        value[Math.floor(k / outputs)]! -= (0.5 * variance.data[k]!) / noise;
        squares += (y.data[k]! - m) ** 2 + variance.data[k]!;
      });
      return {
        value,
        mean: like(mean, (k) => (y.data[k]! - mean.data[k]!) / noise),
        variance: like(mean, () => -0.5 / noise),
        parameters: { noiseVariance: Float64Array.of((0.5 * (squares / noise - mean.data.length)) / noise) },
      };
    },
    predictive(mean, variance) {
      expectMoments(mean, variance, outputs);
      const own = ownVariances(variance, outputs);
      return { kind: "number", mean, variance: like(mean, (k) => own.data[k]! + noise) };
    },
    logPredictive(mean, variance, y) {
      expectMoments(mean, variance, outputs);
      const own = ownVariances(variance, outputs);
      return rows(mean, y, (k) => own.data[k]!);
    },
  };
}
