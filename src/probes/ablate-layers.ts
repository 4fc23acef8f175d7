import { UsageError } from "../errors/index.ts";
import { type Matrix, type Tensor, toTensor } from "../linalg/index.ts";
import { layerValues, type Network, weightedLayers } from "../networks/index.ts";
import { key, permutation, split } from "../random/index.ts";
import type { AblateOptions } from "./ablate.ts";
import { wholeOutputWith } from "./output-with.ts";
import { type Change, changeOf, type Replacement, standIn } from "./replacement.ts";

/** One layer removed. */
export interface LayerEffect extends Change {
  readonly layer: number;
  readonly kind: string;
}

export interface AblateLayersOptions extends Omit<AblateOptions, "replacement"> {
  /** As for units; or "identity": the layer's input passes through unchanged. "zero" unless given. */
  readonly replacement?: Replacement | "identity";
}

/**
 * The functional effect of removing each layer, largest first: all layers with weights unless some are named, and of
 * those, for "identity", the ones whose value has the shape of their input. Throws UsageError for a named layer that
 * does not, and where no layer is left.
 */
export function ablateLayers(
  net: Network,
  x: Matrix,
  options: AblateLayersOptions = {},
): readonly LayerEffect[] {
  const { replacement = "zero" } = options;
  if (x.rows === 0) throw new UsageError("ablateLayers: there are no points");
  const input = toTensor(x, net.inputShape, net.precision);
  const values = layerValues(net, input);
  const output = values.at(-1)!.data;
  const others = permutation(split(options.key ?? key(0), "resample"), x.rows);
  const enters = (layer: number): Tensor => {
    const [source] = net.sources[layer]!;
    return source! < 0 ? input : values[source!]!;
  };
  const shape = (t: Tensor) => t.shape.slice(1).join(" × ");
  const passes = (layer: number) => shape(enters(layer)) === shape(values[layer]!);
  const unknown = options.layers?.find((l) => net.layers[l] === undefined);
  if (unknown !== undefined) throw new UsageError(`ablateLayers: the network has no layer ${unknown}`);
  const unlike = replacement === "identity" ? options.layers?.find((l) => !passes(l)) : undefined;
  if (unlike !== undefined) {
    throw new UsageError(
      `ablateLayers: layer ${unlike} makes ${shape(values[unlike]!)} of ${shape(enters(unlike))}, so that its input cannot stand in for its value; replace it by "zero" or "mean"`,
    );
  }
  const layers = options.layers ?? weightedLayers(net).filter((l) => replacement !== "identity" || passes(l));
  if (layers.length === 0) {
    throw new UsageError(
      `ablateLayers: ${replacement === "identity" ? "no layer's value has the shape of its input" : "the network has no layer with weights"}`,
    );
  }
  return layers
    .map((layer) => {
      const stand = replacement === "identity" ? enters(layer) : standIn(values[layer]!, replacement, others);
      const { data } = wholeOutputWith(net, input, values, layer, stand);
      const moved = Float64Array.from(data, (v, k) => v - output[k]!);
      return { layer, kind: net.layers[layer]!.definition.kind, ...changeOf(moved, x.rows) };
    })
    .sort((a, b) => b.effect - a.effect);
}
