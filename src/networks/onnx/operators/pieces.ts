import { FormatError } from "../../../errors/index.ts";
import { embedding } from "../../layers/embedding.ts";
import { fanInConcatenate } from "../../layers/fan-in-concatenate.ts";
import { padLayer, selectLayer, sliceLayer } from "../../layers/rearrange.ts";
import { expectSize, type Graph } from "../graph.ts";
import { axisOf, expectOtherAxis, type Operation, type Operator } from "../operation.ts";
import { exampleShape, type Flowing, layerAxes, type Value } from "../value.ts";

export const pieces: Readonly<Record<string, Operator>> = {
  Slice: (o) => {
    const x = o.input(0);
    const starts = o.attributeOrInput("starts", 1) ?? [];
    const ends = o.attributeOrInput("ends", 2) ?? [];
    const axes = o.attributeOrInput("axes", 3) ?? starts.map((_, i) => i);
    const steps = o.attributeOrInput("steps", 4) ?? starts.map(() => 1);
    return axes.reduce<Value>(
      (value, axis, i) =>
        sliced(o.graph, value, axisOf(axis, x.axes.length), starts[i]!, ends[i]!, steps[i]!),
      x,
    );
  },
  Split: (o) => {
    const x = o.input(0);
    const axis = axisOf(o.number("axis", 0), x.axes.length);
    const size = x.axes[axis]!;
    const parts = o.numberOrNothing("num_outputs") ?? o.node.outputs.length;
    const share = Math.ceil(size / parts);
    const even = Array.from({ length: parts }, (_, i) => Math.min(share, size - share * i));
    const sizes = o.attributeOrInput("split", 1) ?? even;
    if (sizes.reduce((a, b) => a + b, 0) !== size || sizes.length > o.node.outputs.length + 1) {
      throw new FormatError(`splits ${size} entries into ${sizes.join(", ")}`);
    }
    let start = 0;
    return sizes.map((length) => {
      start += length;
      return sliced(o.graph, x, axis, start - length, start, 1);
    });
  },
  Gather: gather,
  Concat: (o) => {
    const inputs = o.inputs.map((_, i) => o.input(i));
    const axis = axisOf(o.number("axis", 0), inputs[0]!.axes.length);
    const flowing = inputs.find((v) => v.kind === "flowing") as Flowing | undefined;
    for (const value of inputs) expectOtherAxis(value, axis);
    const axes = inputs[0]!.axes.map((size, i) =>
      i === axis ? inputs.reduce((sum, v) => sum + (v.axes[i] ?? 0), 0) : size,
    );
    const like = flowing ?? inputs[0]!;
    if (inputs.some((v) => v.axes.length !== axes.length))
      throw new FormatError("joins values of other ranks");
    for (const v of inputs) {
      if (
        flowing &&
        v.kind === "flowing" &&
        (v.batchAxis !== flowing.batchAxis || v.before !== flowing.before)
      ) {
        throw new FormatError("joins values that have their examples on other axes");
      }
    }
    const whole = inputs.filter((v) => v.axes[axis] !== 0);
    if (whole.length === 1) return whole[0]!;
    return o.graph.place(
      fanInConcatenate(layerAxes(like, axis)[0]!),
      whole,
      flowing ? { ...flowing, axes } : { axes },
    );
  },
  Pad: (o) => {
    const x = o.input(0);
    const pads = o.attributeOrInput("pads", 1) ?? [];
    const value = o.inputs[2] ? o.scalar(2) : o.number("value", 0);
    const named = o.attributeOrInput("axes", 3) ?? x.axes.map((_, i) => i);
    const axes = named.map((axis) => axisOf(axis, x.axes.length));
    if (pads.length !== 2 * axes.length)
      throw new FormatError(`has ${pads.length} pads for ${axes.length} axes`);
    return padded(o.graph, x, axes, pads, o.text("mode", "constant"), value);
  },
};

/** Entries start, start + step, … before end along an axis; numbers below 0 count from the end, as in Python. */
function sliced(graph: Graph, x: Value, axis: number, start: number, end: number, step: number): Value {
  const size = x.axes[axis]!;
  if (step === 0) throw new FormatError("slices with a step of 0");
  const from = (at: number, low: number, high: number) =>
    Math.min(Math.max(at < 0 ? at + size : at, low), high);
  const first = step > 0 ? from(start, 0, size) : from(start, 0, size - 1);
  const last = step > 0 ? from(end, 0, size) : from(end, -1, size - 1);
  const count = Math.max(0, Math.ceil((last - first) / step));
  // Of the examples only all may be taken, which files write as an end beyond any.
  const examples = x.kind === "flowing" && x.batchAxis === axis;
  if (count === size && step === 1 && (!examples || (start === 0 && end >= 2 ** 31 - 1))) return x;
  expectOtherAxis(x, axis);
  const axes = x.axes.map((n, i) => (i === axis ? count : n));
  if (count === 0) {
    if (x.kind === "flowing") throw new FormatError(`slices nothing out of axis ${axis}`);
    return { ...x, axes, data: x.data.slice(0, 0), ...(x.powers && { powers: x.powers.slice(0, 0) }) };
  }
  const [at] = layerAxes(x, axis) as [number];
  return graph.place(
    sliceLayer(at, first, count, step),
    [x],
    x.kind === "flowing" ? { ...x, axes } : { axes },
  );
}

function gather(operation: Operation): Value {
  const { graph } = operation;
  const [x, index] = [operation.input(0), operation.input(1)];
  const axis = axisOf(operation.number("axis", 0), x.axes.length);
  if (index.kind === "flowing") {
    if (x.kind !== "constant" || axis !== 0 || x.axes.length !== 2) {
      throw new FormatError("is read with computed indices as an embedding alone: rows of a constant matrix");
    }
    const [count, features] = x.axes as [number, number];
    const view = { ...index, axes: [...index.axes, features] };
    return graph.place(embedding(count, features), [index], view, { weight: graph.tensor(x) });
  }
  expectOtherAxis(x, axis);
  const size = x.axes[axis]!;
  const indices = Array.from(graph.known(index).data, (i) => (i < 0 ? i + size : i));
  const outside = indices.find((i) => !Number.isInteger(i) || i < 0 || i >= size);
  if (outside !== undefined) throw new FormatError(`takes entry ${outside} of an axis with ${size}`);
  const [at] = layerAxes(x, axis) as [number];
  const along = x.axes.map((n, i) => (i === axis ? indices.length : n));
  const viewOf = (axes: readonly number[], batchAxis: number) =>
    x.kind === "flowing" ? { ...x, axes, batchAxis } : { axes };
  const batchAxis = x.kind === "flowing" ? x.batchAxis : 0;
  const picked = graph.place(selectOf(at, indices), [x], viewOf(along, batchAxis));
  const axes = [...x.axes.slice(0, axis), ...index.axes, ...x.axes.slice(axis + 1)];
  return graph.reshaped(
    picked,
    viewOf(axes, batchAxis > axis ? batchAxis + index.axes.length - 1 : batchAxis),
  );
}

/** Indices with one step between them are a slice. */
function selectOf(axis: number, indices: readonly number[]) {
  const [first = 0, second = first + 1] = indices;
  const even = indices.every((i, k) => i === first + k * (second - first));
  return even && second !== first
    ? sliceLayer(axis, first, indices.length, second - first)
    : selectLayer(axis, indices);
}

function padded(
  graph: Graph,
  x: Value,
  padAxes: readonly number[],
  pads: readonly number[],
  mode: string,
  fill: number,
): Value {
  const before = x.axes.map((_, axis) => (padAxes.includes(axis) ? pads[padAxes.indexOf(axis)]! : 0));
  const after = x.axes.map((_, axis) =>
    padAxes.includes(axis) ? pads[padAxes.indexOf(axis) + padAxes.length]! : 0,
  );
  const moved = x.axes.flatMap((_, axis) => (before[axis] !== 0 || after[axis] !== 0 ? [axis] : []));
  if (moved.length === 0) return x;
  for (const axis of moved) expectOtherAxis(x, axis);
  const sizes = x.axes.map((size, axis) => before[axis]! + size + after[axis]!);
  expectSize(sizes);
  if ([...before, ...after].some((pad) => pad < 0))
    throw new FormatError("pads by less than nothing; use Slice");
  const shape = exampleShape(x);
  if (mode === "constant") {
    const counts = (from: readonly number[]) => {
      const out = shape.map(() => 0);
      for (const axis of moved) out[layerAxes(x, axis)[0]!] = from[axis]!;
      return out;
    };
    const view = x.kind === "flowing" ? { ...x, axes: sizes } : { axes: sizes };
    return graph.place(padLayer(counts(before), counts(after), fill), [x], view);
  }
  let value = x;
  for (const axis of moved) {
    const indices = Array.from({ length: sizes[axis]! }, (_, i) =>
      reflected(i - before[axis]!, x.axes[axis]!, mode),
    );
    const axes = value.axes.map((size, i) => (i === axis ? sizes[axis]! : size));
    const view = value.kind === "flowing" ? { ...value, axes } : { axes };
    value = graph.place(selectLayer(layerAxes(x, axis)[0]!, indices), [value], view);
  }
  return value;
}

/** The entry that stands at place i, inside or outside of 0 … size − 1. */
function reflected(i: number, size: number, mode: string): number {
  if (mode === "edge") return Math.min(Math.max(i, 0), size - 1);
  if (mode === "wrap") return ((i % size) + size) % size;
  if (mode !== "reflect" || size === 1) throw new FormatError(`pads in mode "${mode}" an axis of ${size}`);
  const period = 2 * (size - 1);
  const at = ((i % period) + period) % period;
  return at < size ? at : period - at;
}
