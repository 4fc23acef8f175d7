import errorFunction from "@stdlib/math-base-special-erf";
import { floatsLike, type Tensor } from "../../linalg/index.ts";
import type { Layer } from "../layer.ts";

/** What an elementwise layer keeps: its input and its output. */
interface Tape {
  readonly x: Tensor;
  readonly y: Tensor;
}

/** A layer that applies f to every number; `derivative` gets x and y = f(x), whichever makes f′ cheap. */
function elementwise(
  definition: Layer["definition"],
  f: (x: number) => number,
  derivative: (x: number, y: number) => number,
): Layer<Tape> {
  const timesDerivative = ({ x, y }: Tape, d: Tensor): Tensor => {
    const data = floatsLike(x.data, x.data.length);
    for (let i = 0; i < data.length; i++) data[i] = d.data[i]! * derivative(x.data[i]!, y.data[i]!);
    return { shape: x.shape, data };
  };
  return {
    definition,
    outputShape: (input) => input,
    weightShapes: () => ({}),
    init: () => ({}),
    forward(_weights, x) {
      const data = floatsLike(x.data, x.data.length);
      for (let i = 0; i < data.length; i++) data[i] = f(x.data[i]!);
      const y: Tensor = { shape: x.shape, data };
      return { y, tape: { x, y } };
    },
    vjp: (_weights, tape, dy) => ({ dx: () => timesDerivative(tape, dy), dweights: () => ({}) }),
    jvp: (_weights, tape, dx) =>
      dx
        ? timesDerivative(tape, dx)
        : { shape: tape.x.shape, data: floatsLike(tape.x.data, tape.x.data.length) },
  };
}

const sigmoidOf = (x: number) => 1 / (1 + Math.exp(-x));
const normalDensity = (x: number) => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
const normalCumulative = (x: number) => 0.5 * (1 + errorFunction(x * Math.SQRT1_2));

export function tanh(): Layer {
  return elementwise({ kind: "tanh" }, Math.tanh, (_x, y) => 1 - y * y);
}

/** max(x, 0), with derivative 0 at 0. */
export function relu(): Layer {
  return elementwise(
    { kind: "relu" },
    (x) => Math.max(x, 0),
    (x) => (x > 0 ? 1 : 0),
  );
}

/** x for x > 0, slope · x below. */
export function leakyRelu(slope = 0.01): Layer {
  return elementwise(
    { kind: "leakyRelu", slope },
    (x) => (x > 0 ? x : slope * x),
    (x) => (x > 0 ? 1 : slope),
  );
}

/** x Φ(x), with the exact normal cumulative Φ (Hendrycks & Gimpel 2016). */
export function gelu(): Layer {
  return elementwise(
    { kind: "gelu" },
    (x) => x * normalCumulative(x),
    (x) => normalCumulative(x) + x * normalDensity(x),
  );
}

/** x σ(x), also called swish. */
export function silu(): Layer {
  return elementwise(
    { kind: "silu" },
    (x) => x * sigmoidOf(x),
    (x) => {
      const s = sigmoidOf(x);
      return s * (1 + x * (1 - s));
    },
  );
}

/** σ(x) = 1 / (1 + e⁻ˣ). */
export function sigmoid(): Layer {
  return elementwise({ kind: "sigmoid" }, sigmoidOf, (_x, y) => y * (1 - y));
}

/** log(1 + eˣ), without overflow. */
export function softplus(): Layer {
  return elementwise(
    { kind: "softplus" },
    (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    (x) => sigmoidOf(x),
  );
}

/** erf(x) = 2/√π ∫₀ˣ e^(−t²) dt. */
export function erf(): Layer {
  return elementwise({ kind: "erf" }, errorFunction, (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x));
}

export function sin(): Layer {
  return elementwise({ kind: "sin" }, Math.sin, (x) => Math.cos(x));
}
