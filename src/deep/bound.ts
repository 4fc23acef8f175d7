import type { Gradient } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import type { DeepModel } from "./deep-model.ts";
import { beside, drawn, known, minus, repeated, scaled } from "./ops/elementwise.ts";
import { valueNode } from "./ops/kernels.ts";
import { divergence, whitenedDivergence } from "./ops/marginal.ts";
import {
  type LayerNodes,
  layerNodes,
  marginalNodes,
  repeatedMoments,
  type SparseLayer,
} from "./sparse-layer.ts";
import { type Node, Tape } from "./tape.ts";

/** Rows of the data that an evaluation of the bound sees. */
export interface Batch {
  /** b × inputs. */
  readonly x: Matrix;
  /** b × outputs (or what the likelihood asks for). */
  readonly y: Matrix;
  /** Rows of all data: the batch stands for them. */
  readonly total: number;
}

export interface BoundOptions {
  /** Draws of the hidden values for each row. */
  readonly samples: number;
  /** Of those draws. */
  readonly key: Key;
  /** Which layers' posteriors are moved by natural gradients: those have derivatives in their covariances instead. */
  readonly natural?: (layer: number) => boolean;
  /** Whether derivatives are wanted. true unless given. */
  readonly slopes?: boolean;
}

/** Derivatives of the bound in what a layer is made of. */
export interface LayerSlopes {
  readonly kernel: Gradient;
  readonly mean: Gradient;
  readonly inducing: Matrix;
  /** Natural layers: of the expected log density alone, without the divergence; so are the covariances'. */
  readonly values: Matrix;
  /** Of ordinary layers. */
  readonly roots?: Matrix;
  /** Of natural layers. */
  readonly covariances?: Matrix;
}

export interface DeepBound {
  /** An unbiased estimate of the evidence lower bound of all data, in nats. */
  readonly value: number;
  /** The expected log density's part, scaled to all data. */
  readonly fit: number;
  /** KL of each layer's posterior from its prior, in nats; 0 for functions. */
  readonly divergences: readonly number[];
  /** By layer; of a function its parameters' are under `mean`. */
  readonly layers: readonly LayerSlopes[];
  readonly likelihood: Gradient;
}

/**
 * The doubly stochastic evidence lower bound with its gradient (Salimbeni & Deisenroth 2017, equation 15): the expected
 * log density of a batch's observations under draws of the hidden layers' values, row by row, less the divergences.
 */
export function deepBound(model: DeepModel, batch: Batch, options: BoundOptions): DeepBound {
  const tape = new Tape();
  const { layers, likelihood } = model;
  const { natural = () => false, key } = options;
  const nodes: (LayerNodes | undefined)[] = [];
  let value: Node | undefined;
  const divergences: number[] = [];
  const subtractDivergence = (layer: SparseLayer, at: LayerNodes) => {
    divergences.push(divergence(layer.values, layer.roots));
    return at.roots ? whitenedDivergence(tape, at.values, at.roots) : undefined;
  };
  const losses: Node[] = [];
  const start = tape.constant(batch.x);
  let h = start;
  let input = start;
  let copies = 1;
  layers.forEach((layer, l) => {
    if (layer.kind === "fn") {
      nodes.push(undefined);
      divergences.push(0);
      h = valueNode(tape, layer.fn, h);
      return;
    }
    const at = layerNodes(tape, layer, natural(l));
    nodes.push(at);
    const loss = subtractDivergence(layer, at);
    if (loss) losses.push(loss);
    const moments = marginalNodes(tape, layer, at, layer.skip ? beside(tape, h, input) : h);
    if (l < layers.length - 1) {
      // The first draws: until here all of a row's draws were one.
      const count = copies === 1 ? options.samples : 1;
      const { mean, variance } = repeatedMoments(tape, moments, count);
      if (count > 1) input = repeated(tape, start, count);
      copies *= count;
      const { rows, cols } = mean.value;
      h = drawn(tape, mean, variance, matrix(rows, cols, normal(split(key, l), rows * cols)));
    } else {
      const seen = repeatedRows(batch.y, copies);
      const expected = likelihood.expected(moments.mean.value, moments.variance.value, seen);
      const weight = batch.total / (batch.x.rows * copies);
      tape.gather(likelihood, scaledGradient(expected.parameters, weight));
      value = scaled(
        tape,
        known(
          tape,
          expected.value.reduce((sum, v) => sum + v, 0),
          [moments.mean, moments.variance],
          [expected.mean, expected.variance],
        ),
        weight,
      );
    }
  });
  const fit = value!.value.data[0]!;
  const target = losses.reduce((sum, loss) => minus(tape, sum, loss), value!);
  if (options.slopes ?? true) tape.backward(target);
  return {
    value: fit - divergences.reduce((sum, v) => sum + v, 0),
    fit,
    divergences,
    layers: layers.map((layer, l) => {
      if (layer.kind === "fn") {
        return { kernel: {}, mean: tape.slopesOf(layer.fn), inducing: none, values: none };
      }
      const at = nodes[l]!;
      return {
        kernel: tape.slopesOf(layer.kernel),
        mean: tape.slopesOf(layer.mean),
        inducing: tape.derivative(at.inducing),
        values: tape.derivative(at.values),
        ...(at.roots
          ? { roots: tape.derivative(at.roots) }
          : { covariances: tape.derivative(at.covariances) }),
      };
    }),
    likelihood: tape.slopesOf(likelihood),
  };
}

const none: Matrix = matrix(0, 0);

function scaledGradient(gradient: Gradient, factor: number): Gradient {
  return Object.fromEntries(
    Object.entries(gradient).map(([name, slope]) => [name, slope.map((v) => factor * v)]),
  );
}

/** The rows of a, `count` times one below the other. */
export function repeatedRows(a: Matrix, count: number): Matrix {
  if (count === 1) return a;
  const out = matrix(a.rows * count, a.cols);
  for (let c = 0; c < count; c++) out.data.set(a.data, c * a.data.length);
  return out;
}
