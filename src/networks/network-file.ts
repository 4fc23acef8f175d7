import { FormatError, FunspaceError } from "../errors/index.ts";
import type { Precision, Tensor } from "../linalg/index.ts";
import type { LayerDefinition, Shape, Weights } from "./layer.ts";
import { layerFrom } from "./layers/from-definition.ts";
import { type Network, networkWithTensors } from "./network.ts";
import { decodeSafetensors, encodeSafetensors, type Safetensors } from "./safetensors.ts";
import { parameters } from "./weights.ts";
import { inSequence } from "./wiring.ts";

/** A network without its numbers, as JSON. */
export interface NetworkDefinition {
  readonly inputShape: Shape;
  readonly precision: Precision;
  readonly layers: readonly LayerDefinition[];
  /** What feeds each layer; layers follow one another when left out. */
  readonly sources?: readonly (readonly number[])[];
}

export function definitionOf({ inputShape, precision, layers, sources }: Network): NetworkDefinition {
  const sequential = sources.every((from, i) => from.length === 1 && from[0] === i - 1);
  return {
    inputShape,
    precision,
    layers: layers.map((layer) => layer.definition),
    ...(!sequential && { sources }),
  };
}

/** The network's parameters and buffers by name: "0.weight", "0.bias", "1.running_mean", … */
export function namedTensors(net: Network): Map<string, Tensor> {
  const named = [...parameters(net.weights), ...parameters(net.buffers)];
  return new Map(named.map(({ name, tensor }) => [name, tensor]));
}

/**
 * The network of a definition and its tensors; tensors of other names are left alone. Throws FormatError or
 * ShapeError when they do not belong together.
 */
export function networkFrom(definition: NetworkDefinition, tensors: ReadonlyMap<string, Tensor>): Network {
  const layers = definition.layers.map(layerFrom);
  const sources = definition.sources ?? inSequence(layers.length);
  expectSources(sources, layers.length);
  const records: Weights[] = layers.map(() => ({}));
  for (const [name, tensor] of tensors) {
    const [, index, parameter] = /^(\d+)\.(\w+)$/.exec(name) ?? [];
    if (index === undefined || parameter === undefined) continue;
    const record = records[Number(index)];
    if (!record) throw new FormatError(`tensor "${name}" belongs to no layer`);
    if (!tensor.data.every(Number.isFinite)) {
      throw new FormatError(`tensor "${name}" holds NaN or infinity; the file was altered`);
    }
    records[Number(index)] = { ...record, [parameter]: tensor };
  }
  return networkWithTensors({ ...definition, layers, sources }, records);
}

function expectSources(sources: readonly (readonly number[])[], count: number): void {
  const known = (from: readonly number[], i: number) =>
    Array.isArray(from) && from.length > 0 && from.every((s) => Number.isInteger(s) && s >= -1 && s < i);
  if (sources.length !== count || !sources.every(known)) {
    throw new FormatError(
      "the definition's sources should name, for each layer, layers before it (−1 for the network's input)",
    );
  }
}

/** The metadata entry that holds the definition of a network saved by itself. */
const entry = "funspace.network";

/** The network as one self-contained safetensors file. */
export function encodeNetwork(net: Network): Uint8Array {
  return encodeSafetensors(namedTensors(net), { [entry]: JSON.stringify(definitionOf(net)) });
}

/** Whether a safetensors file is that of a network saved by itself. */
export function isNetworkFile({ metadata }: Safetensors): boolean {
  return metadata[entry] !== undefined;
}

/** The network in a file's bytes; `source` is what to call it in errors. Throws FormatError for any other file. */
export function decodeNetwork(bytes: Uint8Array, source: string): Network {
  const { tensors, metadata } = decodeSafetensors(bytes, source);
  const text = metadata[entry];
  if (text === undefined) {
    throw new FormatError(
      `${source} is a safetensors file but not a funspace network: its metadata has no "${entry}"`,
    );
  }
  try {
    return networkFrom(JSON.parse(text) as NetworkDefinition, tensors);
  } catch (cause) {
    const known =
      cause instanceof FunspaceError || cause instanceof TypeError || cause instanceof SyntaxError;
    if (!known) throw cause;
    throw new FormatError(`${source} is not a whole funspace network: ${cause.message}`, {}, { cause });
  }
}
