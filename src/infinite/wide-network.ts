import { UsageError } from "../errors/index.ts";
import type { Parameters } from "../kernels/index.ts";
import {
  drawWeights,
  type Layer,
  type LayerDefinition,
  layerFrom,
  type Network,
  parameterCount,
} from "../networks/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import { tangentFn } from "../tangent/index.ts";
import type { AttentionForm } from "./attention-limit.ts";
import { type WidePart, wideAttention } from "./wide-attention.ts";

/** What of a network its infinite-width limit depends on. */
export type Architecture = Pick<Network, "layers" | "sources" | "inputs" | "inputShape">;

/**
 * A random network of one output and the given hidden width (units and channels), in the NTK parametrisation: over draws
 * of the key its values have the NNGP as covariance and its tangent kernel, without its norms' own weights, tends to the
 * NTK, both with errors of order 1/√width. Where branches are concatenated, widths stay in proportion. Attention is that
 * of the form named, about √width heads, so that its errors fall more slowly; its layers stand in its place. Precision
 * is f64. Throws UsageError for attention without a form.
 */
export function wideNetwork(
  { layers, sources, inputShape }: Architecture,
  parameters: Parameters,
  width: number,
  key: Key,
  attention?: AttentionForm,
): Network {
  const last = layers.length - 1;
  const variance = (name: string) => parameters[name]?.value[0] ?? 0;
  const widths = layers.flatMap(({ definition }, i) => (i === last ? [] : [widthOf(definition)]));
  const proportional = layers.some(({ definition }) => definition.kind === "fanInConcatenate");
  const unit = Math.max(1, ...widths);
  const partOf = (layer: Layer, i: number): WidePart => {
    const { definition } = layer;
    const alone = (own: Layer): WidePart => ({ layers: [own], sources: [sources[i]!.map((_, k) => -1 - k)] });
    const [weight, bias] = [variance(`weight.${i}`), variance(`bias.${i}`)];
    if (definition.kind === "multiHeadAttention") {
      if (attention)
        return wideAttention(attention, { weight, bias, scores: variance(`scores.${i}`) }, width);
      throw new UsageError(
        `layer ${i} (multiHeadAttention): a finite network is drawn with attention in a form that has a limit; name it: identity, tiedSoftmax, tiedIdentity or tiedRelu`,
      );
    }
    if (definition.kind !== "dense" && definition.kind !== "conv2d") return alone(layer);
    const share = proportional ? widthOf(definition) / unit : 1;
    const wide = i === last ? 1 : Math.max(1, Math.round(width * share));
    const { bias: biased, ...rest } = definition;
    return alone(
      layerFrom({
        ...rest,
        ...(biased === false && { bias: biased }),
        [definition.kind === "dense" ? "units" : "filters"]: wide,
        parametrisation: "ntk",
        weightDeviation: Math.sqrt(weight),
        biasDeviation: Math.sqrt(bias),
      }),
    );
  };

  const widened: Layer[] = [];
  const wiring: (readonly number[])[] = [];
  // Where each layer's value, by its place in the network given, ends up.
  const ends: number[] = [];
  layers.forEach((layer, i) => {
    const part = partOf(layer, i);
    const from = sources[i]!.map((s) => (s < 0 ? s : ends[s]!));
    const start = widened.length;
    part.layers.forEach((own, k) => {
      widened.push(own);
      wiring.push(part.sources[k]!.map((s) => (s < 0 ? from[-1 - s]! : start + s)));
    });
    ends.push(widened.length - 1);
  });
  const seed = (key.high >>> 11) * 2 ** 32 + key.low;
  return drawWeights({ inputShape, precision: "f64", layers: widened, sources: wiring }, seed);
}

/** Units or channels of a layer with weights; 0 of others. */
function widthOf({ kind, units, filters }: LayerDefinition): number {
  return kind === "dense" ? Number(units) : kind === "conv2d" ? Number(filters) : 0;
}

// Width of the finite network that stands for the infinite one where a function is drawn.
const drawnWidth = 1024;

/**
 * A function whose distribution is nearly that of the infinite network's process: for the NNGP a wide random network,
 * for the NTK that network's linearisation along random weights.
 */
export function drawnFunction(
  net: Architecture,
  parameters: Parameters,
  which: "nngp" | "ntk",
  key: Key,
  attention?: AttentionForm,
) {
  const wide = wideNetwork(net, parameters, drawnWidth, split(key, "network"), attention);
  return which === "nngp" ? wide : tangentFn(wide, normal(split(key, "weights"), parameterCount(wide)));
}
