import { NonFiniteError, UsageError } from "../../errors/index.ts";
import { type Kernel, matern52 } from "../../kernels/index.ts";
import {
  columnVector,
  expectFinite,
  expectShape,
  type Matrix,
  matrix,
  rowRange,
  stackRows,
} from "../../linalg/index.ts";
import { key as keyOf, split } from "../../random/index.ts";
import { runSync, type Task } from "../../tasks/index.ts";
import type { ExactPosterior } from "../exact.ts";
import { type FitData, type FitOptions, fit } from "../fit/index.ts";
import { type Box, expectBox, spread } from "./box.ts";
import { type SuggestOptions, suggest } from "./suggest.ts";

export interface SearchOptions
  extends Pick<SuggestOptions, "goal" | "acquisition" | "width" | "key">,
    Pick<FitOptions, "noiseVariance"> {
  /** How often the function may be evaluated. 20 + 10 a column unless given. */
  readonly evaluations?: number;
  /** Matérn 5/2 with a lengthscale a column unless given; its parameters are fitted again as the data grow. */
  readonly kernel?: Kernel;
  /** Values known beforehand; they do not count as evaluations. */
  readonly known?: FitData;
}

export interface SearchResult {
  /** The point with the best posterior mean among those evaluated: with noise, the best value seen would be luck. */
  readonly x: Float64Array;
  /** What was seen there. */
  readonly value: number;
  /** All points and values, the known ones first. */
  readonly data: FitData;
  /** What is believed of the function at the end. */
  readonly posterior: ExactPosterior;
}

/**
 * Looks for the optimum of an expensive function without calling it: yields the next point to evaluate and takes its
 * value, `search.next(value)`, so that evaluations may take a day or a promise. First points spread over the box
 * (2 a column and 2), then those that `suggest` gives from a Gaussian process of the values so far.
 */
export function* search(
  box: Box,
  options: SearchOptions = {},
): Generator<Float64Array, SearchResult, number> {
  const inputs = box.lower.length;
  expectBox(box, inputs);
  const { evaluations = usual(box), kernel = matern52({ ard: inputs }), known } = options;
  const { goal = "minimise", key = keyOf(0), noiseVariance } = options;
  if (!(Number.isInteger(evaluations) && evaluations >= 1)) {
    throw new UsageError(`search: evaluations is a whole number of at least 1, got ${evaluations}`);
  }
  if (known) expectKnown(known, inputs);
  let x = known?.x ?? matrix(0, inputs);
  let y = known?.y ?? matrix(0, 1);
  const fitted = (): ExactPosterior =>
    runSync(fit(kernel, { x, y }, { starts: 2, ...(noiseVariance !== undefined && { noiseVariance }) }))
      .process;

  const first = Math.min(evaluations, Math.max(1, 2 * inputs + 2 - x.rows));
  const design = spread(box, first, split(key, "design"));
  let posterior: ExactPosterior | undefined;
  let fittedAt = 0;
  for (let i = 0; i < evaluations; i++) {
    const next: Matrix =
      i < first ? rowRange(design, i, i + 1) : suggest(posterior!, box, { ...options, key: split(key, i) }).x;
    const value: number = yield next.data.slice();
    if (!Number.isFinite(value)) {
      throw new NonFiniteError(`search: the function is ${value} at (${next.data.join(", ")})`);
    }
    const seen = { x: next, y: columnVector([value]) };
    x = stackRows([x, seen.x]);
    y = stackRows([y, seen.y]);
    if (i + 1 < first) continue;
    // Parameters hardly move with one value more among many: then it is only added, in O(n²).
    if (posterior && x.rows < 1.1 * fittedAt) {
      posterior = posterior.condition({ ...seen, noiseVariance: posterior.noiseVariance });
    } else {
      posterior = fitted();
      fittedAt = x.rows;
    }
  }
  const end = posterior!;
  const best = bestRow(end, goal === "minimise" ? 1 : -1);
  return {
    x: x.data.slice(best * inputs, (best + 1) * inputs),
    value: y.data[best]!,
    data: { x, y },
    posterior: end,
  };
}

/**
 * The smallest value of a function inside a box, by `search`. One progress report an evaluation, with the best value
 * seen as a metric.
 */
export function* minimise(
  f: (x: Float64Array) => number,
  box: Box,
  options: Omit<SearchOptions, "goal"> = {},
): Task<SearchResult> {
  const total = options.evaluations ?? usual(box);
  const steps = search(box, options);
  let best = Infinity;
  let done = 0;
  let step = steps.next();
  while (!step.done) {
    const value = f(step.value);
    best = Math.min(best, value);
    done++;
    yield { stage: "minimise", done, total, metrics: { best } };
    step = steps.next(value);
  }
  return step.value;
}

function usual(box: Box): number {
  return 20 + 10 * box.lower.length;
}

function bestRow(posterior: ExactPosterior, sign: number): number {
  const { data } = posterior.at({ ...posterior.solution.x }).mean;
  let best = 0;
  for (let i = 1; i < data.length; i++) if (sign * data[i]! < sign * data[best]!) best = i;
  return best;
}

function expectKnown({ x, y }: FitData, inputs: number): void {
  expectShape(x, "known x", undefined, inputs);
  expectShape(y, "known y", x.rows, 1);
  expectFinite(x, "known x");
  expectFinite(y, "known y");
}
