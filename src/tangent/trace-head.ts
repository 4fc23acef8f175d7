import { floatsLike, type Tensor } from "../linalg/index.ts";
import { type Network, tensorsOf } from "../networks/index.ts";

/**
 * The end of a network that is a dense layer on functions of single numbers on another dense layer. The cotangents that
 * reach the latter are Δ_p = D ∘ W_p: D the slopes at the example, W_p the same for all examples. So their products
 * summed over the outputs are those of D ∘ s alone, s = √Σ_p W_p²: one cotangent does for all.
 */
export interface TraceHead {
  /** The dense layer before. */
  readonly layer: number;
  /** The layer that the last one reads. */
  readonly first: number;
  /** Adds W_p² from the cotangents of an output as they leave the last layer. */
  add(index: number, cotangent: Tensor): void;
  /** D ∘ s. */
  cotangent(tapes: readonly unknown[]): Tensor;
}

/** The head of a network that ends so. */
export function traceHead(net: Network): TraceHead | undefined {
  const last = net.layers.length - 1;
  const readers = (index: number) => net.sources.filter((from) => from.includes(index)).length;
  if (!net.layers[last]?.linearSide || net.outputShape.length !== 1) return undefined;
  const between: number[] = [];
  let layer = net.sources[last]![0]!;
  while (layer >= 0 && readers(layer) === 1 && net.layers[layer]!.elementwise) {
    between.push(layer);
    layer = net.sources[layer]![0]!;
  }
  if (layer < 0 || readers(layer) !== 1 || !net.layers[layer]!.linearSide) return undefined;
  const first = between[0] ?? layer;
  let like: Tensor | undefined;
  let squares = new Float64Array();
  return {
    layer,
    first,
    add(index, cotangent) {
      if (index !== first) return;
      const width = cotangent.shape[1]!;
      if (!like) squares = new Float64Array(width);
      like = cotangent;
      for (let u = 0; u < width; u++) squares[u]! += cotangent.data[u]! ** 2;
    },
    cotangent(tapes) {
      const { shape, data } = like!;
      const row = floatsLike(data, squares.length);
      row.set(squares.map(Math.sqrt));
      const rows = floatsLike(data, data.length);
      for (let k = 0; k < rows.length; k += row.length) rows.set(row, k);
      return between.reduce<Tensor>((dy, i) => net.layers[i]!.vjp(tensorsOf(net, i), tapes[i], dy).dx(), {
        shape,
        data: rows,
      });
    },
  };
}
