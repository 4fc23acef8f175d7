import { UsageError } from "../errors/index.ts";
import { defaultsFromData, fromVector, type LearnableFn, toVector } from "../kernels/index.ts";
import { add, halfSolve, identity, type Matrix, matrix, subtract, takeRows } from "../linalg/index.ts";
import type { Likelihood } from "../processes/index.ts";
import { columnMeans } from "../processes/index.ts";
import { type Key, normal, permutation, split } from "../random/index.ts";
import type { DeepProcess } from "./compose.ts";
import type { DeepModel } from "./deep-model.ts";
import { representatives } from "./k-means.ts";
import { fittedMap, type GpLayer, linearMap } from "./layer.ts";
import { sideBySide } from "./ops/elementwise.ts";
import { principalProjection } from "./principal-components.ts";
import { type FittedLayer, inducingFactor, predictor, type SparseLayer } from "./sparse-layer.ts";

/** Where a fit starts. */
export interface StartOptions {
  /** Inducing points of each layer. */
  readonly inducing: number;
  readonly likelihood: Likelihood;
  /** What the last layer's values look like: the targets, or what a link makes of them (n × outputs). */
  readonly targets: Matrix;
  /**
   * The first start is the plain one; the second leaves hidden layers with a mean all but at it, so that depth has to
   * pay for itself; others are drawn around the first.
   */
  readonly index: number;
  readonly key: Key;
}

// Rows that the scales of a start are taken from.
const looked = 2000;
// Of what a hidden layer with a mean may add to it at the start, in the variance of its values: it bends what it hands
// on a little, and is expected to, or the divergence would charge for every digit of the values' certainty.
const hiddenShare = 0.1;
// … and at the second start, where its inducing values are left at their prior. There the bound is nearly that of one layer,
// which a search from the first, on its way down from what its hidden layers cost, need not reach.
const shallowShare = 1e-4;
// Of hidden inducing values at the start, in units of their prior deviation: little noise, so that gradients pass.
const hiddenDeviation = 0.1;

/**
 * A model from which a fit gets somewhere: inducing points from the data, hidden layers that hand on their points (their
 * principal components where they are narrower) with next to no noise, kernels at the scales of what they see
 * (Salimbeni & Deisenroth 2017, section 4). A hidden layer whose prior mean is zero has the same start in its posterior.
 */
export function startDeep(process: DeepProcess, x: Matrix, options: StartOptions): DeepModel {
  const { inducing, likelihood, key, index } = options;
  const some = permutation(split(key, "rows"), x.rows).subarray(0, Math.min(x.rows, looked));
  const seen = takeRows(x, some);
  const targets = takeRows(options.targets, some);
  const chosen = representatives(x, inducing, split(key, "inducing"));
  let [h, z] = [seen, chosen];
  const last = process.layers.length - 1;
  const shallow = index === 1 && canBeShallow(process);
  const share = shallow ? shallowShare : hiddenShare;
  const layers = process.layers.map((layer, l): FittedLayer => {
    if (layer.kind === "fn") {
      [h, z] = [layer.fn.at(h), layer.fn.at(z)];
      return layer;
    }
    const points = layer.skip ? sideBySide(h, seen) : h;
    const inducingPoints = layer.skip ? sideBySide(z, chosen) : z;
    const pinned = layer.kernel.pullbackInputs === undefined;
    if (pinned && l > 0) {
      throw new UsageError(
        `the kernel of layer ${l + 1} cannot be differentiated in its inputs, which the layer before moves: it belongs in the first layer`,
      );
    }
    const placed = l < last ? hiddenLayer(layer, h, points, share) : lastLayer(layer, points, targets);
    const sparse = sparseLayer(placed, inducingPoints, pinned, l < last && !shallow ? hiddenDeviation : 1);
    const started =
      index === 0 || shallow ? sparse : shaken(sparse, l < last, split(split(key, "shaken"), l));
    if (l < last) {
      const { moments } = predictor(started);
      [h, z] = [moments(points).mean, moments(inducingPoints).mean];
    }
    return started;
  });
  return { layers, likelihood };
}

/** Whether hidden layers are functions of their own, which processes may leave as they are. */
function canBeShallow({ layers }: DeepProcess): boolean {
  const hidden = layers.slice(0, -1).filter(({ kind }) => kind === "gp") as readonly GpLayer[];
  return hidden.length > 0 && hidden.every(({ meanName }) => meanName !== "zero");
}

/**
 * What latent functions look like before anything is known of them: the targets of likelihoods that see them with noise,
 * logarithms of counts; signs of unit variance where y says nothing of their size.
 */
export function startTargets({ name, latents }: Likelihood, y: Matrix): Matrix {
  if (name === "gaussian" || name === "student-t") return y;
  // The log noise shares the targets' scale: its strength makes up for that.
  if (name === "varying noise") return sideBySide(y, y);
  if (name === "poisson") return { ...y, data: y.data.map((v) => Math.log(v + 0.5)) };
  const out = matrix(y.rows, latents);
  for (let k = 0; k < out.data.length; k++) out.data[k] = Math.floor(k / latents) % 2 === 0 ? 1 : -1;
  return out;
}

interface Placed {
  readonly layer: GpLayer;
  /** What the layer's functions should be at the start, less its mean; nothing where they are the mean. */
  readonly deviation?: (points: Matrix) => Matrix;
}

/** A hidden layer that hands on what it sees: in its mean where it has one, in its posterior otherwise. */
function hiddenLayer(layer: GpLayer, h: Matrix, points: Matrix, share: number): Placed {
  const mean = layer.meanName === "linear" ? fittedMap(projection(layer, h)) : layer.mean;
  const target = layer.meanName === "zero" ? centred(projection(layer, h), points) : mean;
  const values = target.at(points);
  const zero = layer.meanName === "zero";
  const size = zero ? 1 : Math.sqrt(share);
  const kernel = defaultsFromData(layer.kernel, points, {
    ...values,
    data: values.data.map((v) => size * v),
  });
  const placed = { ...layer, kernel, mean };
  return zero ? { layer: placed, deviation: (z) => target.at(z) } : { layer: placed };
}

function lastLayer(layer: GpLayer, points: Matrix, targets: Matrix): Placed {
  const starting = layer.mean as LearnableFn & { startAt?(x: Matrix, y: Matrix): LearnableFn };
  const mean = starting.startAt?.(points, targets) ?? layer.mean;
  const residual = subtract(targets, mean.at(points));
  const left = residual.data.some((v) => v !== 0) ? residual : targets;
  return { layer: { ...layer, mean, kernel: defaultsFromData(layer.kernel, points, left) } };
}

/** Principal components of the columns before; the columns themselves where the layer has room for all. */
function projection(layer: GpLayer, h: Matrix): Matrix {
  const { width, inputs } = layer;
  const weight = matrix(width, inputs);
  const inner = width < h.cols ? principalProjection(h, width) : identity(h.cols);
  for (let p = 0; p < Math.min(width, inner.rows); p++) {
    weight.data.set(inner.data.subarray(p * h.cols, (p + 1) * h.cols), p * inputs);
  }
  return weight;
}

function centred(weight: Matrix, points: Matrix): LearnableFn {
  return linearMap(weight, columnMeans(points));
}

function sparseLayer(
  { layer, deviation }: Placed,
  inducing: Matrix,
  pinned: boolean,
  size: number,
): SparseLayer {
  const m = inducing.rows;
  const { width } = layer;
  const roots = matrix(width * m, m);
  for (let r = 0; r < roots.rows; r++) roots.data[r * m + (r % m)] = size;
  const empty: SparseLayer = { ...layer, inducing, pinned, values: matrix(m, width), roots };
  if (!deviation) return empty;
  return { ...empty, values: halfSolve(inducingFactor(empty), deviation(inducing)) };
}

// How far other starts lie from the first: logarithms of kernels' parameters, and hidden functions in units of their
// prior deviations.
const shakenLog = 0.7;
const shakenValues = 0.5;

function shaken(layer: SparseLayer, hidden: boolean, key: Key): SparseLayer {
  const vector = toVector(layer.kernel.parameters);
  const shifts = normal(split(key, "kernel"), vector.length);
  const kernel = layer.kernel.with(
    fromVector(
      vector.map((v, i) => v + shakenLog * shifts[i]!),
      layer.kernel.parameters,
    ),
  );
  if (!hidden) return { ...layer, kernel };
  const { rows, cols } = layer.values;
  const moves = matrix(rows, cols, normal(split(key, "values"), rows * cols));
  return { ...layer, kernel, values: add(layer.values, moves, shakenValues) };
}
