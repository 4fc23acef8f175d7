import type { Tensor } from "../linalg/index.ts";
import type { Network } from "./network.ts";
import { tensorsOf } from "./passes.ts";

/** The value of every layer for a batch, in the network's own precision. */
export function layerValues(net: Network, x: Tensor): readonly Tensor[] {
  const values: Tensor[] = [];
  net.layers.forEach((layer, i) => {
    const [first, ...more] = net.sources[i]!.map((s) => (s < 0 ? x : values[s]!));
    values.push(layer.forward(tensorsOf(net, i), first!, ...more).y);
  });
  return values;
}
