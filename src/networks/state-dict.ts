import { FormatError, FunspaceError, UsageError } from "../errors/index.ts";
import type { Precision, Tensor } from "../linalg/index.ts";
import { precisionOf } from "../linalg/index.ts";
import type { Shape, Weights } from "./layer.ts";
import { drawWeights, type Network, networkWithTensors } from "./network.ts";
import { type NetworkPart, wire } from "./wiring.ts";

export interface StateDictOptions {
  /** Sizes of one example. */
  readonly inputShape: Shape;
  /** The layers as the PyTorch module applies them. */
  readonly layers: readonly NetworkPart[];
  /**
   * The names of the modules with tensors, in the layers' order: "features.0", "classifier". In the order of their
   * names unless given, numbers in them by size, which is that of an nn.Sequential.
   */
  readonly modules?: readonly string[];
  /** Precision of weights and activations; f32 unless said otherwise. */
  readonly precision?: Precision;
}

/**
 * The network of a PyTorch `state_dict`, such as `decodeSafetensors(…).tensors`, and a list of its layers. Each layer
 * with tensors takes the next module's. Throws FormatError where a module has not the tensors that its layer takes, or
 * one of the two is left over; UsageError for a name in `modules` that no tensor has.
 */
export function networkFromStateDict(
  tensors: ReadonlyMap<string, Tensor>,
  { inputShape, layers: parts, modules, precision = "f32" }: StateDictOptions,
): Network {
  const found = modulesOf(tensors);
  const unknown = modules?.find((name) => !found.has(name));
  if (unknown !== undefined) {
    throw new UsageError(`modules: no tensor belongs to "${unknown}"; there are ${listed(found.keys())}`);
  }
  const { compare } = new Intl.Collator("en", { numeric: true });
  const order = modules ?? [...found.keys()].sort(compare);
  const wiring = wire(parts);
  const like = drawWeights({ inputShape, precision, ...wiring }, 0);
  let next = 0;
  const records = wiring.layers.map((layer, i): Weights => {
    const wanted: Weights = { ...like.weights[i], ...like.buffers[i] };
    const names = Object.keys(wanted);
    if (names.length === 0) return {};
    const module = order[next++];
    const what = `layer ${i} (${layer.definition.kind})`;
    if (module === undefined) {
      throw new FormatError(`${what} has no module left; there are ${listed(order)}, in this order`);
    }
    const given = found.get(module)!;
    const shapes = (record: Weights) =>
      Object.entries(record)
        .map(([name, { shape }]) => `${name} ${shape.join(" × ") || "(one number)"}`)
        .sort()
        .join(", ");
    if (shapes(given) !== shapes(wanted)) {
      throw new FormatError(
        `${what} takes ${shapes(wanted)}, and the module in its place, "${module}", has ${shapes(given)}; name the modules in the layers' order with \`modules\``,
      );
    }
    return Object.fromEntries(names.map((name) => [name, inPrecision(given[name]!, precision)]));
  });
  if (next < order.length) {
    throw new FormatError(`no layer takes the modules ${listed(order.slice(next))}`);
  }
  try {
    return networkWithTensors({ inputShape, precision, ...wiring }, records);
  } catch (cause) {
    if (!(cause instanceof FunspaceError)) throw cause;
    throw new FormatError(`the state dict does not fit the layers: ${cause.message}`, {}, { cause });
  }
}

/** Each module's tensors by the names that layers give them; PyTorch's counts of batches are left out. */
function modulesOf(tensors: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Weights> {
  const modules = new Map<string, Weights>();
  for (const [name, tensor] of tensors) {
    if (/(^|\.)num_batches_tracked$/.test(name)) continue;
    // The output projection of an attention is a module inside it.
    const joined = name.replace(/(^|\.)out_proj\.(weight|bias)$/, "$1out_proj_$2");
    const parent = joined.slice(0, Math.max(0, joined.lastIndexOf(".")));
    const inside = tensors.has(`${parent && `${parent}.`}in_proj_weight`);
    const full = inside ? joined : name;
    const at = full.lastIndexOf(".");
    const module = full.slice(0, Math.max(0, at));
    modules.set(module, { ...modules.get(module), [full.slice(at + 1)]: tensor });
  }
  return modules;
}

function inPrecision(tensor: Tensor, precision: Precision): Tensor {
  if (precisionOf(tensor) === precision) return tensor;
  const data = precision === "f32" ? Float32Array.from(tensor.data) : Float64Array.from(tensor.data);
  return { shape: tensor.shape, data };
}

function listed(names: Iterable<string>): string {
  return [...names].map((name) => `"${name}"`).join(", ") || "none";
}
