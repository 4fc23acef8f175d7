import { UsageError } from "../../errors/index.ts";
import type { PathFn } from "../../kernels/index.ts";
import { expectShape, type Matrix, matrix, rowRange, stackRows } from "../../linalg/index.ts";
import { type Key, key as keyOf, split } from "../../random/index.ts";
import type { ExactPosterior } from "../exact.ts";
import type { Gaussian } from "../gaussian.ts";
import { pullbackOf } from "../input-slopes.ts";
import { type Box, expectBox, highest, type Landscape } from "./box.ts";
import { expectedImprovement, logExpectedImprovement, type Score } from "./expected-improvement.ts";

export type Acquisition = "expectedImprovement" | "confidenceBound" | "thompson";

export interface SuggestOptions {
  /** What is sought. "minimise" unless given. */
  readonly goal?: "minimise" | "maximise";
  /**
   * How points are judged: by the expected improvement on the best mean seen so far (Jones, Schonlau & Welch 1998),
   * by mean ∓ width · standard deviation (Srinivas et al. 2010), or by where functions drawn from the posterior have
   * their optimum (Thompson 1933). "expectedImprovement" unless given.
   */
  readonly acquisition?: Acquisition;
  /** Standard deviations of the confidence bound. 2 unless given. */
  readonly width?: number;
  /** Points wanted, to be evaluated together. 1 unless given. */
  readonly count?: number;
  /** Points under evaluation whose values are not known yet, m × inputs. */
  readonly pending?: Matrix;
  /** key(0) unless given. */
  readonly key?: Key;
}

export interface Suggestions {
  /** count × inputs, the first one the best. */
  readonly x: Matrix;
  /** What the posterior says of these points, before they are evaluated. */
  readonly prediction: Gaussian;
  /** The expected improvement, the bound, or the drawn function's value, of each, in units of the outputs. */
  readonly scores: Float64Array;
}

/**
 * The next points to evaluate inside a box. Several at once are chosen one after the other, each as if the ones
 * before had come out at their means (kriging believer, Ginsbourger, Le Riche & Carraro 2010), Thompson's by a draw
 * each; they are always distinct. Needs one output and a kernel with derivatives in its inputs; throws UsageError
 * otherwise.
 */
export function suggest(posterior: ExactPosterior, box: Box, options: SuggestOptions = {}): Suggestions {
  const { acquisition = "expectedImprovement", width = 2, count = 1, pending } = options;
  const { goal = "minimise", key = keyOf(0) } = options;
  const { inputs, outputs } = posterior;
  if (outputs !== 1) throw new UsageError(`suggest is for one output, the posterior has ${outputs}`);
  if (!(Number.isInteger(count) && count >= 1)) {
    throw new UsageError(`suggest: count is a whole number of at least 1, got ${count}`);
  }
  if (!(width >= 0 && width < Infinity)) {
    throw new UsageError(`suggest: width is finite and at least 0, got ${width}`);
  }
  expectBox(box, inputs);
  if (pending) expectShape(pending, "pending", undefined, inputs);
  const sign = goal === "minimise" ? 1 : -1;

  let believed = pending && pending.rows > 0 ? believing(posterior, pending) : posterior;
  let taken = pending && pending.rows > 0 ? pending : undefined;
  const scores = new Float64Array(count);
  const chosen: Matrix[] = [];
  for (let i = 0; i < count; i++) {
    const own = split(split(key, "suggest"), i);
    const best = bestSeen(believed, sign);
    const landscape =
      acquisition === "thompson"
        ? ofPath(drawn(posterior, split(own, "draw")), sign, unitOf(posterior))
        : ofMoments(believed, sign, scoring(acquisition, width, sign * best.mean, unitOf(posterior)));
    const { x } = highest(landscape, box, best.x, taken, own);
    chosen.push(x);
    scores[i] = scoreAt(x);
    taken = taken ? stackRows([taken, x]) : x;
    if (i + 1 < count && acquisition !== "thompson") believed = believing(believed, x);

    function scoreAt(at: Matrix): number {
      if (acquisition === "thompson") return drawn(posterior, split(own, "draw")).at(at).data[0]!;
      const { mean, standardDeviation } = believed.at(at);
      const [m, s] = [mean.data[0]!, standardDeviation.data[0]!];
      if (acquisition === "confidenceBound") return m - sign * width * s;
      return expectedImprovement(sign * m, s, sign * best.mean).value;
    }
  }
  const x = stackRows(chosen);
  return { x, prediction: posterior.at(x), scores };
}

function drawn(posterior: ExactPosterior, key: Key): PathFn {
  return posterior.sample(key, 1)[0]!;
}

/** The observed point with the best posterior mean: with noise, the best value seen would be luck. */
function bestSeen(posterior: ExactPosterior, sign: number): { readonly x: Matrix; readonly mean: number } {
  const { x } = posterior.solution;
  const { data } = posterior.at({ ...x }).mean;
  let best = 0;
  for (let i = 1; i < data.length; i++) if (sign * data[i]! < sign * data[best]!) best = i;
  return { x: rowRange(x, best, best + 1), mean: data[best]! };
}

/** The prior's standard deviation at the first point: makes slopes of scores free of units. */
function unitOf({ prior, solution }: ExactPosterior): number {
  const variance = prior.kernel.diagonal(rowRange(solution.x, 0, 1))[0]!;
  return variance > 0 ? Math.sqrt(variance) : 1;
}

/** The posterior as if these points had been seen at their means, with hardly any noise: its mean stays the same. */
function believing(posterior: ExactPosterior, x: Matrix): ExactPosterior {
  const noiseVariance = 1e-6 * unitOf(posterior) ** 2;
  return posterior.condition({ x, y: posterior.at(x).mean, noiseVariance });
}

/** To be made large; `mean` and `best` carry the sign of a minimisation. */
type Scoring = (mean: number, deviation: number) => Score;

function scoring(acquisition: Acquisition, width: number, best: number, unit: number): Scoring {
  if (acquisition === "expectedImprovement") return (mean, s) => logExpectedImprovement(mean, s, best);
  return (mean, s) => ({
    value: (best - mean + width * s) / unit,
    byMean: -1 / unit,
    byDeviation: width / unit,
  });
}

function ofMoments(posterior: ExactPosterior, sign: number, score: Scoring): Landscape {
  return {
    values(x) {
      const { variance, mean } = posterior.at(x);
      return mean.data.map((m, i) => score(sign * m, Math.sqrt(variance.data[i]!)).value);
    },
    slope(x) {
      const { mean, variance, pullback } = posterior.slopes(x);
      const deviation = Math.sqrt(variance.data[0]!);
      const { value, byMean, byDeviation } = score(sign * mean.data[0]!, deviation);
      const byVariance = deviation > 0 ? byDeviation / (2 * deviation) : 0;
      const bar = (v: number) => matrix(1, 1, Float64Array.of(v));
      return { value, gradient: pullback({ mean: bar(sign * byMean), variance: bar(byVariance) }).data };
    },
  };
}

function ofPath(path: PathFn, sign: number, unit: number): Landscape {
  const bar = matrix(1, 1, Float64Array.of(-sign / unit));
  return {
    values: (x) => path.at(x).data.map((v) => (-sign * v) / unit),
    slope: (x) => ({
      value: (-sign * path.at(x).data[0]!) / unit,
      gradient: pullbackOf(path, x, bar).data,
    }),
  };
}
