import { UsageError } from "../errors/index.ts";
import type { Tensor } from "../linalg/index.ts";
import { type Network, networkOf } from "../networks/index.ts";

/**
 * The same function with the units of a hidden dense layer in another order: `order[j]` is the old place of unit j.
 * The weights may lie far away (Hecht-Nielsen 1990).
 */
export function permuteUnits(net: Network, layer: number, order: ArrayLike<number>): Network {
  const { units, next } = hiddenDense(net, layer);
  const seen = new Set(Array.from(order));
  if (
    order.length !== units ||
    seen.size !== units ||
    Array.from(order).some((o) => !(o >= 0 && o < units))
  ) {
    throw new UsageError(`permuteUnits: expected an order of the layer's ${units} units`);
  }
  return moved(net, layer, next, {
    rows: (t) => pick(t, (k, cols) => order[Math.floor(k / cols)]! * cols + (k % cols)),
    columns: (t) => pick(t, (k, cols) => k - (k % cols) + order[k % cols]!),
  });
}

/**
 * The same function with each hidden unit's incoming weights multiplied by a factor above 0 and its outgoing ones
 * divided by it; only where the activations between scale with their input (relu, leaky relu).
 */
export function rescaleUnits(net: Network, layer: number, factors: ArrayLike<number>): Network {
  const { units, next } = hiddenDense(net, layer);
  const between = net.layers.slice(layer + 1, next).map(({ definition }) => definition.kind);
  const bound = between.find((kind) => kind !== "relu" && kind !== "leakyRelu");
  if (bound) throw new UsageError(`rescaleUnits: ${bound} does not scale with its input; relu does`);
  if (factors.length !== units || Array.from(factors).some((f) => !(f > 0))) {
    throw new UsageError(`rescaleUnits: expected ${units} factors above 0`);
  }
  return moved(net, layer, next, {
    rows: (t) => ({
      ...t,
      data: t.data.map((w, k) => w * factors[Math.floor(k / (t.data.length / units))]!),
    }),
    columns: (t) => ({ ...t, data: t.data.map((w, k) => w / factors[k % units]!) }),
  });
}

/** A dense layer, its number of units, and the dense layer that takes them through activations alone. */
function hiddenDense(net: Network, layer: number): { readonly units: number; readonly next: number } {
  const isDense = (i: number) => net.layers[i]?.definition.kind === "dense";
  let next = layer + 1;
  const alone = (i: number) => net.sources[i]?.length === 1 && net.sources[i]![0] === i - 1;
  while (alone(next) && !isDense(next) && Object.keys(net.weights[next]!).length === 0) next++;
  if (!isDense(layer) || !isDense(next) || !alone(next)) {
    throw new UsageError(`layer ${layer} is not a dense layer that another dense layer follows`);
  }
  return { units: net.weights[layer]!.weight!.shape[0]!, next };
}

interface Moves {
  readonly rows: (t: Tensor) => Tensor;
  readonly columns: (t: Tensor) => Tensor;
}

function moved(net: Network, layer: number, next: number, { rows, columns }: Moves): Network {
  const weights = net.weights.map((record, i) => {
    if (i === layer) return Object.fromEntries(Object.entries(record).map(([name, t]) => [name, rows(t)]));
    if (i === next) return { ...record, weight: columns(record.weight!) };
    return record;
  });
  return networkOf(net, weights);
}

function pick(t: Tensor, from: (k: number, cols: number) => number): Tensor {
  const cols = t.shape[1] ?? 1;
  return { ...t, data: t.data.map((_, k) => t.data[from(k, cols)]!) };
}
