import { floatsLike, type Tensor } from "../../../linalg/index.ts";
import type { Writer, Written } from "../writer.ts";
import type { Moved, TangentWriter } from "./moved.ts";
import { plus } from "./moved.ts";

/** The layer itself on the tangent of its input. */
const same: TangentWriter = (to, layer) => layer.write(to, { ...layer, inputs: [layer.tangents[0]!] });

/** A layer that is linear in its input, with `through` as tensors, and in its weights: both, added. */
function bilinear(through: (layer: Moved) => Written["tensors"]): TangentWriter {
  return (to, layer) => {
    const [t] = layer.tangents;
    const fromInput =
      t === undefined ? undefined : layer.write(to, { ...layer, inputs: [t], tensors: through(layer) });
    return plus(to, fromInput, fromWeights(to, layer, layer.move));
  };
}

/** The layer on its own input with the moves of its weights in their place. */
function fromWeights(to: Writer, layer: Moved, tensors: Written["tensors"]): string | undefined {
  if (Object.keys(layer.move).length === 0) return undefined;
  to.begin(`${layer.value}.move`);
  return layer.write(to, { ...layer, tensors });
}

function zeros({ shape, data }: Tensor): Tensor {
  return { shape, data: floatsLike(data, data.length) };
}

function withoutBias({ tensors }: Moved): Written["tensors"] {
  const { bias: _, ...rest } = tensors;
  return rest;
}

/** What is linear in the inputs and, where it has any, in the weights. */
export const linearTangents: Readonly<Record<string, TangentWriter>> = {
  flatten: same,
  reshape: same,
  transpose: same,
  slice: same,
  select: same,
  mean: same,
  repeat: same,
  dropout: same,
  globalAveragePool: same,
  averagePool2d: same,
  pad: (to, layer) => same(to, { ...layer, definition: { ...layer.definition, value: 0 } }),
  dense: bilinear(withoutBias),
  conv2d: bilinear(withoutBias),
  affine(to, layer) {
    // Where it has no factor its own input does not matter, only the examples' number.
    const { move, inputs } = layer;
    if (move.weight || !move.bias) return bilinear(withoutBias)(to, layer);
    const [x] = inputs;
    return bilinear(withoutBias)(to, { ...layer, inputs: [to.node("Mul", [x, to.number(0)])] });
  },
  // Frozen statistics make it an affine map of each channel.
  batchNorm(to, layer) {
    const { tensors, move, tangents, write } = layer;
    const [t] = tangents;
    const still = { ...tensors, bias: zeros(tensors.bias!), running_mean: zeros(tensors.running_mean!) };
    const fromInput = t === undefined ? undefined : write(to, { ...layer, inputs: [t], tensors: still });
    return plus(to, fromInput, fromWeights(to, layer, { ...tensors, ...move }));
  },
  // Tokens do not move.
  embedding: (to, layer) => fromWeights(to, layer, layer.move),
  constant: (to, layer) => fromWeights(to, layer, layer.move),
  fanInSum: (to, { tangents }) => plus(to, ...tangents),
  fanInConcatenate: (to, layer) =>
    layer.write(to, {
      ...layer,
      inputs: layer.inputs.map((x, i) => layer.tangents[i] ?? to.node("Mul", [x, to.number(0)])) as [string],
    }),
  maxPool2d(to, layer) {
    // The same node with a second output: where in the whole batch each maximum stands.
    const pool = to.nodes.find(({ outputs }) => outputs[0] === layer.value)!;
    const [, places] = to.several("MaxPool", pool.inputs, 2, pool.attributes);
    const flat = to.node("Reshape", [layer.tangents[0]!, to.whole([-1])]);
    return to.node("Gather", [flat, places!], { axis: 0 });
  },
  globalMaxPool(to, { inputs: [x], tangents, output }) {
    const rows = (value: string) => to.node("Reshape", [value, to.whole([0, output[0]!, -1])]);
    const place = to.node("ArgMax", [rows(x)], { axis: 2, keepdims: 1 });
    const picked = to.node("GatherElements", [rows(tangents[0]!), place], { axis: 2 });
    return to.node("Reshape", [picked, to.whole([0, output[0]!])]);
  },
};
