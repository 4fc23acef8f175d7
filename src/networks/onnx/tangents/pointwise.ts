import type { Writer } from "../writer.ts";
import type { TangentWriter } from "./moved.ts";
import { plus } from "./moved.ts";

/** Writes the derivative of a function at x, where it is y. */
type Slope = (to: Writer, x: string, y: string, option: (name: string) => number) => string;

const times = (to: Writer, a: string, b: string | number) =>
  to.node("Mul", [a, typeof b === "number" ? to.number(b) : b]);
const add = (to: Writer, a: string, b: string | number) =>
  to.node("Add", [a, typeof b === "number" ? to.number(b) : b]);
/** 1 − a. */
const rest = (to: Writer, a: string) => to.node("Sub", [to.number(1), a]);

/** 1 where the comparison with a number holds, else 0. */
function step(to: Writer, operator: "Greater" | "GreaterOrEqual" | "Less", x: string, bound: number): string {
  return to.node("Cast", [to.node(operator, [x, to.number(bound)])], { to: to.elementType });
}

/** `above` for x > 0, `below` elsewhere. */
function either(to: Writer, x: string, above: number, below: string): string {
  const positive = step(to, "Greater", x, 0);
  return add(to, times(to, positive, above), times(to, rest(to, positive), below));
}

/** α eˣ below 0; nothing overflows above. */
function decay(to: Writer, x: string, alpha: number): string {
  return times(to, to.node("Exp", [to.node("Min", [x, to.number(0)])]), alpha);
}

const seluAlpha = 1.6732632423543772;
const seluScale = 1.0507009873554805;

const slopes: Readonly<Record<string, Slope>> = {
  tanh: (to, _x, y) => rest(to, times(to, y, y)),
  relu: (to, x) => step(to, "Greater", x, 0),
  sigmoid: (to, _x, y) => times(to, y, rest(to, y)),
  softplus: (to, x) => to.node("Sigmoid", [x]),
  erf: (to, x) => times(to, to.node("Exp", [to.node("Neg", [times(to, x, x)])]), 2 / Math.sqrt(Math.PI)),
  sin: (to, x) => to.node("Cos", [x]),
  cos: (to, x) => to.node("Neg", [to.node("Sin", [x])]),
  exp: (_to, _x, y) => y,
  abs: (to, x) => to.node("Sign", [x]),
  log: (to, x) => to.node("Reciprocal", [x]),
  power: (to, x, _y, option) => {
    const exponent = option("exponent");
    return times(to, to.node("Pow", [x, to.number(exponent - 1)]), exponent);
  },
  leakyRelu: (to, x, _y, option) => either(to, x, 1, to.number(option("slope"))),
  elu: (to, x, _y, option) => either(to, x, 1, decay(to, x, option("alpha"))),
  selu: (to, x) => either(to, x, seluScale, decay(to, x, seluScale * seluAlpha)),
  hardSigmoid(to, x, _y, option) {
    const z = add(to, times(to, x, option("slope")), option("offset"));
    const inside = times(to, step(to, "Greater", z, 0), step(to, "Less", z, 1));
    return times(to, inside, option("slope"));
  },
  hardSwish(to, x) {
    const high = step(to, "GreaterOrEqual", x, 3);
    const middle = times(to, rest(to, high), add(to, times(to, x, 1 / 3), 0.5));
    return times(to, step(to, "Greater", x, -3), add(to, middle, high));
  },
  silu(to, x) {
    const s = to.node("Sigmoid", [x]);
    return times(to, s, add(to, times(to, x, rest(to, s)), 1));
  },
  gelu(to, x) {
    const below = times(to, add(to, to.node("Erf", [times(to, x, Math.SQRT1_2)]), 1), 0.5);
    const density = times(to, to.node("Exp", [times(to, times(to, x, x), -0.5)]), 1 / Math.sqrt(2 * Math.PI));
    return add(to, below, times(to, x, density));
  },
  geluTanh(to, x) {
    const square = times(to, x, x);
    const [c, cubic] = [Math.sqrt(2 / Math.PI), 0.044715];
    const inner = times(to, times(to, x, add(to, times(to, square, cubic), 1)), c);
    const t = to.node("Tanh", [inner]);
    const growth = times(to, add(to, times(to, square, 3 * cubic), 1), c);
    const bend = times(to, times(to, x, rest(to, times(to, t, t))), growth);
    return times(to, add(to, add(to, t, 1), bend), 0.5);
  },
  clip(to, x, _y, option) {
    const [lower, upper] = [option("lower"), option("upper")];
    const above = Number.isNaN(lower) ? undefined : step(to, "Greater", x, lower);
    const below = Number.isNaN(upper) ? undefined : step(to, "Less", x, upper);
    return above !== undefined && below !== undefined ? times(to, above, below) : (above ?? below)!;
  },
};

/** φ′(x) times the tangent. */
function chain(slope: Slope): TangentWriter {
  return (to, { inputs: [x], value, tangents, definition }) =>
    times(
      to,
      slope(to, x, value, (name) => Number(definition[name])),
      tangents[0]!,
    );
}

export const pointwiseTangents: Readonly<Record<string, TangentWriter>> = {
  ...Object.fromEntries(Object.entries(slopes).map(([kind, slope]) => [kind, chain(slope)])),
  prelu(to, layer) {
    const { inputs, shapes, tensors, move, tangents } = layer;
    const [x] = inputs;
    const positive = step(to, "Greater", x, 0);
    const negative = rest(to, positive);
    const slope = (name: string, weight: typeof tensors.weight) => {
      const { data } = weight!;
      const shape = data.length === 1 ? [1] : [data.length, ...shapes[0].slice(1).map(() => 1)];
      return to.tensor(name, { shape, data });
    };
    const [t] = tangents;
    const factor = () => add(to, positive, times(to, negative, slope("weight", tensors.weight)));
    return plus(
      to,
      t === undefined ? undefined : times(to, t, factor()),
      move.weight && times(to, times(to, x, negative), slope("move", move.weight)),
    );
  },
  softmax(to, { value, tangents, definition }) {
    const mean = to.node("ReduceSum", [times(to, value, tangents[0]!), to.whole([Number(definition.axis)])], {
      keepdims: 1,
    });
    return times(to, value, to.node("Sub", [tangents[0]!, mean]));
  },
  logSoftmax(to, { value, tangents, definition }) {
    const p = to.node("Exp", [value]);
    const axis = to.whole([Number(definition.axis)]);
    const mean = to.node("ReduceSum", [times(to, p, tangents[0]!), axis], { keepdims: 1 });
    return to.node("Sub", [tangents[0]!, mean]);
  },
};
