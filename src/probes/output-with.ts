import { floatsLike, type Tensor } from "../linalg/index.ts";
import { type Network, tensorsOf } from "../networks/index.ts";

/**
 * The network's output when one layer's value is another one: only what depends on that layer is computed again. Row r
 * of the given value stands for example `examples[r]` of the batch x; an example may have several rows, or none.
 */
export function outputWith(
  net: Network,
  x: Tensor,
  values: readonly Tensor[],
  index: number,
  value: Tensor,
  examples: Int32Array,
): Tensor {
  const changed = new Map<number, Tensor>([[index, value]]);
  for (let i = index + 1; i < net.layers.length; i++) {
    const from = net.sources[i]!;
    if (!from.some((s) => changed.has(s))) continue;
    const inputs = from.map((s) => changed.get(s) ?? takeExamples(s < 0 ? x : values[s]!, examples));
    const [first, ...more] = inputs;
    changed.set(i, net.layers[i]!.forward(tensorsOf(net, i), first!, ...more).y);
  }
  return changed.get(net.layers.length - 1) ?? takeExamples(values.at(-1)!, examples);
}

/** Some of a batch's examples, in the given order. */
export function takeExamples({ shape, data }: Tensor, examples: Int32Array): Tensor {
  const size = data.length / shape[0]!;
  const out = floatsLike(data, examples.length * size);
  examples.forEach((i, r) => {
    out.set(data.subarray(i * size, (i + 1) * size), r * size);
  });
  return { shape: [examples.length, ...shape.slice(1)], data: out };
}

/** The same where the given value has one row for each example, in their order. */
export function wholeOutputWith(
  net: Network,
  x: Tensor,
  values: readonly Tensor[],
  index: number,
  value: Tensor,
): Tensor {
  return outputWith(
    net,
    x,
    values,
    index,
    value,
    Int32Array.from({ length: x.shape[0]! }, (_, i) => i),
  );
}
