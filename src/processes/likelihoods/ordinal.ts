import { UsageError } from "../../errors/index.ts";
import { type Parameters, positive, within } from "../../kernels/index.ts";
import { matrix } from "../../linalg/index.ts";
import { expectTargets } from "./check.ts";
import type { Likelihood } from "./likelihood.ts";
import { logNormalBelow, logNormalDensity, normalBelow } from "./normal-tail.ts";
import { type Local, type LocalByParameter, oneLatent } from "./one-latent.ts";

/**
 * Ordered levels 0, …, c − 1: level k is seen where f plus standard normal noise falls between the cut points b_k and
 * b_{k+1}: p(k | f) = Φ(b_{k+1} − f) − Φ(b_k − f), b_0 = −∞, b_c = ∞ (Chu & Ghahramani 2005). Parameters: `first` cut
 * point and the positive `gaps` between them; a unit apart around 0 unless given.
 */
export function ordinal(levels: number, cuts?: ArrayLike<number>): Likelihood {
  if (!(Number.isInteger(levels) && levels >= 3)) {
    throw new UsageError(
      `ordinal takes a whole number of levels from 3, got ${levels}: two are bernoulli("probit")`,
    );
  }
  const all = Float64Array.from(cuts ?? { length: levels - 1 }, (v, k) =>
    cuts ? Number(v) : k - levels / 2 + 1,
  );
  if (all.length !== levels - 1) {
    throw new UsageError(`${levels} levels have ${levels - 1} cut points between them, got ${all.length}`);
  }
  return ordinalOf({
    first: within("first", all[0]!, "real", 1),
    gaps: positive(
      "gaps",
      all.slice(1).map((v, k) => v - all[k]!),
      levels - 2,
    ),
  });
}

function ordinalOf(parameters: Parameters): Likelihood {
  const gaps = parameters.gaps!.value;
  const cuts = new Float64Array(gaps.length + 1);
  cuts[0] = parameters.first!.value[0]!;
  gaps.forEach((gap, k) => {
    cuts[k + 1] = cuts[k]! + gap;
  });
  const levels = cuts.length + 1;
  const end = (k: number) => (k < 0 ? -Infinity : k >= cuts.length ? Infinity : cuts[k]!);
  return oneLatent({
    name: "ordinal",
    parameters,
    with: ordinalOf,
    guess: (y) => y - (levels - 1) / 2,
    check: (y) =>
      expectTargets(
        y,
        1,
        (v) => Number.isInteger(v) && v >= 0 && v < levels,
        `one of ${levels} levels is a whole number from 0 to ${levels - 1}`,
      ),
    at: (f, y) => between(end(y - 1) - f, end(y) - f),
    byParameter(f, y) {
      const [lower, upper] = [end(y - 1) - f, end(y) - f];
      const own = (moves: (k: number) => boolean): LocalByParameter =>
        byCuts(lower, upper, moves(y - 1) ? 1 : 0, moves(y) ? 1 : 0);
      return {
        first: [own((k) => k >= 0 && k < cuts.length)],
        gaps: Array.from(gaps, (_, j) => own((k) => k > j && k < cuts.length)),
      };
    },
    predictive(mean, variance) {
      const probabilities = matrix(mean.rows, levels);
      mean.data.forEach((m, i) => {
        const spread = Math.sqrt(1 + variance.data[i]!);
        for (let k = 0; k < levels; k++) {
          probabilities.data[i * levels + k] = Math.exp(
            logBetween((end(k - 1) - m) / spread, (end(k) - m) / spread),
          );
        }
      });
      return { kind: "classes", probabilities };
    },
    logPredictive(mean, variance, y) {
      const spread = Math.sqrt(1 + variance);
      return logBetween((end(y - 1) - mean) / spread, (end(y) - mean) / spread);
    },
  });
}

/** log(Φ(b) − Φ(a)) for a < b, taken in the tail where it is small. */
function logBetween(a: number, b: number): number {
  if (a > 0) return logBetween(-b, -a);
  if (b === Infinity) return logNormalBelow(-a);
  const above = logNormalBelow(b);
  if (a === -Infinity) return above;
  if (b > 0) return Math.log(normalBelow(b) - normalBelow(a));
  return above + Math.log1p(-Math.exp(logNormalBelow(a) - above));
}

/** φ at an end over the probability between the ends; 0 at infinity. */
function weight(end: number, logProbability: number): number {
  return Number.isFinite(end) ? Math.exp(logNormalDensity(end) - logProbability) : 0;
}

// With A = φ(a)/p and B = φ(b)/p of the ends a, b, and z times those: what each derivative is made of.
function parts(a: number, b: number) {
  const value = logBetween(a, b);
  const [A, B] = [weight(a, value), weight(b, value)];
  const [aA, bB] = [A === 0 ? 0 : a * A, B === 0 ? 0 : b * B];
  return { value, A, B, aA, bB, a2A: A === 0 ? 0 : a * aA, b2B: B === 0 ? 0 : b * bB };
}

/** Both ends move by −1 as f moves by 1. */
function between(a: number, b: number): Local {
  const { value, A, B, aA, bB, a2A, b2B } = parts(a, b);
  const slope = A - B;
  // ∂p/∂f over p is the slope; the second derivative of p over p is aA − bB, the third a²A − A − b²B + B.
  const second = aA - bB;
  const third = a2A - A - b2B + B;
  const curvature = slope * slope - second;
  return {
    value,
    slope,
    curvature: Math.max(0, curvature),
    curvatureSlope: 2 * slope * (second - slope * slope) - (third - second * slope),
  };
}

/** The ends move by da and db. */
function byCuts(a: number, b: number, da: number, db: number): LocalByParameter {
  const { A, B, aA, bB, a2A, b2B } = parts(a, b);
  const value = db * B - da * A;
  const slope = A - B;
  const second = aA - bB;
  // ∂(φ(a)/p) = −a A da − A ∂log p
  const slopeMove = -aA * da + bB * db - slope * value;
  const secondMove = (A - a2A) * da - (B - b2B) * db - second * value;
  return { value, slope: slopeMove, curvature: 2 * slope * slopeMove - secondMove };
}
