import type { Floats } from "../engine/index.ts";
import type { Matrix, Precision, Tensor } from "../linalg/index.ts";
import type { Key } from "../random/index.ts";
import type { LinearSide } from "./layers/linear-gradients.ts";
import type { Picked } from "./layers/picked.ts";

/** Sizes of one example, without the leading count of examples. */
export type Shape = readonly number[];

/**
 * A layer's tensors by name: parameters ("weight", "bias") or buffers ("running_mean"); a layer without any has none.
 */
export type Weights = Readonly<Record<string, Tensor>>;

/** What is written to a model file: the layer's kind and its options. */
export interface LayerDefinition {
  readonly kind: string;
  readonly [option: string]: string | number | boolean | readonly number[];
}

/** The pull-back of a cotangent; each part is computed only when asked for. */
export interface Pullback {
  /** The cotangent of the layer's input; of the given one, from 0, for a layer with several. */
  dx(input?: number): Tensor;
  /** The cotangent of each parameter, summed over the examples. */
  dweights(): Weights;
}

/**
 * One side of a tangent Gram: what a layer remembered of n examples, and the cotangents that reached its output,
 * one tensor [n, …output] for each of the network's outputs.
 */
export interface TangentSide<T> {
  readonly tape: T;
  readonly cotangents: readonly Tensor[];
}

/** Rows of a Jacobian, row-major, in either precision. */
export interface JacobianRows {
  readonly rows: number;
  readonly cols: number;
  readonly data: Floats;
}

/**
 * One layer in its readings: a function, its linearisation in both directions, and its share of the tangent
 * kernel. T is the tape: what the forward pass keeps for the others. Layers are pure; weights are passed in, the
 * buffers among them. A layer of several inputs (a sum, a concatenation) takes the further ones as `more`.
 */
export interface Layer<T = unknown> {
  readonly definition: LayerDefinition;
  /** Whether it applies one function to every number; its tape is its input then. */
  readonly elementwise?: boolean;
  /** A layer whose outputs are some of its input's numbers says which. */
  picked?(tape: T): Picked;
  /** Throws ShapeError for an input the layer cannot take. */
  outputShape(input: Shape, ...more: readonly Shape[]): Shape;
  /** The shapes of the layer's parameters by name, in their fixed order; empty when it has none. */
  weightShapes(input: Shape, ...more: readonly Shape[]): Readonly<Record<string, Shape>>;
  init(key: Key, input: Shape, precision: Precision): Weights;
  /**
   * Factors on the learning rates of optimisers such as Adam, whose steps do not grow with the gradient, by parameter.
   * Absent where all are 1.
   */
  adaptiveRates?(weights: Weights): Readonly<Record<string, number>>;
  /** Tensors that are not parameters, such as running means, as they are at first. Absent where there are none. */
  initBuffers?(input: Shape, precision: Precision): Weights;
  /** [n, …input] to [n, …output]. */
  forward(weights: Weights, x: Tensor, ...more: readonly Tensor[]): { readonly y: Tensor; readonly tape: T };
  /**
   * The forward pass as training wants it, where that differs: batch statistics, dropout. `buffers` are the new
   * ones. `vjp` understands its tape.
   */
  trainingForward?(
    weights: Weights,
    key: Key,
    x: Tensor,
    ...more: readonly Tensor[]
  ): { readonly y: Tensor; readonly tape: T; readonly buffers?: Weights };
  vjp(weights: Weights, tape: T, dy: Tensor): Pullback;
  /** The output's tangent for tangents of the inputs and of the weights; each may be absent (zero). */
  jvp(
    weights: Weights,
    tape: T,
    dx: Tensor | undefined,
    dweights: Weights | undefined,
    ...more: readonly (Tensor | undefined)[]
  ): Tensor;
  /**
   * `scale` times this layer's share of J Jᵀ, added to `out` in f64, J never formed:
   * out[i·o + p, j·o + q] += scale · ⟨∂f_p(x_i)/∂w, ∂f_q(z_j)/∂w⟩ over the layer's own weights w. Where `out` has one
   * row and column an example, the trace over the outputs: out[i, j] += scale · Σ_p ⟨∂f_p(x_i)/∂w, ∂f_p(z_j)/∂w⟩.
   * Absent on layers without weights.
   */
  addTangentGram?(a: TangentSide<T>, b: TangentSide<T>, scale: number, out: Matrix): void;
  /**
   * `scale` times what each example's share has with itself, added to `out`: the diagonal, n·o long (or n: the trace's), or
   * n blocks of o × o, the covariances of its outputs.
   */
  addTangentDiagonal?(side: TangentSide<T>, scale: number, out: Float64Array): void;
  /** The tape of several batches, one after the other. Absent where tapes cannot be joined. */
  joinTapes?(tapes: readonly T[]): T;
  /** A layer that is one linear map at each position says so, for Kronecker factors. */
  linearSide?(side: TangentSide<T>): LinearSide;
  /** The rows of `writeJacobian`, [n, outputs, …], parameters in an order of the layer's own: quicker, where it is there. */
  unorderedGradients?(side: TangentSide<T>): Tensor;
  /** The rows ∂f_p(x_i)/∂w, point-major, into columns `column` … of `out` (n·o rows), parameters in `weightShapes`' order. */
  writeJacobian?(side: TangentSide<T>, out: JacobianRows, column: number): void;
}
