import type { LayerWriter, Writer } from "../writer.ts";

/** One operator without options. */
function plain(operator: string): LayerWriter {
  return (to, { inputs }) => to.node(operator, [inputs[0]]);
}

/** ½ x (1 + s). */
function halfGate(to: Writer, x: string, s: string): string {
  return to.node("Mul", [to.node("Mul", [x, to.number(0.5)]), to.node("Add", [s, to.number(1)])]);
}

export const pointwise: Readonly<Record<string, LayerWriter>> = {
  tanh: plain("Tanh"),
  relu: plain("Relu"),
  sigmoid: plain("Sigmoid"),
  softplus: plain("Softplus"),
  erf: plain("Erf"),
  sin: plain("Sin"),
  cos: plain("Cos"),
  exp: plain("Exp"),
  abs: plain("Abs"),
  log: plain("Log"),
  hardSwish: plain("HardSwish"),
  dropout: plain("Identity"),
  selu: plain("Selu"),
  leakyRelu: (to, { inputs, definition }) =>
    to.node("LeakyRelu", [inputs[0]], { alpha: Number(definition.slope) }),
  elu: (to, { inputs, definition }) => to.node("Elu", [inputs[0]], { alpha: Number(definition.alpha) }),
  hardSigmoid: (to, { inputs, definition }) =>
    to.node("HardSigmoid", [inputs[0]], { alpha: Number(definition.slope), beta: Number(definition.offset) }),
  silu: (to, { inputs: [x] }) => to.node("Mul", [x, to.node("Sigmoid", [x])]),
  gelu: (to, { inputs: [x] }) =>
    halfGate(to, x, to.node("Erf", [to.node("Mul", [x, to.number(Math.SQRT1_2)])])),
  geluTanh(to, { inputs: [x] }) {
    const cube = to.node("Mul", [to.node("Pow", [x, to.number(3)]), to.number(0.044715)]);
    const inner = to.node("Mul", [to.node("Add", [x, cube]), to.number(Math.sqrt(2 / Math.PI))]);
    return halfGate(to, x, to.node("Tanh", [inner]));
  },
  clip(to, { inputs: [x], definition: { lower, upper } }) {
    const bounds = [lower, upper].map((bound) => (bound === undefined ? "" : to.number(Number(bound))));
    return to.node("Clip", [x, ...bounds]);
  },
  power: (to, { inputs: [x], definition }) => to.node("Pow", [x, to.number(Number(definition.exponent))]),
  prelu(to, { inputs: [x], shapes: [shape], tensors: { weight } }) {
    const { data } = weight!;
    // One slope, or one a channel of [n, channels, …].
    const slopes = data.length === 1 ? [1] : [data.length, ...shape.slice(1).map(() => 1)];
    return to.node("PRelu", [x, to.tensor("weight", { shape: slopes, data })]);
  },
  affine(to, { inputs: [x], tensors: { weight, bias } }) {
    const scaled = weight ? to.node("Mul", [x, to.tensor("weight", weight)]) : x;
    return bias ? to.node("Add", [scaled, to.tensor("bias", bias)]) : scaled;
  },
  fanInSum: (to, { inputs }) => to.node("Sum", inputs),
  fanInProduct: (to, { inputs }) => inputs.reduce((product, x) => to.node("Mul", [product, x])),
  softmax: (to, { inputs, definition }) => to.node("Softmax", [inputs[0]], { axis: Number(definition.axis) }),
  logSoftmax: (to, { inputs, definition }) =>
    to.node("LogSoftmax", [inputs[0]], { axis: Number(definition.axis) }),
};
