import { type Parameters, positive } from "../../kernels/index.ts";
import { type Matrix, matrix } from "../../linalg/index.ts";
import { targetVariance } from "../target-variance.ts";
import { ownVariances } from "./check.ts";
import { heteroscedastic } from "./heteroscedastic.ts";
import type { Likelihood } from "./likelihood.ts";
import { normalRule } from "./quadrature.ts";

/**
 * `heteroscedastic` for latents that share one prior of zero mean, as a deep process's outputs do: y ~ N(m, σ² e^{s g})
 * with the noise variance σ² (in squared units of y) and the strength s > 0 (of log variance, in 1 over the units of g)
 * as parameters. With s towards 0 the noise is constant.
 */
export function varyingNoise(noiseVariance: number, strength = 1): Likelihood {
  return varying({
    noiseVariance: positive("noiseVariance", noiseVariance, 1),
    strength: positive("strength", strength, 1),
  });
}

const plain = heteroscedastic();

function varying(parameters: Parameters): Likelihood {
  const noise = parameters.noiseVariance!.value[0]!;
  const s = parameters.strength!.value[0]!;
  const shift = Math.log(noise);
  /** (m, g) as (m, log σ² + s g). */
  const placed = (f: Matrix) => each(f, 2, (v, a) => (a === 0 ? v : shift + s * v));
  /** Variances of those: of each latent alone, or joint blocks. */
  const scaled = (v: Matrix) => blocks(v, s);
  const chained = (slope: Matrix, power: 1 | 2) => each(slope, 2, (v, a) => (a === 0 ? v : s ** power * v));
  return {
    name: "varying noise",
    latents: 2,
    outputs: 1,
    parameters,
    with: varying,
    latentsDiffer: true,
    guess(y) {
      const guessed = plain.guess(y);
      return each(guessed, 2, (v, a) => (a === 0 ? v : (v - shift) / s));
    },
    check: plain.check,
    logDensity: (f, y) => plain.logDensity(placed(f), y),
    derivatives(f, y) {
      const { gradient, curvature, hessian } = plain.derivatives(placed(f), y);
      return {
        gradient: chained(gradient, 1),
        curvature: blocks(curvature, s),
        hessian: blocks(hessian!, s),
      };
    },
    curvatureSlopes(f, _y, spread) {
      const out = matrix(f.rows, 2);
      let [ofShift, ofStrength] = [0, 0];
      for (let i = 0; i < f.rows; i++) {
        const g = f.data[2 * i + 1]!;
        const slope = -spread.data[4 * i]! * Math.exp(-shift - s * g);
        out.data[2 * i + 1] = s * slope;
        ofShift += slope;
        ofStrength += g * slope + s * spread.data[4 * i + 3]!;
      }
      return { f: out, parameters: byParameter(ofShift, ofStrength) };
    },
    parameterSlopes(f, y, direction) {
      let [ofShift, ofStrength] = [0, 0];
      for (let i = 0; i < f.rows; i++) {
        const g = f.data[2 * i + 1]!;
        const r = y.data[i]! - f.data[2 * i]!;
        const precision = Math.exp(-shift - s * g);
        const [along, across] = [direction?.data[2 * i] ?? 0, direction?.data[2 * i + 1] ?? 0];
        const rise = 0.5 * (r * r * precision - 1);
        const one = rise - along * r * precision - 0.5 * across * s * r * r * precision;
        ofShift += one;
        ofStrength += g * one + across * rise;
      }
      return byParameter(ofShift, ofStrength);
    },
    expected(mean, variance, y) {
      const found = plain.expected(placed(mean), scaled(variance), y);
      let [ofShift, ofStrength] = [0, 0];
      for (let k = 1; k < mean.data.length; k += 2) {
        ofShift += found.mean.data[k]!;
        ofStrength +=
          found.mean.data[k]! * mean.data[k]! + 2 * s * found.variance.data[k]! * variance.data[k]!;
      }
      return {
        value: found.value,
        mean: chained(found.mean, 1),
        variance: chained(found.variance, 2),
        parameters: byParameter(ofShift, ofStrength),
      };
    },
    predictive: (mean, variance) => plain.predictive(placed(mean), scaled(variance)),
    logPredictive: (mean, variance, y) => plain.logPredictive(placed(mean), scaled(variance), y),
  };

  function byParameter(ofShift: number, ofStrength: number) {
    return { noiseVariance: Float64Array.of(ofShift / noise), strength: Float64Array.of(ofStrength) };
  }
}

/**
 * What is seen of latents N(mean, variance) (n × 2, or n × 4 with joint blocks) as a mixture of Gaussians: nodes over
 * the log noise, each with its mean and variance (n × 1) and weight.
 */
export function seenThroughVaryingNoise(
  { parameters }: Likelihood,
  mean: Matrix,
  variance: Matrix,
): readonly { readonly mean: Matrix; readonly variance: Matrix; readonly weight: number }[] {
  const own = ownVariances(variance, 2).data;
  const { nodes, weights } = normalRule(noiseNodes);
  const column = (of: (i: number) => number) =>
    matrix(
      mean.rows,
      1,
      Float64Array.from({ length: mean.rows }, (_, i) => of(i)),
    );
  return Array.from(nodes, (z, k) => ({
    mean: column((i) => mean.data[2 * i]!),
    variance: column((i) => {
      const g = mean.data[2 * i + 1]! + Math.sqrt(own[2 * i + 1]!) * z;
      return own[2 * i]! + noiseAt(parameters, g);
    }),
    weight: weights[k]!,
  }));
}

/** σ² e^{s g}. */
export function noiseAt(parameters: Parameters, g: number): number {
  return parameters.noiseVariance!.value[0]! * Math.exp(parameters.strength!.value[0]! * g);
}

/** Where a search for varying noise starts: g of the deviation of y is a log variance of deviation 1. */
export function varyingNoiseFor(y: Matrix, noiseVariance: number): Likelihood {
  return varyingNoise(noiseVariance, 1 / Math.sqrt(targetVariance(y)));
}

// Nodes over the log noise variance: a deviation of 1 in it changes the density's tails in the third digit.
const noiseNodes = 5;

function each(a: Matrix, width: number, of: (v: number, column: number) => number): Matrix {
  return { ...a, data: a.data.map((v, k) => of(v, k % width)) };
}

/** Variances (n × 2) or joint blocks (n × 4) with the second latent times s. */
function blocks(a: Matrix, s: number): Matrix {
  const factors = a.cols === 2 ? [1, s * s] : [1, s, s, s * s];
  return each(a, a.cols, (v, column) => factors[column]! * v);
}
