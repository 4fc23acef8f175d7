import { FormatError } from "../../../errors/index.ts";
import type { Layer } from "../../layer.ts";
import {
  abs,
  clip,
  cos,
  elu,
  erf,
  exp,
  gelu,
  geluTanh,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  relu,
  selu,
  sigmoid,
  silu,
  sin,
  softplus,
  tanh,
} from "../../layers/activations.ts";
import { logLayer, powerLayer } from "../../layers/power.ts";
import { prelu } from "../../layers/prelu.ts";
import { logSoftmax, softmax } from "../../layers/softmax.ts";
import { axisOf, expectOtherAxis, type Operation, type Operator } from "../operation.ts";
import { type Constant, exampleShape, layerAxes, type Value } from "../value.ts";
import { product, quotient, sum, times } from "./arithmetic.ts";

/** The operator of a layer that acts on each number by itself. */
function each(layer: (operation: Operation) => Layer): Operator {
  return (operation) => {
    const x = operation.input(0);
    return operation.graph.place(layer(operation), [x], x);
  };
}

/** The identity in use. */
const same: Operator = (operation) => operation.input(0);

export const pointwise: Readonly<Record<string, Operator>> = {
  Relu: each(relu),
  Tanh: each(tanh),
  Sigmoid: each(sigmoid),
  Softplus: each(softplus),
  Erf: each(erf),
  Sin: each(sin),
  Cos: each(cos),
  Exp: each(exp),
  Abs: each(abs),
  Log: each(logLayer),
  Sqrt: each(() => powerLayer(0.5)),
  Reciprocal: each(() => powerLayer(-1)),
  HardSwish: each(hardSwish),
  Swish: each((o) => {
    if (o.number("alpha", 1) !== 1) throw new FormatError("is read with alpha = 1 alone");
    return silu();
  }),
  LeakyRelu: each((o) => leakyRelu(o.number("alpha", 0.01))),
  Elu: each((o) => elu(o.number("alpha", 1))),
  Celu: (o) => {
    const alpha = o.number("alpha", 1);
    const x = times(o.graph, o.input(0), 1 / alpha);
    const y = o.graph.place(elu(), [x], x);
    return times(o.graph, y, alpha);
  },
  Mish: (o) => {
    const x = o.input(0);
    const rise = o.graph.place(softplus(), [x], x);
    return product(o.graph, x, o.graph.place(tanh(), [rise], rise));
  },
  Softsign: (o) => {
    const x = o.input(0);
    const one: Constant = {
      kind: "constant",
      axes: [],
      data: Float32Array.of(1),
      whole: false,
      trained: false,
    };
    return quotient(o.graph, x, sum(o.graph, o.graph.place(abs(), [x], x), one));
  },
  HardSigmoid: each((o) => hardSigmoid(o.number("alpha", 0.2), o.number("beta", 0.5))),
  Gelu: each((o) => (o.text("approximate", "none") === "tanh" ? geluTanh() : gelu())),
  Selu: each((o) => {
    const near = (value: number, expected: number) => Math.abs(value - expected) < 1e-5;
    if (near(o.number("alpha", 1.67326), 1.67326) && near(o.number("gamma", 1.0507), 1.0507)) return selu();
    throw new FormatError("is read with its standard alpha and gamma alone");
  }),
  Clip: each((o) => {
    const bound = (name: string, index: number): number | undefined => {
      const value = o.inputs[index] ? o.scalar(index) : o.numberOrNothing(name);
      // The largest floats of older exporters mean no bound.
      return value === undefined || Math.abs(value) > 3e38 ? undefined : value;
    };
    const [lower, upper] = [bound("min", 1), bound("max", 2)];
    return clip({ ...(lower !== undefined && { lower }), ...(upper !== undefined && { upper }) });
  }),
  Identity: same,
  Dropout: (operation) => {
    if (operation.inputs[2] && operation.scalar(2) !== 0) {
      throw new FormatError("is in training mode; export the model with model.eval()");
    }
    return operation.input(0);
  },
  PRelu: (operation) => {
    const { graph } = operation;
    const x = operation.batchFirst(0);
    const slope = operation.constant(1);
    const [channels] = exampleShape(x);
    const size = slope.data.length;
    // [1], [channels], or [channels, 1, …] beside [n, channels, …].
    const byChannel = slope.axes.at(-(x.axes.length - 1)) === channels && size === channels;
    if (size !== 1 && !byChannel) {
      throw new FormatError(`is read with one slope, or one a channel, got shape ${slope.axes.join(" × ")}`);
    }
    return graph.place(prelu({ perChannel: size !== 1 }), [x], x, { weight: graph.tensor(slope, [size]) });
  },
  Softmax: (operation) => normalised(operation, softmax),
  LogSoftmax: (operation) => normalised(operation, logSoftmax),
};

function normalised(operation: Operation, make: (axis: number) => Layer): Value {
  const { graph, opset } = operation;
  const x = operation.input(0);
  const rank = x.axes.length;
  const axis = axisOf(operation.number("axis", opset < 13 ? 1 : -1), rank);
  expectOtherAxis(x, axis);
  const shape = exampleShape(x);
  const [at] = layerAxes(x, axis) as [number];
  if (opset >= 13 || at === shape.length - 1) return graph.place(make(at - shape.length), [x], x);
  // Older operator sets take all axes from the given one as one.
  if (x.kind === "flowing" && x.batchAxis > axis) throw new FormatError("would mix the examples");
  const flat = [...x.axes.slice(0, axis), x.axes.slice(axis).reduce((a, b) => a * b, 1)];
  const rows = graph.reshaped(x, { ...x, axes: flat });
  return graph.reshaped(graph.place(make(-1), [rows], rows), x);
}
