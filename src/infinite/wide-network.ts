import type { Parameters } from "../kernels/index.ts";
import { dense, drawWeights, type Network, parameterCount } from "../networks/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import { tangentFn } from "../tangent/index.ts";

/** What of a network its infinite-width limit depends on. */
export type Architecture = Pick<Network, "layers" | "sources" | "inputs">;

/**
 * A random network of one output and the given hidden width, in the NTK parametrisation: over draws of the key its
 * values have the NNGP as covariance and its tangent kernel tends to the NTK, both with errors of order 1/√width. Its
 * precision is f64.
 */
export function wideNetwork(
  { layers, sources, inputs }: Architecture,
  parameters: Parameters,
  width: number,
  key: Key,
): Network {
  const last = layers.length - 1;
  const deviation = (name: string) => Math.sqrt(parameters[name]?.value[0] ?? 0);
  const widened = layers.map((layer, i) =>
    layer.definition.kind === "dense"
      ? dense(i === last ? 1 : width, {
          bias: layer.definition.bias !== false,
          parametrisation: "ntk",
          weightDeviation: deviation(`weight.${i}`),
          biasDeviation: deviation(`bias.${i}`),
        })
      : layer,
  );
  const seed = (key.high >>> 11) * 2 ** 32 + key.low;
  return drawWeights({ inputShape: [inputs], precision: "f64", layers: widened, sources }, seed);
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
