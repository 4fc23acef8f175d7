import { FormatError } from "../../../errors/index.ts";
import { sizeOf } from "../../../linalg/index.ts";
import { repeatLayer, transposeLayer } from "../../layers/rearrange.ts";
import { expectSize, type Graph } from "../graph.ts";
import { axisOf, expectOtherAxis, type Operator } from "../operation.ts";
import { isFloat, tensorOf } from "../tensor-data.ts";
import { type Constant, layerAxes, reshapedView, type Value } from "../value.ts";
import { commonAxes, repeated } from "./broadcast.ts";

export const shapes: Readonly<Record<string, Operator>> = {
  Shape: (o) => {
    const x = o.input(0);
    const [start, end] = [o.number("start", 0), o.number("end", x.axes.length)];
    const powers = x.axes.map((_, axis) => (x.kind === "flowing" && x.batchAxis === axis ? 1 : 0));
    return known(x.axes.slice(start, end), powers.slice(start, end));
  },
  Size: () => {
    throw new FormatError("counts all numbers of a batch");
  },
  Reshape: (o) => {
    const target = o.inputs[1] ? o.constant(1) : known(o.numbers("shape") ?? []);
    return reshape(o.graph, o.input(0), target, o.number("allowzero", 0) !== 0);
  },
  Flatten: (o) => {
    const x = o.input(0);
    const axis = o.number("axis", 1) < 0 ? axisOf(o.number("axis", 1), x.axes.length) : o.number("axis", 1);
    const axes = [sizeOf(x.axes.slice(0, axis)), sizeOf(x.axes.slice(axis))];
    if (x.kind === "constant") return o.graph.reshaped(x, { axes });
    const [batchAxis, first] = x.batchAxis < axis ? [0, 0] : [1, axis];
    const before = sizeOf(x.axes.slice(first, x.batchAxis)) * x.before;
    return o.graph.reshaped(x, { axes, batchAxis, before });
  },
  Squeeze: (o) => {
    const x = o.input(0);
    const named = o.attributeOrInput("axes", 1)?.map((axis) => axisOf(axis, x.axes.length));
    const single = x.axes.flatMap((size, axis) => (size === 1 && !isBatch(x, axis) ? [axis] : []));
    const drop = named ?? single;
    for (const axis of drop) {
      expectOtherAxis(x, axis);
      if (x.axes[axis] !== 1)
        throw new FormatError(`squeezes axis ${axis}, which has ${x.axes[axis]} entries`);
    }
    const axes = x.axes.filter((_, axis) => !drop.includes(axis));
    if (x.kind === "constant") return { ...x, axes };
    return o.graph.reshaped(x, { ...x, axes, batchAxis: x.batchAxis - count(drop, (a) => a < x.batchAxis) });
  },
  Unsqueeze: (o) => {
    const x = o.input(0);
    const given = o.attributeOrInput("axes", 1) ?? [];
    return unsqueezed(
      o.graph,
      x,
      given.map((axis) => axisOf(axis, x.axes.length + given.length)),
    );
  },
  Transpose: (o) => {
    const x = o.input(0);
    const order = o.numbers("perm") ?? x.axes.map((_, i) => x.axes.length - 1 - i);
    return transposed(o.graph, x, order);
  },
  Expand: (o) => {
    const [x, target] = [o.input(0), o.constant(1)];
    const counts = Array.from(target.data, (_, i) => i).filter((i) => (target.powers?.[i] ?? 0) > 0);
    const sizes = Array.from(target.data, (size, i) => (counts.includes(i) ? 1 : size));
    const axes = commonAxes(x.axes, sizes);
    if (x.kind === "flowing" || counts.length === 0) return repeated(o.graph, x, axes);
    const whole = repeated(o.graph, x, axes) as Constant;
    const batchAxis = counts[0]! + axes.length - sizes.length;
    return o.graph.lift(
      { ...whole, trained: x.trained && whole.data.length === x.data.length },
      {
        axes,
        batchAxis,
        before: 1,
      },
    );
  },
  ConstantOfShape: (o) => {
    const target = o.graph.known(o.constant(0));
    const axes = Array.from(target.data);
    expectSize(axes);
    const value = o.node.attributes.value;
    const fill = typeof value === "object" && "elementType" in value ? value : undefined;
    const data = fill ? tensorOf(fill, "the value").data : Float32Array.of(0);
    const whole = fill !== undefined && !isFloat(fill.elementType);
    if (data.length !== 1) throw new FormatError(`fills with one number, got ${data.length}`);
    const one: Constant = { kind: "constant", axes: [], data, whole, trained: false };
    return o.graph.place(repeatLayer(axes), [one], { axes });
  },
  Cast: (o) => {
    const x = o.input(0);
    const type = o.number("to", 1);
    if (x.kind === "constant") {
      if (isFloat(type)) return { ...x, data: Float32Array.from(x.data), whole: false };
      return { ...x, data: Float64Array.from(x.data, Math.trunc), whole: true };
    }
    const looksUp = o.users(o.node.outputs[0]!).every((operator) => operator === "Gather");
    if (isFloat(type) || looksUp) return x;
    throw new FormatError("makes whole numbers of computed ones, which has no derivative");
  },
};

/** Sizes as a constant. */
function known(sizes: readonly number[], powers?: readonly number[]): Constant {
  return {
    ...{ kind: "constant", axes: [sizes.length], data: Float64Array.from(sizes) },
    ...{ whole: true, trained: false, ...(powers && { powers: Float64Array.from(powers) }) },
  };
}

function isBatch(value: Value, axis: number): boolean {
  return value.kind === "flowing" && value.batchAxis === axis;
}

function count<T>(items: readonly T[], which: (item: T) => boolean): number {
  return items.filter(which).length;
}

function reshape(graph: Graph, x: Value, target: Constant, zeros: boolean): Value {
  const powers = Array.from(target.data, (_, i) => target.powers?.[i] ?? 0);
  const sizes = Array.from(target.data, (size, i) => {
    if (size !== 0 || zeros) return size;
    if (isBatch(x, i)) powers[i] = 1;
    return x.axes[i] ?? 0;
  });
  const total = sizeOf(x.axes);
  const named = sizeOf(sizes.filter((size) => size !== -1));
  const fail = () =>
    new FormatError(
      `reshapes ${x.axes.map((size, i) => (isBatch(x, i) ? `n·${size}` : size)).join(" × ")} to ${sizes.map((size, i) => (powers[i] ? `n·${size}` : size)).join(" × ")}, which does not keep the examples apart`,
    );
  if (sizes.some((size) => !Number.isInteger(size) || size < -1 || size === 0)) throw fail();
  if (count(sizes, (size) => size === -1) > 1 || count(powers, (power) => power > 0) > 1) throw fail();
  if (x.kind === "constant") {
    const axes = sizes.map((size) => (size === -1 ? total / named : size));
    if (sizeOf(axes) !== total || axes.some((size) => !Number.isInteger(size))) throw fail();
    return { ...x, axes };
  }
  const view = reshapedView(x, sizes, powers, graph.fixedBatch);
  if (!view) throw fail();
  return graph.reshaped(x, view);
}

/** The value with axes of size 1 inserted, counted in the result. */
export function unsqueezed(graph: Graph, x: Value, inserted: readonly number[]): Value {
  const rest = [...x.axes];
  const axes = Array.from({ length: x.axes.length + inserted.length }, (_, i) =>
    inserted.includes(i) ? 1 : rest.shift()!,
  );
  if (x.kind === "constant") return { ...x, axes };
  let batchAxis = x.batchAxis;
  for (let i = 0; i <= batchAxis; i++) if (inserted.includes(i)) batchAxis++;
  return graph.reshaped(x, { ...x, axes, batchAxis });
}

/** The value with its axes in another order. */
export function transposed(graph: Graph, x: Value, order: readonly number[]): Value {
  if ([...order].sort((a, b) => a - b).some((axis, i) => axis !== i) || order.length !== x.axes.length) {
    throw new FormatError(`puts ${x.axes.length} axes into the order ${order.join(", ")}`);
  }
  const axes = order.map((axis) => x.axes[axis]!);
  const layer = order.flatMap((axis) => layerAxes(x, axis));
  const view = x.kind === "flowing" ? { ...x, axes, batchAxis: order.indexOf(x.batchAxis) } : { axes };
  const still = layer.every((axis, i) => axis === i);
  if (still) return x.kind === "flowing" ? { ...x, ...view } : { ...x, axes };
  return graph.place(transposeLayer(layer), [x], view);
}
