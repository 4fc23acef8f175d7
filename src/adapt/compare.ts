import { rbf } from "../kernels/index.ts";
import { columnVector, type Matrix, matrix, subtract } from "../linalg/index.ts";
import { adam, type Examples, type Network, train } from "../networks/index.ts";
import { columnMeans, fit } from "../processes/index.ts";
import { runSync, type Task } from "../tasks/index.ts";
import { adapt } from "./adapt.ts";
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
  | "fine-tuned"
  | "GP from scratch"
  | "adapted";

/**
 * The ways of meeting new examples side by side: the network as it is; plus the mean of its residuals; all weights
 * fine-tuned by gradient (300 full-batch steps of Adam at 1e-3); a Gaussian process of an ARD RBF kernel for each
 * output from scratch, by marginal likelihood; adapted in function space.
 */
export function* compare(net: Network, fresh: Examples, test: Examples): Task<readonly Contender[]> {
  const ways: Readonly<Record<ContenderName, () => Matrix | Predicted>> = {
    "network as it is": () => net.at(test.x),
    "plus a constant"() {
      const shifts = columnMeans(subtract(fresh.y, net.at(fresh.x)));
      const moved = net.at(test.x);
      return { ...moved, data: moved.data.map((v, i) => v + shifts[i % moved.cols]!) };
    },
    "fine-tuned"() {
      const options = { epochs: 300, batchSize: fresh.x.rows, optimizer: adam({ learningRate: 1e-3 }) };
      return runSync(train(net, fresh, options)).network.at(test.x);
    },
    "GP from scratch": () => fromScratch(fresh, test.x),
    adapted: () => adapt(net, fresh).process.observed(test.x),
  };
  const names = Object.keys(ways) as ContenderName[];
  const contenders: Contender[] = [];
  for (const name of names) {
    yield { stage: `compare: ${name}`, done: contenders.length, total: names.length };
    const start = performance.now();
    const predicted = ways[name]();
    const milliseconds = performance.now() - start;
    if ("variance" in predicted) {
      const all = scores(predicted, test.y);
      contenders.push({ name, rmse: all.rmse, scores: all, milliseconds });
    } else contenders.push({ name, rmse: rmse(predicted, test.y), milliseconds });
  }
  return contenders;
}

/** Predictions of y by Gaussian processes that have seen nothing but the new examples, one for each output. */
function fromScratch({ x, y }: Examples, points: Matrix): Predicted {
  const mean = matrix(points.rows, y.cols);
  const variance = matrix(points.rows, y.cols);
  for (let c = 0; c < y.cols; c++) {
    const column = columnVector(y.data.filter((_, i) => i % y.cols === c));
    const fitted = runSync(fit(rbf({ ard: x.cols }), { x, y: column }, { starts: 1 }));
    const predicted = fitted.process.observed(points);
    for (let i = 0; i < points.rows; i++) {
      mean.data[i * y.cols + c] = predicted.mean.data[i]!;
      variance.data[i * y.cols + c] = predicted.variance.data[i]!;
    }
  }
  return { mean, variance };
}
