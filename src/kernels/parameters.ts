import { ShapeError, UsageError } from "../errors/index.ts";
import type { Prior } from "./priors.ts";

/** Where values may lie: anywhere, above 0, or strictly between two bounds (no `upper`: above `lower`). */
export type Support = "real" | "positive" | { readonly lower: number; readonly upper?: number };

/** One named parameter: its values, where they may lie, and how a fit treats them. */
export interface Parameter {
  readonly value: Float64Array;
  readonly support: Support;
  /** Kept as it is: no part of the flat vector. */
  readonly fixed?: boolean;
  /** Parameters with one label are one: they share their values and one place in the flat vector. */
  readonly tie?: string;
  /** What was believed of each value before the data. */
  readonly prior?: Prior;
  /** Nobody chose this value: `defaultsFromData` may. */
  readonly unset?: boolean;
}

/** By path: "lengthscale", and inside composites "0.lengthscale", "1.kernel.variance", … */
export type Parameters = Readonly<Record<string, Parameter>>;

/** Derivatives with respect to each parameter's own values, by the same names. */
export type Gradient = Readonly<Record<string, Float64Array>>;

/** A positive parameter, of `count` values where that is said. Throws UsageError for a value that is not above 0. */
export function positive(name: string, value: number | ArrayLike<number>, count?: number): Parameter {
  return within(name, value, "positive", count);
}

/** A parameter within its support. Throws UsageError for a value outside it, or another number of values. */
export function within(
  name: string,
  value: number | ArrayLike<number>,
  support: Support,
  count?: number,
): Parameter {
  const values = Float64Array.from(typeof value === "number" ? [value] : value);
  const [lower, upper] = bounds(support);
  if (values.length === 0 || values.length !== (count ?? values.length)) {
    throw new UsageError(
      `${name} takes ${count === undefined ? "at least one value" : `${count} value(s)`}, got ${values.length}`,
    );
  }
  values.forEach((v) => {
    if (!(v > lower && v < upper)) throw new UsageError(`${name} should be ${inWords(support)}, got ${v}`);
  });
  return { value: values, support };
}

/** The parameter of a given value; of the default one, marked unset, where none was given. */
export function unlessGiven<T>(given: T | undefined, byDefault: T, make: (value: T) => Parameter): Parameter {
  return given === undefined ? { ...make(byDefault), unset: true } : make(given);
}

/** The parameters with those still unset at the values that `choose` gives for their number. */
export function setUnset(
  parameters: Parameters,
  choose: Readonly<Record<string, (count: number) => ArrayLike<number>>>,
): Parameters {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, parameter]) => {
      const chosen = parameter.unset ? choose[name]?.(parameter.value.length) : undefined;
      return [name, chosen ? { ...parameter, value: Float64Array.from(chosen) } : parameter];
    }),
  );
}

function bounds(support: Support): readonly [lower: number, upper: number] {
  if (support === "real") return [-Infinity, Infinity];
  if (support === "positive") return [0, Infinity];
  return [support.lower, support.upper ?? Infinity];
}

function inWords(support: Support): string {
  if (support === "real") return "finite";
  if (support === "positive") return "positive and finite";
  return support.upper === undefined
    ? `above ${support.lower} and finite`
    : `between ${support.lower} and ${support.upper}`;
}

/**
 * The unconstrained coordinate u of a value v: v itself; log(v − lower) above a bound; log((v − lower)/(upper − v))
 * between two.
 */
function unconstrain(v: number, support: Support): number {
  if (support === "real") return v;
  const [lower, upper] = bounds(support);
  return upper === Infinity ? Math.log(v - lower) : Math.log((v - lower) / (upper - v));
}

function constrain(u: number, support: Support): number {
  if (support === "real") return u;
  const [lower, upper] = bounds(support);
  if (upper === Infinity) return lower + Math.exp(u);
  // Both forms are exact where they are used; the other would lose the digits next to its bound.
  return u < 0
    ? lower + (upper - lower) * (Math.exp(u) / (1 + Math.exp(u)))
    : upper - (upper - lower) * (Math.exp(-u) / (1 + Math.exp(-u)));
}

/** dv/du at v. */
function stretch(v: number, support: Support): number {
  if (support === "real") return 1;
  const [lower, upper] = bounds(support);
  return upper === Infinity ? v - lower : ((v - lower) * (upper - v)) / (upper - lower);
}

/** The parameters a fit moves, in the order of the flat vector: not the fixed ones, and one of those tied together. */
export function freeParameters(parameters: Parameters): (readonly [path: string, parameter: Parameter])[] {
  const seen = new Set<string>();
  return Object.entries(parameters).filter(([, { fixed, tie }]) => {
    if (fixed || (tie !== undefined && seen.has(tie))) return false;
    if (tie !== undefined) seen.add(tie);
    return true;
  });
}

/** Free parameters as one unconstrained vector: logarithms of positive ones. */
export function toVector(parameters: Parameters): Float64Array {
  return Float64Array.from(
    freeParameters(parameters).flatMap(([, { value, support }]) =>
      Array.from(value, (v) => unconstrain(v, support)),
    ),
  );
}

/** Parameters of the names and sizes of `like` from an unconstrained vector; fixed ones as in `like`. */
export function fromVector(vector: Float64Array, like: Parameters): Parameters {
  let at = 0;
  const free = new Map<string, Parameter>();
  for (const [path, parameter] of freeParameters(like)) {
    const { unset: _, ...rest } = parameter;
    const part = vector.subarray(at, at + rest.value.length);
    at += rest.value.length;
    const moved = { ...rest, value: Float64Array.from(part, (u) => constrain(u, rest.support)) };
    free.set(rest.tie === undefined ? `path:${path}` : `tie:${rest.tie}`, moved);
  }
  if (at !== vector.length) throw new ShapeError(`expected ${at} parameter values, got ${vector.length}`);
  return Object.fromEntries(
    Object.entries(like).map(([path, parameter]) => {
      const { tie, fixed } = parameter;
      return [path, fixed ? parameter : free.get(tie === undefined ? `path:${path}` : `tie:${tie}`)!];
    }),
  );
}

/** A gradient by names as the gradient in the unconstrained vector: dF/d log θ = θ dF/dθ for positive θ. */
export function gradientVector(parameters: Parameters, gradient: Gradient): Float64Array {
  return Float64Array.from(
    freeParameters(parameters).flatMap(([path, { value, support, tie }]) => {
      const paths =
        tie === undefined
          ? [path]
          : Object.keys(parameters).filter((other) => parameters[other]!.tie === tie);
      return Array.from(value, (v, i) => {
        let slope = 0;
        for (const other of paths) slope += gradient[other]?.[i] ?? 0;
        return stretch(v, support) * slope;
      });
    }),
  );
}

/**
 * log |dθ/du| of the transform from the unconstrained vector u to the free parameters, and its gradient in u:
 * what a density of θ gains when it is searched or sampled in u.
 */
export function transformVolume(parameters: Parameters): { value: number; gradient: Float64Array } {
  let total = 0;
  const gradient = freeParameters(parameters).flatMap(([, { value, support }]) => {
    const [lower, upper] = bounds(support);
    return Array.from(value, (v) => {
      total += Math.log(stretch(v, support));
      // log dv/du is 0, u, or log of a logistic density: slope 0, 1, 1 − 2σ(u).
      if (support === "real") return 0;
      return upper === Infinity ? 1 : 1 - (2 * (v - lower)) / (upper - lower);
    });
  });
  return { value: total, gradient: Float64Array.from(gradient) };
}

/** The parameters (or gradients) of parts under one roof: each path with the part's name before it, "0.lengthscale". */
export function joinParts<T>(
  parts: Readonly<Record<string, Readonly<Record<string, T>>>>,
): Record<string, T> {
  return Object.fromEntries(
    Object.entries(parts).flatMap(([part, record]) =>
      Object.entries(record).map(([name, value]) => [`${part}.${name}`, value] as const),
    ),
  );
}

/** What `joinParts` put under a part's name. */
export function partOf<T>(record: Readonly<Record<string, T>>, part: string): Record<string, T> {
  return Object.fromEntries(
    Object.entries(record)
      .filter(([path]) => path.startsWith(`${part}.`))
      .map(([path, value]) => [path.slice(part.length + 1), value]),
  );
}

/** Gradients added up, name by name; a name that only one has counts as 0 in the other. */
export function sumGradients(a: Gradient, b: Gradient): Gradient {
  const out: Record<string, Float64Array> = { ...a };
  for (const [path, slopes] of Object.entries(b)) {
    const before = out[path];
    out[path] = before ? slopes.map((v, i) => v + before[i]!) : slopes;
  }
  return out;
}
