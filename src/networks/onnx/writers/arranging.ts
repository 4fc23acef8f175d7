import type { Shape } from "../../layer.ts";
import type { LayerWriter, Writer } from "../writer.ts";

/** The numbers of an option that is a list. */
function list(option: unknown): readonly number[] {
  return option as readonly number[];
}

/** The examples' axis comes first. */
const shifted = (axes: readonly number[]) => axes.map((axis) => axis + 1);

export function reshape(to: Writer, x: string, shape: Shape): string {
  // A 0 keeps the number of examples.
  return to.node("Reshape", [x, to.whole([0, ...shape])]);
}

export const arranging: Readonly<Record<string, LayerWriter>> = {
  flatten: (to, { inputs }) => to.node("Flatten", [inputs[0]], { axis: 1 }),
  reshape: (to, { inputs, output }) => reshape(to, inputs[0], output),
  transpose: (to, { inputs, definition }) =>
    to.node("Transpose", [inputs[0]], { perm: [0, ...shifted(list(definition.order))] }),
  slice(to, { inputs: [x], definition }) {
    const [axis, start, count, step] = ["axis", "start", "count", "step"].map((name) =>
      Number(definition[name]),
    ) as [number, number, number, number];
    const end = start + step * count;
    // Backwards to the first: an end below 0 would count from the last.
    const ends = end < 0 ? -(2 ** 31) : end;
    return to.node("Slice", [x, to.whole([start]), to.whole([ends]), to.whole([axis + 1]), to.whole([step])]);
  },
  select: (to, { inputs: [x], definition }) =>
    to.node("Gather", [x, to.whole(list(definition.indices))], { axis: Number(definition.axis) + 1 }),
  pad(to, { inputs: [x], definition: { before, after, value } }) {
    const pads = to.whole([0, ...list(before), 0, ...list(after)]);
    return to.node("Pad", [x, pads, to.number(Number(value))]);
  },
  repeat(to, { inputs: [x], shapes: [shape], output }) {
    const ones = output.slice(shape.length).map(() => 1);
    return to.node("Expand", [reshape(to, x, [...ones, ...shape]), to.whole([1, ...output])]);
  },
  constant(to, { inputs: [x], output, tensors: { weight } }) {
    const count = to.node("Shape", [x], { start: 0, end: 1 });
    const sizes = to.node("Concat", [count, to.whole(output)], { axis: 0 });
    const one = { shape: [1, ...output], data: weight!.data };
    return to.node("Expand", [to.tensor("weight", one), sizes]);
  },
  mean: (to, { inputs, definition }) =>
    to.node("ReduceMean", [inputs[0]], { axes: shifted(list(definition.axes)), keepdims: 0 }),
  fanInConcatenate(to, { inputs, definition }) {
    const axis = Number(definition.axis);
    return to.node("Concat", inputs, { axis: axis < 0 ? axis : axis + 1 });
  },
  fanInMatmul: (to, { inputs }) => to.node("MatMul", inputs),
  globalAveragePool: (to, { inputs }) =>
    to.node("Flatten", [to.node("GlobalAveragePool", [inputs[0]])], { axis: 1 }),
  globalMaxPool: (to, { inputs }) => to.node("Flatten", [to.node("GlobalMaxPool", [inputs[0]])], { axis: 1 }),
};
