import { UsageError } from "../errors/index.ts";
import { anchor, positive } from "../kernels/index.ts";
import { type Eigh, eigh, gramOf, type Matrix, matrix, takeRows } from "../linalg/index.ts";
import { type Network, parameterCount } from "../networks/index.ts";
import { key, permutation } from "../random/index.ts";
import { type Scales, type TangentKernel, type TangentLayers, tangentKernel } from "../tangent/index.ts";
import { affordableLayers } from "./affordable-layers.ts";
import { type Approximation, isCheap } from "./approximation.ts";
import { featureParts, featuresOf } from "./features.ts";
import { weightedSum } from "./shares.ts";

/** Where the algebra is done: n·outputs square, or parameters square. The answer is the same. */
export type Space = "function" | "weight";

/** How the tangent kernel is put to work, whatever the task. */
export interface BaseOptions {
  /**
   * One scale for the whole kernel, or one a layer, of highest evidence. Unless given as the posterior expects them to
   * be (see `expectedScales`): one a layer of up to 500 numbers, or of labels; else one.
   */
  readonly scales?: Scales;
  /**
   * Which weights move: "all" unless given, or the last layer's where `approximation` says so. Where neither is given and the
   * Gram matrix of all would take long, those of the last layers that take half a minute (`affordableLayers`).
   */
  readonly layers?: TangentLayers;
  /** Chosen by size unless given: function space when there are fewer values than parameters. */
  readonly space?: Space;
  /** "full" unless the algebra would be larger than 20,000 square; then "kronecker". */
  readonly approximation?: Approximation;
  /** Directions that "low-rank" keeps; 50 unless given. */
  readonly rank?: number;
}

/** A network seen at examples, with what every task on them shares; each part is computed when first asked for. */
export interface Base {
  readonly network: Network;
  readonly x: Matrix;
  /** k_DNN with scales 1; at x its Gram and shares are remembered, whatever the scales. */
  readonly kernel: TangentKernel;
  /** Whether `scales` were asked for. */
  readonly scalesAsked: boolean;
  readonly space: Space;
  readonly approximation: Approximation;
  readonly rank: number;
  /** The network at x; `network` and the kernel's remember it. */
  outputs(): Matrix;
  /** The parts of the Gram matrix at x that have scales of their own, each with scale 1. */
  shares(): readonly Matrix[];
  /** Of the whole Gram matrix, scales 1. */
  spectrum(): Eigh;
  /** JᵀJ over x, scales 1, and its eigenvectors. */
  squares(): Matrix;
  squaresSpectrum(): Eigh;
  /** The same with a scale for each layer. */
  byLayer(): Base;
  /** Some of the examples, of so many values at most: where scales are fitted that all would take too long for. */
  sample(values: number): Sample;
}

/** Some examples of a base, and which. */
export interface Sample {
  readonly base: Base;
  readonly indices: Int32Array;
}

/** Directions that "low-rank" keeps unless told. */
export const usualRank = 50;
/** The size beyond which a dense factorisation would need more than 3 GB. */
export const largest = 20_000;
/** Values to which scales are fitted where all would take too long. */
export const sampleSize = 2_000;

export function baseOf(network: Network, x: Matrix, options: BaseOptions = {}): Base {
  return baseWith(network, x, options, options.scales !== undefined);
}

function baseWith(network: Network, x: Matrix, options: BaseOptions, scalesAsked: boolean): Base {
  const { scales = "shared", rank = usualRank } = options;
  const only = options.approximation === "last-layer" ? "last-layer" : "full";
  const layers = only === "last-layer" ? "last" : (options.layers ?? layersFor(network, x.rows, options));
  if (layers === "biases" && options.approximation !== undefined && isCheap(options.approximation)) {
    throw new UsageError(
      `the approximation "${options.approximation}" is of whole layers: with layers "biases" adapt with "full"`,
    );
  }
  const plain = tangentKernel(network, { scales, layers });
  const parameters = featuresOf(plain).count;
  const values = x.rows * network.outputs;
  const space = options.space ?? (values <= parameters ? "function" : "weight");
  const size = space === "function" ? values : parameters;
  const approximation =
    options.approximation ?? (size <= largest || layers === "biases" ? "full" : "kronecker");
  const outputs = lazy(() => network.at(x));
  const samples = new Map<number, Sample>();
  const known: Network = { ...network, at: (points) => (points === x ? outputs() : network.at(points)) };
  const shares = lazy(() => (scales === "shared" ? [plain.gram(x)] : plain.shares(x)));
  const squares = lazy(() => {
    const features = featuresOf(plain);
    const out = matrix(features.count, features.count);
    for (const part of featureParts(features, x)) {
      const share = gramOf(features.rows(part.x), true);
      for (let k = 0; k < out.data.length; k++) out.data[k]! += share.data[k]!;
    }
    return out;
  });
  const base: Base = {
    network: known,
    x,
    kernel: remembering({ ...plain, network: known }, x, shares),
    scalesAsked,
    space: isCheap(approximation) ? "weight" : space,
    approximation,
    rank,
    outputs,
    shares,
    spectrum: lazy(() => eigh(weightedSum(shares(), new Array(shares().length).fill(1)))),
    squares,
    squaresSpectrum: lazy(() => eigh(squares())),
    byLayer: lazy(() =>
      scales === "layer"
        ? base
        : baseWith(network, x, { ...options, scales: "layer", layers, space }, scalesAsked),
    ),
    sample(values) {
      let known = samples.get(values);
      if (!known) {
        const count = Math.min(x.rows, Math.max(1, Math.floor(values / network.outputs)));
        const indices = permutation(key(0), x.rows).subarray(0, count).sort();
        known = {
          base: baseWith(network, takeRows(x, indices), { scales, approximation: only, layers }, scalesAsked),
          indices,
        };
        samples.set(values, known);
      }
      return known;
    },
  };
  return base;
}

/** All layers where they were asked for, or are affordable in the space that is asked for. */
function layersFor(network: Network, n: number, options: BaseOptions): TangentLayers {
  const asked = options.approximation !== undefined || options.space === "weight";
  const values = n * network.outputs;
  if (asked || values > Math.min(largest, parameterCount(network))) return "all";
  return affordableLayers(network, n);
}

/** The kernel with these scales, in the order of its parameters. */
export function withScales(kernel: TangentKernel, scales: ArrayLike<number>): TangentKernel {
  const names = Object.keys(kernel.parameters);
  return kernel.with(Object.fromEntries(names.map((name, l) => [name, positive(name, scales[l]!)])));
}

/** The same kernel, its parts at x computed once for all scales. */
function remembering(kernel: TangentKernel, x: Matrix, shares: () => readonly Matrix[]): TangentKernel {
  const values = () => Object.values(kernel.parameters).map(({ value }) => value[0]!);
  return {
    ...kernel,
    with: (next) => remembering(kernel.with(next), x, shares),
    gram: (points) => (points === x ? weightedSum(shares(), values()) : kernel.gram(points)),
    anchored(z) {
      if (z !== x) return kernel.anchored?.(z);
      const elsewhere = anchor(kernel, x);
      return {
        at(points, kind) {
          if (points !== x) return elsewhere.at(points, kind);
          // At the examples themselves the Gram matrix says it all.
          const cross = weightedSum(shares(), values());
          return { cross, own: ownOf(cross, kind === "blocks" ? kernel.outputs : 1) };
        },
      };
    },
  };
}

/** The blocks of `width` on the diagonal of a square matrix, or of square blocks one below the other. */
export function ownOf({ rows, cols, data }: Matrix, width: number): Matrix {
  const out = matrix(rows, width);
  for (let r = 0; r < rows; r++) {
    const start = r * cols + (r % cols) - (r % width);
    out.data.set(data.subarray(start, start + width), r * width);
  }
  return out;
}

/** Computed when first asked for, and kept. */
export function lazy<T>(compute: () => T): () => T {
  let value: { readonly held: T } | undefined;
  return () => {
    value ??= { held: compute() };
    return value.held;
  };
}
