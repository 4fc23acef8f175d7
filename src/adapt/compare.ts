import { type Matrix, subtract } from "../linalg/index.ts";
import type { Examples, Network } from "../networks/index.ts";
import { columnMeans } from "../processes/index.ts";
import type { Task } from "../tasks/index.ts";
import { type AdaptOptions, adapt } from "./adapt.ts";
import { fineTune } from "./fine-tune.ts";
import { canFineTune } from "./fine-tuned.ts";
import { regressFromScratch } from "./from-scratch.ts";
import { type Predicted, type Scores, scores } from "./scores.ts";

/** What one way of meeting new data achieves on held-out examples. */
export interface Contender {
  readonly name: ContenderName;
  readonly rmse: number;
  /** A way that gives points alone is given Gaussian noise of the mean square of its residuals on the new examples. */
  readonly scores: Scores;
  readonly milliseconds: number;
}

export type ContenderName =
  | "network as it is"
  | "plus a constant"
  | "last layer only"
  | "fine-tuned"
  | "GP from scratch"
  | "adapted"
  | "adapted about fine-tuned";

/**
 * The ways of meeting new examples side by side: the network as it is; plus the mean of its residuals; adapted in the
 * last layer's weights alone; all weights fine-tuned by gradient (300 full-batch steps of Adam at 1e-3); a Gaussian
 * process of an RBF kernel for each output from scratch, by marginal likelihood; adapted, with the options given; and with
 * the fine-tuned network as mean (unless that takes more than about a minute, or the options have a mean).
 */
export function* compare(
  net: Network,
  fresh: Examples,
  test: Examples,
  options: AdaptOptions = {},
): Task<readonly Contender[]> {
  const points = (predict: (x: Matrix) => Matrix): Predicted => {
    const mean = predict(test.x);
    const noise = meanSquares(subtract(fresh.y, predict(fresh.x)), fresh.y);
    return { mean, variance: { ...mean, data: mean.data.map((_, k) => noise[k % mean.cols]!) } };
  };
  const about = fresh.x.rows > 1 && !options.mean && canFineTune(net, fresh.x.rows);
  const ways: Readonly<Partial<Record<ContenderName, () => Predicted>>> = {
    "network as it is": () => points(net.at),
    "plus a constant"() {
      const shifts = columnMeans(subtract(fresh.y, net.at(fresh.x)));
      return points((x) => {
        const moved = net.at(x);
        return { ...moved, data: moved.data.map((v, i) => v + shifts[i % moved.cols]!) };
      });
    },
    "last layer only": () =>
      adapt(net, fresh, { ...options, approximation: "last-layer" }).process.observed(test.x),
    "fine-tuned"() {
      return points(fineTune(net, fresh).at);
    },
    "GP from scratch": () => regressFromScratch(fresh, test.x),
    adapted: () => adapt(net, fresh, options).process.observed(test.x),
    ...(about && {
      "adapted about fine-tuned": () =>
        adapt(net, fresh, { ...options, mean: "fine-tuned" }).process.observed(test.x),
    }),
  };
  return yield* timed(ways, (predicted) => {
    // The moments of a Gaussian are computed when read: once, while the clock runs.
    const all = scores(predicted, test.y);
    return { rmse: all.rmse, scores: all };
  });
}

/** Of each column, and at least a millionth of what the column of y has about its mean. */
function meanSquares(residuals: Matrix, y: Matrix): Float64Array {
  const square = ({ data, cols, rows }: Matrix, from: ArrayLike<number>) => {
    const out = new Float64Array(cols);
    data.forEach((v, k) => {
      out[k % cols]! += (v - from[k % cols]!) ** 2 / rows;
    });
    return out;
  };
  const least = square(y, columnMeans(y));
  return square(residuals, new Float64Array(y.cols)).map((v, c) => Math.max(v, 1e-6 * least[c]!, 1e-300));
}

/** Each way's result, judged, with the time it took. */
export function* timed<N extends string, R, S>(
  ways: Readonly<Partial<Record<N, () => R>>>,
  judge: (result: R) => S,
): Task<readonly (S & { readonly name: N; readonly milliseconds: number })[]> {
  const names = Object.keys(ways) as N[];
  const contenders: (S & { name: N; milliseconds: number })[] = [];
  for (const name of names) {
    yield { stage: `compare: ${name}`, done: contenders.length, total: names.length };
    const start = performance.now();
    const judged = judge(ways[name]!());
    contenders.push({ name, ...judged, milliseconds: performance.now() - start });
  }
  return contenders;
}
