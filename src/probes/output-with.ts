import { floatsLike, type Tensor } from "../linalg/index.ts";
import { type Network, tensorsOf } from "../networks/index.ts";

/**
 * The network's output when one layer's value is another one: only what depends on that layer is computed again. The
 * given value may hold the batch several times over, one copy after another.
 */
export function outputWith(
  net: Network,
  x: Tensor,
  values: readonly Tensor[],
  index: number,
  value: Tensor,
): Tensor {
  const copies = value.shape[0]! / x.shape[0]!;
  const changed = new Map<number, Tensor>([[index, value]]);
  for (let i = index + 1; i < net.layers.length; i++) {
    const from = net.sources[i]!;
    if (!from.some((s) => changed.has(s))) continue;
    const [first, ...more] = from.map((s) => changed.get(s) ?? repeat(s < 0 ? x : values[s]!, copies));
    changed.set(i, net.layers[i]!.forward(tensorsOf(net, i), first!, ...more).y);
  }
  return changed.get(net.layers.length - 1) ?? repeat(values.at(-1)!, copies);
}

/** The batch several times over. */
export function repeat(t: Tensor, copies: number): Tensor {
  const data = floatsLike(t.data, copies * t.data.length);
  for (let c = 0; c < copies; c++) data.set(t.data, c * t.data.length);
  return { shape: [copies * t.shape[0]!, ...t.shape.slice(1)], data };
}
