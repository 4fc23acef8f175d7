import { type Elementwise, engine } from "../../engine/index.ts";
import { UsageError } from "../../errors/index.ts";
import type { Layer } from "../layer.ts";
import { elementwise, ofFunction } from "./elementwise.ts";

/** The layer of a function that the engine has. */
function ofEngine(name: Elementwise): Layer {
  return elementwise(
    { kind: name },
    {
      forward: (x, out) => engine().elementwise(name, x, out),
      pullback: (x, by, out) => engine().elementwisePullback(name, x, by, out),
    },
  );
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
  return ofFunction(
    { kind: "leakyRelu", slope },
    (x) => (x > 0 ? x : slope * x),
    (x) => (x > 0 ? 1 : slope),
  );
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

export function cos(): Layer {
  return ofEngine("cos");
}

/** eˣ. */
export function exp(): Layer {
  return ofEngine("exp");
}

/** |x|, with derivative 0 at 0. */
export function abs(): Layer {
  return ofFunction({ kind: "abs" }, Math.abs, Math.sign);
}

/** x for x > 0, alpha (eˣ − 1) below (Clevert, Unterthiner & Hochreiter 2016). */
export function elu(alpha = 1): Layer {
  return ofFunction(
    { kind: "elu", alpha },
    (x) => (x > 0 ? x : alpha * Math.expm1(x)),
    (x) => (x > 0 ? 1 : alpha * Math.exp(x)),
  );
}

// The fixed point of mean 0 and variance 1, to double precision (Klambauer et al. 2017).
const seluAlpha = 1.6732632423543772;
const seluScale = 1.0507009873554805;

/** scale · elu(x), with the scale and alpha that keep mean 0 and variance 1 (Klambauer et al. 2017). */
export function selu(): Layer {
  return ofFunction(
    { kind: "selu" },
    (x) => seluScale * (x > 0 ? x : seluAlpha * Math.expm1(x)),
    (x) => seluScale * (x > 0 ? 1 : seluAlpha * Math.exp(x)),
  );
}

/** x between the bounds that are given, the nearer one outside, where (and at the bound) the derivative is 0. */
export function clip({ lower, upper }: { readonly lower?: number; readonly upper?: number }): Layer {
  const [low, high] = [lower ?? -Infinity, upper ?? Infinity];
  if (!(low < high)) throw new UsageError(`clip: lower is below upper, got ${low} and ${high}`);
  return ofFunction(
    { kind: "clip", ...(lower !== undefined && { lower }), ...(upper !== undefined && { upper }) },
    (x) => Math.min(Math.max(x, low), high),
    (x) => (x > low && x < high ? 1 : 0),
  );
}

/** x between −1 and 1, else the nearer of the two. */
export function hardTanh(): Layer {
  return clip({ lower: -1, upper: 1 });
}

/** slope · x + offset, kept between 0 and 1; PyTorch's numbers unless given. */
export function hardSigmoid(slope = 1 / 6, offset = 1 / 2): Layer {
  return ofFunction(
    { kind: "hardSigmoid", slope, offset },
    (x) => Math.min(Math.max(slope * x + offset, 0), 1),
    (x) => (slope * x + offset > 0 && slope * x + offset < 1 ? slope : 0),
  );
}

/** x · hardSigmoid(x) (Howard et al. 2019). */
export function hardSwish(): Layer {
  return ofFunction(
    { kind: "hardSwish" },
    (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
    (x) => (x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 1 / 2),
  );
}

/** ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))), the approximation of gelu that some networks are trained with. */
export function geluTanh(): Layer {
  const inner = (x: number) => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
  return ofFunction(
    { kind: "geluTanh" },
    (x) => 0.5 * x * (1 + Math.tanh(inner(x))),
    (x) => {
      const t = Math.tanh(inner(x));
      const slope = Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope;
    },
  );
}
