import { ShapeError, UsageError } from "../errors/index.ts";

/** One named parameter: its values and where they may lie. Positive ones are searched in their logarithm. */
export interface Parameter {
  readonly value: Float64Array;
  readonly support: "real" | "positive";
}

export type Parameters = Readonly<Record<string, Parameter>>;

/** Derivatives with respect to each parameter's own values, by the same names. */
export type Gradient = Readonly<Record<string, Float64Array>>;

/** A positive parameter of one or more values. Throws UsageError for a value that is not above 0. */
export function positive(name: string, value: number | ArrayLike<number>): Parameter {
  const values = Float64Array.from(typeof value === "number" ? [value] : value);
  values.forEach((v) => {
    if (!(v > 0 && v < Infinity)) throw new UsageError(`${name} should be positive and finite, got ${v}`);
  });
  return { value: values, support: "positive" };
}

/** All parameters as one unconstrained vector: logarithms of positive ones. */
export function toVector(parameters: Parameters): Float64Array {
  return Float64Array.from(
    Object.values(parameters).flatMap(({ value, support }) =>
      Array.from(value, (v) => (support === "positive" ? Math.log(v) : v)),
    ),
  );
}

/** Parameters of the names and sizes of `like` from an unconstrained vector. */
export function fromVector(vector: Float64Array, like: Parameters): Parameters {
  let at = 0;
  const out = Object.fromEntries(
    Object.entries(like).map(([name, { value, support }]) => {
      const part = vector.slice(at, at + value.length);
      at += value.length;
      return [name, { value: support === "positive" ? part.map(Math.exp) : part, support }];
    }),
  );
  if (at !== vector.length) throw new ShapeError(`expected ${at} parameter values, got ${vector.length}`);
  return out;
}

/** A gradient by names as the gradient in the unconstrained vector: dF/d log θ = θ dF/dθ for positive θ. */
export function gradientVector(parameters: Parameters, gradient: Gradient): Float64Array {
  return Float64Array.from(
    Object.entries(parameters).flatMap(([name, { value, support }]) =>
      Array.from(value, (v, i) => (support === "positive" ? v : 1) * (gradient[name]?.[i] ?? 0)),
    ),
  );
}
