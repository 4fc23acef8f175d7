import { FormatError } from "../../../errors/index.ts";
import { sizeOf } from "../../../linalg/index.ts";
import { clip } from "../../layers/activations.ts";
import { affineLayer } from "../../layers/affine.ts";
import { fanInProduct } from "../../layers/fan-in-product.ts";
import { fanInSum } from "../../layers/fan-in-sum.ts";
import { powerLayer } from "../../layers/power.ts";
import type { Graph } from "../graph.ts";
import type { Operation, Operator } from "../operation.ts";
import { type Constant, type Flowing, layerAxes, type Value } from "../value.ts";
import { commonAxes, repeated, together } from "./broadcast.ts";

export const arithmetic: Readonly<Record<string, Operator>> = {
  Add: (o) => sum(o.graph, o.input(0), o.input(1)),
  Sub: (o) => sum(o.graph, o.input(0), times(o.graph, o.input(1), -1)),
  Mul: (o) => product(o.graph, o.input(0), o.input(1)),
  Div: (o) => quotient(o.graph, o.input(0), o.input(1)),
  Pow: (o) => {
    const [a, b] = [o.input(0), o.input(1)];
    if (a.kind === "constant" && b.kind === "constant") return combined(o.graph, a, b, (x, y) => x ** y);
    return o.graph.place(powerLayer(o.scalar(1)), [a], a);
  },
  // Of sizes alone: the remainder has the divisor's sign, or with fmod the dividend's.
  Mod: (o) => {
    const whole = o.number("fmod", 0) === 0;
    return combined(o.graph, o.constant(0), o.constant(1), (x, y) =>
      whole ? x - y * Math.floor(x / y) : x % y,
    );
  },
  Sum: (o) => o.inputs.map((_, i) => o.input(i)).reduce((a, b) => sum(o.graph, a, b)),
  Neg: (o) => times(o.graph, o.input(0), -1),
  Max: (o) => bounded(o, "lower"),
  Min: (o) => bounded(o, "upper"),
  // A size that counts examples is never one of the numbers that graphs compare it with.
  Equal: (o) => {
    const [a, b] = [o.constant(0), o.constant(1)];
    const counts = [...(a.powers ?? []), ...(b.powers ?? [])].some((power) => power > 0);
    if (!counts || o.graph.fixedBatch) return combined(o.graph, a, b, (x, y) => (x === y ? 1 : 0));
    const [x, y] = withPowers(o.graph, a, b);
    const data = x.data.map((v, k) => (v === y.data[k] && x.powers![k] === y.powers![k] ? 1 : 0));
    return { kind: "constant", axes: x.axes, data, whole: true, trained: false };
  },
  Where: (o) => {
    const [condition, a, b] = [o.constant(0), o.constant(1), o.constant(2)];
    const axes = commonAxes(condition.axes, commonAxes(a.axes, b.axes));
    const picked = repeated(o.graph, o.graph.known(condition), axes) as Constant;
    const [x, y] = withPowers(
      o.graph,
      repeated(o.graph, a, axes) as Constant,
      repeated(o.graph, b, axes) as Constant,
    );
    const choose = (of: (c: Constant) => Constant["data"]) =>
      of(x).map((v, k) => (picked.data[k] ? v : of(y)[k]!));
    return {
      ...{ kind: "constant", axes, data: choose((c) => c.data), powers: choose((c) => c.powers!) },
      ...{ whole: a.whole && b.whole, trained: false },
    };
  },
};

export function sum(graph: Graph, a: Value, b: Value): Value {
  if (a.kind === "constant") {
    return b.kind === "constant" ? combined(graph, a, b, (x, y) => x + y) : sum(graph, b, a);
  }
  if (b.kind === "constant") return affine(graph, a, b, "bias");
  const [x, y] = together(graph, a, b);
  return graph.place(fanInSum(), [x, y], x);
}

export function product(graph: Graph, a: Value, b: Value): Value {
  if (a.kind === "constant") {
    if (b.kind === "flowing") return product(graph, b, a);
    const [x, y] = withPowers(graph, a, b);
    const data = x.data.map((v, k) => v * y.data[k]!);
    const powers = x.powers!.map((power, k) => power + y.powers![k]!);
    return { ...x, data, powers, whole: a.whole && b.whole, trained: false };
  }
  if (b.kind === "constant") return affine(graph, a, b, "weight");
  const [x, y] = together(graph, a, b);
  return graph.place(fanInProduct(), [x, y], x);
}

export function quotient(graph: Graph, a: Value, b: Value): Value {
  if (b.kind === "flowing") return product(graph, a, graph.place(powerLayer(-1), [b], b));
  if (a.kind === "flowing") {
    const data = graph.known(b).data.map((v) => 1 / v);
    return product(graph, a, { ...b, data, trained: false });
  }
  const [x, y] = withPowers(graph, a, b);
  const whole = a.whole && b.whole;
  const powers = x.powers!.map((power, k) => power - y.powers![k]!);
  if (powers.some((power) => power < 0)) throw new FormatError("divides by the number of examples");
  const data = x.data.map((v, k) => (whole ? Math.trunc(v / y.data[k]!) : v / y.data[k]!));
  return { ...x, data, powers, whole, trained: false };
}

export function times(graph: Graph, value: Value, factor: number): Value {
  const known: Constant = {
    ...{ kind: "constant", axes: [], data: Float64Array.of(factor) },
    ...{ whole: value.kind === "constant" && value.whole, trained: false },
  };
  return product(graph, value, known);
}

/** A value times, or plus, a constant. */
function affine(graph: Graph, value: Flowing, constant: Constant, part: "weight" | "bias"): Value {
  const whole = repeated(graph, value, commonAxes(value.axes, constant.axes)) as Flowing;
  const full = [...Array<number>(whole.axes.length - constant.axes.length).fill(1), ...constant.axes];
  if (full[whole.batchAxis] !== 1) {
    throw new FormatError(
      `has a constant of shape ${constant.axes.join(" × ")} with numbers for single examples of a batch`,
    );
  }
  // The examples' axis may be none, one or two of the layer's: ones in its place repeat.
  const placed = full.flatMap((size, axis) =>
    axis === whole.batchAxis ? layerAxes(whole, axis).map(() => 1) : [size],
  );
  const first = placed.findIndex((size) => size !== 1);
  const shape = first < 0 ? [] : placed.slice(first);
  const trained = constant.trained && constant.data.every(Number.isFinite);
  const layer = affineLayer({ [part]: shape, trained });
  return graph.place(layer, [whole], whole, { [part]: graph.tensor(constant, shape) });
}

/** Constants number by number. */
function combined(graph: Graph, a: Constant, b: Constant, by: (x: number, y: number) => number): Constant {
  const axes = commonAxes(a.axes, b.axes);
  const [x, y] = [graph.known(a), graph.known(b)].map((c) => repeated(graph, c, axes) as Constant);
  const wide = [x!, y!].some((c) => c.data instanceof Float64Array);
  const data = wide ? new Float64Array(x!.data.length) : new Float32Array(x!.data.length);
  for (let k = 0; k < data.length; k++) data[k] = by(x!.data[k]!, y!.data[k]!);
  return { kind: "constant", axes, data, whole: a.whole && b.whole, trained: false };
}

/** Constants repeated to one shape, with the powers written out. */
function withPowers(graph: Graph, a: Constant, b: Constant): readonly [Constant, Constant] {
  const axes = commonAxes(a.axes, b.axes);
  const [x, y] = [a, b].map((c) => {
    const full = repeated(graph, c, axes) as Constant;
    const wide = a.data instanceof Float64Array || b.data instanceof Float64Array;
    const data = wide ? Float64Array.from(full.data) : full.data;
    return { ...full, data, powers: full.powers ?? new Float32Array(sizeOf(axes)) };
  });
  return [x!, y!];
}

function bounded(operation: Operation, side: "lower" | "upper"): Value {
  const [a, b] = [operation.input(0), operation.input(1)];
  const { graph } = operation;
  const choose = side === "lower" ? Math.max : Math.min;
  if (operation.inputs.length !== 2) throw new FormatError("is read with two inputs alone");
  if (a.kind === "constant" && b.kind === "constant") return combined(graph, a, b, choose);
  const flowing = a.kind === "flowing" ? 0 : 1;
  const x = operation.input(flowing);
  return graph.place(clip({ [side]: operation.scalar(1 - flowing) }), [x], x);
}
