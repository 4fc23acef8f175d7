import {
  add,
  dot,
  expectFinite,
  expectShape,
  type Fn,
  gramOf,
  halfSolve,
  halfSolveTransposed,
  logDeterminant,
  type Matrix,
  matrix,
  multiply,
  reshape,
  rowRange,
  scale,
  subtract,
  transpose,
} from "../linalg/index.ts";
import type { Network } from "../networks/index.ts";
import {
  expectObservations,
  Gaussian,
  leaveOneOutFrom,
  nonNegative,
  type Observations,
  type Posterior,
} from "../processes/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import { jacobian, type TangentKernel, tangentFn, weightDeviations } from "../tangent/index.ts";
import { type FeatureMoments, whitenedPosterior } from "./layer-scales.ts";

/** The adapted posterior found in weight space: p × p algebra, for more values than parameters. */
export interface WeightPosterior extends Posterior {
  /** The posterior mean of the move of the weights, in the order of `flatten`. */
  readonly shift: Float64Array;
  condition(more: Observations): WeightPosterior;
}

// Points whose Jacobian rows are written out at a time.
const chunk = 256;

/** Sums of JᵀJ, Jᵀr and rᵀr over data, in chunks; J is the network's Jacobian, r the residuals of the mean. */
export function featureMoments(
  network: Network,
  mean: Fn,
  { x, y }: { x: Matrix; y: Matrix },
): FeatureMoments {
  let squares: Matrix | undefined;
  let projected: Matrix | undefined;
  let total = 0;
  for (const part of chunks(x)) {
    const j = jacobian(network, part.x);
    const r = subtract(rowRange(y, part.from, part.to), mean.at(part.x));
    const column = reshape(r, r.data.length, 1);
    squares = squares ? add(squares, gramOf(j, true)) : gramOf(j, true);
    const jr = multiply(j, column, { a: true });
    projected = projected ? add(projected, jr) : jr;
    total += dot(r.data, r.data);
  }
  return { squares: squares!, projected: projected!, total, count: y.data.length };
}

/** The posterior of mean(x) + J(x) w, w ~ N(0, s), given the observations, by p × p algebra. */
export function conditionInWeightSpace(
  kernel: TangentKernel,
  mean: Fn,
  data: readonly Observations[],
): WeightPosterior {
  const { network, outputs } = kernel;
  const { inputs } = network;
  data.forEach((d) => {
    expectObservations(d, inputs, outputs);
  });
  // Dividing each set by its own noise leaves a problem of unit noise.
  const moments = data.map((d) => scaled(featureMoments(network, mean, d), 1 / d.noiseVariance));
  const whole = moments.reduce((a, b) => ({
    squares: add(a.squares, b.squares),
    projected: add(a.projected, b.projected),
    total: a.total + b.total,
    count: a.count + b.count,
  }));
  const deviations = weightDeviations(kernel);
  const { factor, mean: whitenedMean } = whitenedPosterior(whole.squares, whole.projected, deviations, 1);
  const shift = whitenedMean.data.map((u, i) => deviations[i]! * u);
  const logNoise = data.reduce((sum, d) => sum + d.y.data.length * Math.log(d.noiseVariance), 0);
  const logEvidence =
    -0.5 *
    (whole.count * Math.log(2 * Math.PI) +
      logNoise +
      logDeterminant(factor) +
      whole.total -
      dot(whole.projected.data, shift));
  const noiseVariance = data.at(-1)!.noiseVariance;
  const move = tangentFn(network, shift);

  /** L⁻¹ D Jᵀ of a few points, p × n·o: its Gram is their posterior covariance. */
  const whitened = (x: Matrix): Matrix => {
    const j = jacobian(network, x);
    for (let r = 0, k = 0; r < j.rows; r++) {
      for (let i = 0; i < j.cols; i++, k++) j.data[k]! *= deviations[i]!;
    }
    return halfSolve(factor, transpose(j));
  };
  const meanAt = (x: Matrix) => add(mean.at(x), move.at(x));

  const posterior: WeightPosterior = {
    inputs,
    outputs,
    noiseVariance,
    logEvidence,
    report: factor.report,
    shift,
    at(x) {
      expectShape(x, "x", undefined, inputs);
      expectFinite(x, "x");
      return new Gaussian({
        rows: x.rows,
        outputs,
        mean: () => meanAt(x),
        moments() {
          const variance = matrix(x.rows, outputs);
          for (const part of chunks(x)) {
            const v = whitened(part.x);
            const sums = new Float64Array(v.cols);
            for (let k = 0; k < v.data.length; k++) sums[k % v.cols]! += v.data[k]! ** 2;
            variance.data.set(sums.map(nonNegative), part.from * outputs);
          }
          return { mean: meanAt(x), variance };
        },
        covariance: () => gramOf(whitened(x), true),
      });
    },
    observed: (x) => posterior.at(x).withNoise(noiseVariance),
    sample: (key: Key, count: number) =>
      Array.from({ length: count }, (_, s) => {
        const white = matrix(factor.size, 1, normal(split(key, s), factor.size));
        const u = halfSolveTransposed(factor, white);
        const drawn = tangentFn(
          network,
          shift.map((w, i) => w + deviations[i]! * u.data[i]!),
        );
        return { inputs, outputs, at: (x: Matrix) => add(mean.at(x), drawn.at(x)) };
      }),
    leaveOneOut() {
      // (K + σ²I)⁻¹ has diagonal blocks I/σ² − V_ii/σ⁴, V_ii the posterior covariance of f at the point.
      const blocks: Matrix[] = [];
      const y = matrix(whole.count / outputs, outputs);
      const alpha = matrix(whole.count, 1);
      let row = 0;
      for (const d of data) {
        const fitted = meanAt(d.x);
        y.data.set(d.y.data, row * outputs);
        d.y.data.forEach((v, k) => {
          alpha.data[row * outputs + k] = (v - fitted.data[k]!) / d.noiseVariance;
        });
        for (let i = 0; i < d.x.rows; i++) {
          const spread = gramOf(whitened(rowRange(d.x, i, i + 1)), true);
          blocks.push({
            ...spread,
            data: spread.data.map((v, k) => {
              const own = k % (outputs + 1) === 0 ? 1 : 0;
              return (own - v / d.noiseVariance) / d.noiseVariance;
            }),
          });
        }
        row += d.x.rows;
      }
      return leaveOneOutFrom((i) => blocks[i]!, alpha, y);
    },
    condition: (more) => conditionInWeightSpace(kernel, mean, [...data, more]),
  };
  return posterior;
}

function* chunks(x: Matrix): Generator<{ x: Matrix; from: number; to: number }> {
  for (let from = 0; from < x.rows; from += chunk) {
    const to = Math.min(x.rows, from + chunk);
    yield { x: rowRange(x, from, to), from, to };
  }
}

function scaled(m: FeatureMoments, factor: number): FeatureMoments {
  return {
    ...m,
    squares: scale(m.squares, factor),
    projected: scale(m.projected, factor),
    total: factor * m.total,
  };
}
