import { FormatError } from "../../errors/index.ts";
import type { Layer, LayerDefinition } from "../layer.ts";
import { erf, gelu, leakyRelu, relu, sigmoid, silu, sin, softplus, tanh } from "./activations.ts";
import { dense } from "./dense.ts";
import { fanInSum } from "./fan-in-sum.ts";

/** How each kind of layer is made from its definition: the one place a new kind is registered. */
const makers: Readonly<Record<string, (definition: LayerDefinition) => Layer>> = {
  dense: ({ units }) => dense(Number(units)) as Layer,
  tanh,
  relu,
  leakyRelu: ({ slope }) => leakyRelu(Number(slope)),
  gelu,
  silu,
  sigmoid,
  softplus,
  erf,
  sin,
  fanInSum,
};

/** The activations by name, as the command line offers them. */
export const activations: Readonly<Record<string, () => Layer>> = {
  tanh,
  relu,
  leakyRelu: () => leakyRelu(),
  gelu,
  silu,
  sigmoid,
  softplus,
  erf,
  sin,
};

/** The layer that a definition describes. Throws FormatError for a kind this version does not know. */
export function layerFrom(definition: LayerDefinition): Layer {
  const make = Object.hasOwn(makers, definition.kind) ? makers[definition.kind] : undefined;
  if (!make) {
    const known = Object.keys(makers).join(", ");
    throw new FormatError(`layer kind "${definition.kind}" is not one of ${known}`);
  }
  return make(definition);
}
