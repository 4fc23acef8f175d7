import { FormatError } from "../../../errors/index.ts";
import { sizeOf } from "../../../linalg/index.ts";
import { batchNorm } from "../../layers/batch-norm.ts";
import { groupNorm } from "../../layers/group-norm.ts";
import { layerNorm } from "../../layers/layer-norm.ts";
import { meanLayer } from "../../layers/mean.ts";
import type { Graph } from "../graph.ts";
import { axisOf, expectOtherAxis, type Operation, type Operator } from "../operation.ts";
import { type Constant, layerAxes, type Value } from "../value.ts";
import { times } from "./arithmetic.ts";
import { repeated } from "./broadcast.ts";

export const norms: Readonly<Record<string, Operator>> = {
  BatchNormalization: (o) => {
    if (o.number("training_mode", 0) !== 0) {
      throw new FormatError("is in training mode; export the model with model.eval()");
    }
    if (o.number("spatial", 1) !== 1)
      throw new FormatError("normalises each pixel by itself, which is not read");
    const x = o.batchFirst(0);
    const [weight, bias, running_mean, running_var] = [1, 2, 3, 4].map((i) => o.graph.tensor(o.constant(i)));
    // ONNX's momentum is the share of the old statistics, ours of the new.
    const layer = batchNorm({ epsilon: o.number("epsilon", 1e-5), momentum: 1 - o.number("momentum", 0.9) });
    return o.graph.place(layer, [x], x, {
      ...{ weight: weight!, bias: bias!, running_mean: running_mean!, running_var: running_var! },
    });
  },
  LayerNormalization: (o) => {
    const x = o.input(0);
    const axis = axisOf(o.number("axis", -1), x.axes.length);
    for (let i = axis; i < x.axes.length; i++) expectOtherAxis(x, i);
    if (x.kind === "flowing" && x.batchAxis > axis) throw new FormatError("would mix the examples");
    const shape = x.axes.slice(axis);
    const scale = repeated(o.graph, o.constant(1), shape) as Constant;
    const zero: Constant = { ...scale, axes: [], data: Float32Array.of(0), trained: false };
    const bias = repeated(o.graph, o.inputs[2] ? o.constant(2) : zero, shape) as Constant;
    const layer = layerNorm({ axes: shape.length, epsilon: o.number("epsilon", 1e-5) });
    return o.graph.place(layer, [x], x, { weight: o.graph.tensor(scale), bias: o.graph.tensor(bias) });
  },
  InstanceNormalization: (o) => grouped(o, o.input(0).axes[1]!, o.constant(1), o.constant(2)),
  GroupNormalization: (o) => {
    const groups = o.number("num_groups", 0);
    const channels = o.input(0).axes[1]!;
    // Before operator set 21 the scales are one a group.
    const wide = (c: Constant) =>
      c.data.length === channels ? c : repeatedEach(o.graph, c, Math.round(channels / c.data.length));
    return grouped(o, groups, wide(o.constant(1)), wide(o.constant(2)));
  },
  ReduceMean: (o) => reduced(o, (value) => value),
  ReduceSum: (o) => reduced(o, (value, count) => times(o.graph, value, count)),
};

function grouped(operation: Operation, groups: number, weight: Constant, bias: Constant): Value {
  const { graph } = operation;
  const x = operation.batchFirst(0);
  return graph.place(groupNorm(groups, { epsilon: operation.number("epsilon", 1e-5) }), [x], x, {
    weight: graph.tensor(weight),
    bias: graph.tensor(bias),
  });
}

/** Each number so many times in a row. */
function repeatedEach(graph: Graph, constant: Constant, count: number): Constant {
  const column = { ...constant, axes: [constant.data.length, 1] };
  const rows = repeated(graph, column, [constant.data.length, count]) as Constant;
  return { ...rows, axes: [sizeOf(rows.axes)] };
}

function reduced(operation: Operation, after: (value: Value, count: number) => Value): Value {
  const { graph } = operation;
  const x = operation.input(0);
  const named = operation.attributeOrInput("axes", 1);
  if (!named?.length && operation.number("noop_with_empty_axes", 0) !== 0) return x;
  const axes = (named?.length ? named : x.axes.map((_, i) => i)).map((axis) => axisOf(axis, x.axes.length));
  for (const axis of axes) expectOtherAxis(x, axis);
  const kept = x.axes.filter((_, axis) => !axes.includes(axis));
  const ones = x.axes.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const layer = meanLayer(axes.flatMap((axis) => layerAxes(x, axis)));
  const view = (to: readonly number[], keep: boolean) =>
    x.kind === "flowing"
      ? { ...x, axes: to, batchAxis: x.batchAxis - (keep ? 0 : axes.filter((a) => a < x.batchAxis).length) }
      : { axes: to };
  const mean = graph.place(layer, [x], view(kept, false));
  const value = after(mean, sizeOf(axes.map((axis) => x.axes[axis]!)));
  return operation.number("keepdims", 1) !== 0 ? graph.reshaped(value, view(ones, true)) : value;
}
