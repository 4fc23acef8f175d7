import {
  type Cholesky,
  type Fn,
  halfSolveTransposed,
  inverse,
  type Matrix,
  matrix,
  multiply,
  solve,
} from "../../linalg/index.ts";
import { type Key, normal, split } from "../../random/index.ts";
import { type PatternPosterior, sandwiched } from "./collapsed-bound.ts";
import { expectations } from "./expectations.ts";
import { jitterOf } from "./latent-bound.ts";
import type { Mapping } from "./latent-model.ts";
import type { Latents } from "./latents.ts";
import { triangleBar, triangleSize } from "./triangle.ts";

/** Gaussian processes from latents to values, given the data. */
export interface MappingPosterior {
  readonly mapping: Mapping;
  /** What is added to every row's mean: the columns' averages in the data. */
  readonly centre: Float64Array;
  /** K⁻¹ E[u], m × columns. */
  readonly weights: Matrix;
  /** For each column the place of its `deficits`. */
  readonly patternOf: Int32Array;
  /** K⁻¹ − K⁻¹ Cov[u] K⁻¹ for each pattern of seen rows, m × m: what knowing u takes off the variance. */
  readonly deficits: readonly Matrix[];
  /**
   * Mean and variance of the noise-free values at uncertain latents, over the latents and the functions. With variances
   * of 0 they are the process's own.
   */
  at(latents: Latents): { readonly mean: Matrix; readonly variance: Matrix };
  /** Functions from latents to all columns, drawn from the posterior. */
  sample(key: Key, count: number): readonly Fn[];
}

export function mappingPosterior(
  mapping: Mapping,
  factor: Cholesky,
  patterns: readonly PatternPosterior[],
  centre: Float64Array,
): MappingPosterior {
  const { kernel, inducing } = mapping;
  const [m, d] = [inducing.rows, centre.length];
  const patternOf = new Int32Array(d);
  const whitened = matrix(m, d);
  patterns.forEach(({ columns, mean }, g) => {
    columns.forEach((column, c) => {
      patternOf[column] = g;
      for (let i = 0; i < m; i++) whitened.data[i * d + column] = mean.data[i * columns.length + c]!;
    });
  });
  const weights = halfSolveTransposed(factor, whitened);
  const deficits = patterns.map(({ precision }) => {
    const known = inverse(precision);
    for (let k = 0; k < known.data.length; k++) known.data[k]! *= -1;
    for (let i = 0; i < m; i++) known.data[i * (m + 1)]! += 1;
    return sandwiched(factor, known);
  });
  return {
    mapping,
    centre,
    weights,
    patternOf,
    deficits,
    at(latents) {
      const { psi0, psi1, psi2 } = expectations(kernel, latents, inducing);
      const mean = multiply(psi1, weights);
      const second = multiply(psi2, secondMoments(weights, deficits, patternOf));
      const variance = matrix(mean.rows, d);
      for (let k = 0; k < variance.data.length; k++) {
        const m1 = mean.data[k]!;
        // Where it is small it is a difference of large numbers: rounding must not make it negative.
        variance.data[k] = Math.max(0, psi0[Math.floor(k / d)]! + second.data[k]! - m1 * m1);
        mean.data[k] = m1 + centre[k % d]!;
      }
      return { mean, variance };
    },
    sample(key, count) {
      return Array.from({ length: count }, (_, s) => {
        const own = split(key, s);
        const coordinates = matrix(m, d, whitened.data.slice());
        patterns.forEach(({ columns, precision }, g) => {
          const errors = matrix(
            m,
            columns.length,
            normal(split(split(own, "values"), g), m * columns.length),
          );
          const moved = halfSolveTransposed(precision, errors);
          columns.forEach((column, c) => {
            for (let i = 0; i < m; i++)
              coordinates.data[i * d + column]! += moved.data[i * columns.length + c]!;
          });
        });
        const prior = priorDraws(mapping, split(own, "prior"), d);
        // Matheron's rule: a draw of the prior, moved by what the inducing values of the posterior differ from its own.
        const before = prior.at(inducing);
        const errors = normal(split(own, "jitter"), m * d);
        for (let k = 0; k < errors.length; k++) before.data[k]! += Math.sqrt(jitterOf(mapping)) * errors[k]!;
        const taken = solve(factor, before);
        const move = halfSolveTransposed(factor, coordinates);
        for (let k = 0; k < move.data.length; k++) move.data[k]! -= taken.data[k]!;
        return {
          inputs: inducing.cols,
          outputs: d,
          at(x: Matrix) {
            const out = prior.at(x);
            const moved = multiply(kernel.cross(x, inducing), move);
            for (let k = 0; k < out.data.length; k++) out.data[k]! += moved.data[k]! + centre[k % d]!;
            return out;
          },
        };
      });
    },
  };
}

// Enough that a draw's variance is right to a few per cent; over many draws it is right whatever their number.
const featureCount = 1000;

/**
 * Functions of d columns from the prior. They share their random features and differ in the features' weights: a
 * thousand pixels take as many weights, not as many sets of features.
 */
function priorDraws({ kernel, inducing }: Mapping, key: Key, d: number): Fn {
  const features = kernel.features!(split(key, "features"), inducing.cols, featureCount);
  const weights = matrix(
    2 * featureCount,
    d,
    normal(split(key, "weights"), 2 * featureCount * d).map((v) => v / Math.sqrt(featureCount)),
  );
  return { inputs: inducing.cols, outputs: d, at: (x) => multiply(features.at(x), weights) };
}

/** For each column the triangle of a aᵀ − deficit, a its weights: its product with ψ₂ is E[f²] − ψ₀. */
function secondMoments(weights: Matrix, deficits: readonly Matrix[], patternOf: Int32Array): Matrix {
  const { rows: m, cols: d, data } = weights;
  const known = deficits.map((deficit) => triangleBar(deficit));
  const out = matrix(triangleSize(m), d);
  for (let i = 0, t = 0; i < m; i++) {
    for (let j = 0; j <= i; j++, t++) {
      const twice = i === j ? 1 : 2;
      for (let c = 0; c < d; c++) {
        out.data[t * d + c] = twice * data[i * d + c]! * data[j * d + c]! - known[patternOf[c]!]![t]!;
      }
    }
  }
  return out;
}
