import { type Matrix, subtract } from "../linalg/index.ts";
import { adam, type Examples, type Network, train } from "../networks/index.ts";
import { columnMeans } from "../processes/index.ts";
import { runSync, type Task } from "../tasks/index.ts";
import { type AdaptOptions, adapt } from "./adapt.ts";
import { regressFromScratch } from "./from-scratch.ts";
import { type Predicted, rmse, type Scores, scores } from "./scores.ts";

/** What one way of meeting new data achieves on held-out examples. */
export interface Contender {
  readonly name: ContenderName;
  readonly rmse: number;
  /** Of the ways that give a distribution. */
  readonly scores?: Scores;
  readonly milliseconds: number;
}

export type ContenderName =
  | "network as it is"
  | "plus a constant"
  | "last layer only"
  | "fine-tuned"
  | "GP from scratch"
  | "adapted";

/**
 * The ways of meeting new examples side by side: the network as it is; plus the mean of its residuals; adapted in the
 * last layer's weights alone; all weights fine-tuned by gradient (300 full-batch steps of Adam at 1e-3); a Gaussian
 * process of an RBF kernel for each output from scratch, by marginal likelihood; adapted, with the options given.
 */
export function* compare(
  net: Network,
  fresh: Examples,
  test: Examples,
  options: AdaptOptions = {},
): Task<readonly Contender[]> {
  const ways: Readonly<Record<ContenderName, () => Matrix | Predicted>> = {
    "network as it is": () => net.at(test.x),
    "plus a constant"() {
      const shifts = columnMeans(subtract(fresh.y, net.at(fresh.x)));
      const moved = net.at(test.x);
      return { ...moved, data: moved.data.map((v, i) => v + shifts[i % moved.cols]!) };
    },
    "last layer only": () =>
      adapt(net, fresh, { ...options, approximation: "last-layer" }).process.observed(test.x),
    "fine-tuned"() {
      const training = { epochs: 300, batchSize: fresh.x.rows, optimizer: adam({ learningRate: 1e-3 }) };
      return runSync(train(net, fresh, training)).network.at(test.x);
    },
    "GP from scratch": () => regressFromScratch(fresh, test.x),
    adapted: () => adapt(net, fresh, options).process.observed(test.x),
  };
  return yield* timed(ways, (predicted) => {
    if (!("variance" in predicted)) return { rmse: rmse(predicted, test.y) };
    // The moments of a Gaussian are computed when read: once, while the clock runs.
    const all = scores(predicted, test.y);
    return { rmse: all.rmse, scores: all };
  });
}

/** Each way's result, judged, with the time it took. */
export function* timed<N extends string, R, S>(
  ways: Readonly<Record<N, () => R>>,
  judge: (result: R) => S,
): Task<readonly (S & { readonly name: N; readonly milliseconds: number })[]> {
  const names = Object.keys(ways) as N[];
  const contenders: (S & { name: N; milliseconds: number })[] = [];
  for (const name of names) {
    yield { stage: `compare: ${name}`, done: contenders.length, total: names.length };
    const start = performance.now();
    const judged = judge(ways[name]());
    contenders.push({ name, ...judged, milliseconds: performance.now() - start });
  }
  return contenders;
}
