import erf from "@stdlib/math-base-special-erf";
import type { Elementwise, Floats } from "./engine.ts";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const cdf = (x: number): number => 0.5 * (1 + erf(x * Math.SQRT1_2));
const density = (x: number): number => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);

/** f and f′ as their definitions say. */
const FUNCTIONS: Readonly<
  Record<Elementwise, readonly [f: (x: number) => number, slope: (x: number) => number]>
> = {
  exp: [Math.exp, Math.exp],
  relu: [(x) => Math.max(x, 0), (x) => (x > 0 ? 1 : x - x)],
  tanh: [Math.tanh, (x) => 1 - Math.tanh(x) ** 2],
  sigmoid: [sigmoid, (x) => sigmoid(x) * (1 - sigmoid(x))],
  softplus: [(x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), sigmoid],
  silu: [(x) => x * sigmoid(x), (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x)))],
  erf: [erf, (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x)],
  gelu: [(x) => x * cdf(x), (x) => cdf(x) + x * density(x)],
  sin: [Math.sin, Math.cos],
  cos: [Math.cos, (x) => -Math.sin(x)],
};

export const referenceElementwise = {
  elementwise<A extends Floats>(f: Elementwise, x: A, out: A): void {
    const [value] = FUNCTIONS[f];
    for (let i = 0; i < x.length; i++) out[i] = value(x[i]!);
  },

  elementwisePullback<A extends Floats>(f: Elementwise, x: A, by: A, out: A): void {
    const [, slope] = FUNCTIONS[f];
    for (let i = 0; i < x.length; i++) out[i] = by[i]! * slope(x[i]!);
  },
};
