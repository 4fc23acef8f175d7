import { UsageError } from "../errors/index.ts";
import { type Network, weightCount, weightedLayers } from "../networks/index.ts";

/** Which weights move: of all layers, of the last one that has any, of layers by position, or the biases alone. */
export type TangentLayers = "all" | "last" | "biases" | readonly number[];

/** The weights of one layer that move: `size` of them from `place` on, in the order of `flatten`. */
export interface Span {
  /** The layer's position in the network. */
  readonly index: number;
  readonly place: number;
  readonly size: number;
}

/** The weights that move, layer by layer. Throws UsageError where nothing would. */
export function selectSpans(net: Network, choice: TangentLayers = "all"): readonly Span[] {
  const weighted = weightedLayers(net);
  if (weighted.length === 0) throw new UsageError("tangentKernel: the network has no weights");
  const chosen = typeof choice === "string" ? (choice === "last" ? weighted.slice(-1) : weighted) : choice;
  if (chosen.length === 0 || !chosen.every((index) => weighted.includes(index))) {
    throw new UsageError(
      `tangentKernel: layers should be among ${weighted.join(", ")}, the positions that have weights, got ${chosen.join(", ") || "none"}`,
    );
  }
  const spans: Span[] = [];
  let place = 0;
  net.weights.forEach((record, index) => {
    let at = place;
    for (const [name, { data }] of Object.entries(record)) {
      if (choice === "biases" && name === "bias") spans.push({ index, place: at, size: data.length });
      at += data.length;
    }
    const size = weightCount(record);
    if (choice !== "biases" && chosen.includes(index)) spans.push({ index, place, size });
    place += size;
  });
  if (spans.length === 0) throw new UsageError('tangentKernel: no layer has a parameter named "bias"');
  return spans;
}
