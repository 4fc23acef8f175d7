import { UsageError } from "../errors/index.ts";
import type { Parameters } from "../kernels/index.ts";
import {
  drawWeights,
  type LayerDefinition,
  layerFrom,
  type Network,
  parameterCount,
} from "../networks/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import { tangentFn } from "../tangent/index.ts";

/** What of a network its infinite-width limit depends on. */
export type Architecture = Pick<Network, "layers" | "sources" | "inputs" | "inputShape">;

/**
 * A random network of one output and the given hidden width (units and channels), in the NTK parametrisation: over draws
 * of the key its values have the NNGP as covariance and its tangent kernel, without its norms' own weights, tends to the
 * NTK, both with errors of order 1/√width. Where branches are concatenated, widths stay in proportion. Its precision is
 * f64. Throws UsageError for attention, whose forms with a limit are no layers here.
 */
export function wideNetwork(
  { layers, sources, inputShape }: Architecture,
  parameters: Parameters,
  width: number,
  key: Key,
): Network {
  const last = layers.length - 1;
  const deviation = (name: string) => Math.sqrt(parameters[name]?.value[0] ?? 0);
  const widths = layers.flatMap(({ definition }, i) => (i === last ? [] : [widthOf(definition)]));
  const proportional = layers.some(({ definition }) => definition.kind === "fanInConcatenate");
  const unit = Math.max(1, ...widths);
  const widened = layers.map((layer, i) => {
    const { definition } = layer;
    if (definition.kind === "multiHeadAttention") {
      throw new UsageError(
        `layer ${i} (multiHeadAttention): no finite network is drawn with attention in the forms that have a limit`,
      );
    }
    if (definition.kind !== "dense" && definition.kind !== "conv2d") return layer;
    const share = proportional ? widthOf(definition) / unit : 1;
    const wide = i === last ? 1 : Math.max(1, Math.round(width * share));
    const { bias, ...rest } = definition;
    return layerFrom({
      ...rest,
      ...(bias === false && { bias }),
      [definition.kind === "dense" ? "units" : "filters"]: wide,
      parametrisation: "ntk",
      weightDeviation: deviation(`weight.${i}`),
      biasDeviation: deviation(`bias.${i}`),
    });
  });
  const seed = (key.high >>> 11) * 2 ** 32 + key.low;
  return drawWeights({ inputShape, precision: "f64", layers: widened, sources }, seed);
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
export function drawnFunction(net: Architecture, parameters: Parameters, which: "nngp" | "ntk", key: Key) {
  const wide = wideNetwork(net, parameters, drawnWidth, split(key, "network"));
  return which === "nngp" ? wide : tangentFn(wide, normal(split(key, "weights"), parameterCount(wide)));
}
