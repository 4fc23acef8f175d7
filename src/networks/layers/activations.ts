import { type Elementwise, engine } from "../../engine/index.ts";
import { floatsLike, type Tensor } from "../../linalg/index.ts";
import type { Layer } from "../layer.ts";

/** How a function of one number is applied to many, and its pull-back. */
interface Applied {
  forward(x: Tensor["data"], out: Tensor["data"]): void;
  /** out ← by · f′(x). */
  pullback(x: Tensor["data"], by: Tensor["data"], out: Tensor["data"]): void;
}

/** A layer that applies one function to every number; its tape is its input. */
function elementwise(definition: Layer["definition"], { forward, pullback }: Applied): Layer<Tensor> {
  const timesDerivative = (x: Tensor, d: Tensor): Tensor => {
    const data = floatsLike(x.data, x.data.length);
    pullback(x.data, d.data, data);
    return { shape: x.shape, data };
  };
  return {
    definition,
    outputShape: (input) => input,
    weightShapes: () => ({}),
    init: () => ({}),
    forward(_weights, x) {
      const data = floatsLike(x.data, x.data.length);
      forward(x.data, data);
      return { y: { shape: x.shape, data }, tape: x };
    },
    vjp: (_weights, x, dy) => ({ dx: () => timesDerivative(x, dy), dweights: () => ({}) }),
    jvp: (_weights, x, dx) =>
      dx ? timesDerivative(x, dx) : { shape: x.shape, data: floatsLike(x.data, x.data.length) },
  };
}

/** The layer of a function that the engine has. */
function ofEngine(name: Elementwise): Layer {
  return elementwise(
    { kind: name },
    {
      forward: (x, out) => engine().elementwise(name, x, out),
      pullback: (x, by, out) => engine().elementwisePullback(name, x, by, out),
    },
  ) as Layer;
}

export function tanh(): Layer {
  return ofEngine("tanh");
}

/** max(x, 0), with derivative 0 at 0. */
export function relu(): Layer {
  return ofEngine("relu");
}

/** x for x > 0, slope · x below. */
export function leakyRelu(slope = 0.01): Layer {
  return elementwise(
    { kind: "leakyRelu", slope },
    {
      forward(x, out) {
        for (let i = 0; i < x.length; i++) out[i] = x[i]! > 0 ? x[i]! : slope * x[i]!;
      },
      pullback(x, by, out) {
        for (let i = 0; i < x.length; i++) out[i] = x[i]! > 0 ? by[i]! : slope * by[i]!;
      },
    },
  ) as Layer;
}

/** x Φ(x), with the exact normal cumulative Φ (Hendrycks & Gimpel 2016). */
export function gelu(): Layer {
  return ofEngine("gelu");
}

/** x σ(x), also called swish. */
export function silu(): Layer {
  return ofEngine("silu");
}

/** σ(x) = 1 / (1 + e⁻ˣ). */
export function sigmoid(): Layer {
  return ofEngine("sigmoid");
}

/** log(1 + eˣ), without overflow. */
export function softplus(): Layer {
  return ofEngine("softplus");
}

/** erf(x) = 2/√π ∫₀ˣ e^(−t²) dt. */
export function erf(): Layer {
  return ofEngine("erf");
}

export function sin(): Layer {
  return ofEngine("sin");
}
