import { ShapeError, UsageError } from "../errors/index.ts";
import { type Fn, type Matrix, matrix } from "../linalg/index.ts";
import { type Key, key } from "../random/index.ts";
import { type Estimate, estimate, meanOf, rootOf } from "./estimate.ts";
import { inputGradients } from "./input-gradient.ts";
import type { Measure } from "./measure.ts";

/**
 * How far two functions f and g are apart over an input measure µ.
 *
 * - `l2`: √E‖f − g‖², in units of the values (Benjamin et al. 2019).
 * - `sup`: the largest ‖f − g‖ over the support; of a measure with finitely many points, over those.
 * - `angle`: between f and g as vectors of L2(µ), in radians.
 * - `disagreement`: how often the largest output is another one.
 * - `jensenShannon`: E of the Jensen–Shannon divergence of softmax f and softmax g, in nats.
 * - `sobolev`: √E(‖f − g‖² + ‖∇f − ∇g‖²), gradients in the inputs.
 */
export type DistanceKind = "l2" | "sup" | "angle" | "disagreement" | "jensenShannon" | "sobolev";

export interface DistanceOptions {
  /** `l2` unless given. */
  readonly kind?: DistanceKind;
  /** How many inputs to draw; all points of a measure with finitely many, or 2,000, unless given. */
  readonly samples?: number;
  readonly key?: Key;
}

/** What is known of a function at the sampled points. */
interface Seen {
  readonly values: Matrix;
  readonly gradients?: readonly Matrix[];
}

/** The distance of two functions over a measure, with its Monte-Carlo error. Throws ShapeError when they differ in shape. */
export function distance(f: Fn, g: Fn, measure: Measure, options: DistanceOptions = {}): Estimate {
  const kind = options.kind ?? "l2";
  const x = pointsOf(measure, options);
  return between(kind, see(kind, f, x, measure), see(kind, g, x, measure), measure);
}

/** The distances of all pairs, symmetric with zeros on the diagonal; each function is evaluated once. */
export function distanceMatrix(fns: readonly Fn[], measure: Measure, options: DistanceOptions = {}): Matrix {
  const kind = options.kind ?? "l2";
  const x = pointsOf(measure, options);
  const seen = fns.map((f) => see(kind, f, x, measure));
  const out = matrix(fns.length, fns.length);
  for (let i = 0; i < fns.length; i++) {
    for (let j = 0; j < i; j++) {
      const { value } = between(kind, seen[i]!, seen[j]!, measure);
      out.data[i * fns.length + j] = value;
      out.data[j * fns.length + i] = value;
    }
  }
  return out;
}

/** The points of a measure at which functions are compared. */
export function pointsOf(measure: Measure, { samples, key: k = key(0) }: DistanceOptions): Matrix {
  if (samples === undefined && measure.points) return measure.points;
  const count = samples ?? 2000;
  if (!Number.isInteger(count) || count < 1) {
    throw new UsageError(`samples should be a whole number of at least 1, got ${count}`);
  }
  return measure.draw(k, count);
}

function see(kind: DistanceKind, f: Fn, x: Matrix, measure: Measure): Seen {
  if (f.inputs !== measure.inputs) {
    throw new ShapeError(`the function takes ${f.inputs} inputs, the measure has ${measure.inputs}`);
  }
  const values = f.at(x);
  return kind === "sobolev" ? { values, gradients: inputGradients(f, x) } : { values };
}

function between(kind: DistanceKind, f: Seen, g: Seen, measure: Measure): Estimate {
  const { rows: n, cols: outputs } = f.values;
  if (g.values.cols !== outputs) {
    throw new ShapeError(
      `the functions have ${outputs} and ${g.values.cols} outputs: they cannot be compared`,
    );
  }
  switch (kind) {
    case "l2":
      return rootOf(meanOf(squaredGaps(f.values, g.values), 0));
    case "sobolev": {
      const terms = squaredGaps(f.values, g.values);
      f.gradients!.forEach((gradient, p) => {
        squaredGaps(gradient, g.gradients![p]!).forEach((square, i) => {
          terms[i]! += square;
        });
      });
      return rootOf(meanOf(terms, 0));
    }
    case "sup":
      return supremum(squaredGaps(f.values, g.values), measure);
    case "angle":
      return angle(f.values, g.values);
    case "disagreement": {
      const a = largest(f.values);
      const b = largest(g.values);
      return share(
        a.reduce((count, c, i) => count + (c === b[i] ? 0 : 1), 0),
        n,
      );
    }
    case "jensenShannon":
      return meanOf(divergences(f.values, g.values), 0);
  }
}

function squaredGaps(a: Matrix, b: Matrix): Float64Array {
  const out = new Float64Array(a.rows);
  for (let i = 0, k = 0; i < a.rows; i++) {
    for (let p = 0; p < a.cols; p++, k++) out[i]! += (a.data[k]! - b.data[k]!) ** 2;
  }
  return out;
}

/**
 * The largest value of a sample is below the supremum. Its upper limit follows from the gap of the two largest (de
 * Haan 1981): near a maximum inside d dimensions the shortfall to the power d/2 is uniform, at a corner to the power
 * d; the limit of the corner is the wider one and is taken.
 */
function supremum(squares: Float64Array, measure: Measure): Estimate {
  const sorted = Float64Array.from(squares).sort();
  const first = Math.sqrt(sorted.at(-1)!);
  if (measure.points || sorted.length < 2)
    return { value: first, standardError: 0, interval: [first, first] };
  const gap = first - Math.sqrt(sorted.at(-2)!);
  const q = 0.95 ** (1 / measure.inputs);
  const reach = (gap * q) / (1 - q);
  return { value: first, standardError: gap, interval: [first, first + reach] };
}

/** acos of ⟨f, g⟩/‖f‖‖g‖, its error by the delta method on the three means. */
function angle(f: Matrix, g: Matrix): Estimate {
  const n = f.rows;
  const [ff, gg, fg] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
  for (let i = 0, k = 0; i < n; i++) {
    for (let p = 0; p < f.cols; p++, k++) {
      ff[i]! += f.data[k]! ** 2;
      gg[i]! += g.data[k]! ** 2;
      fg[i]! += f.data[k]! * g.data[k]!;
    }
  }
  const mean = (terms: Float64Array) => terms.reduce((a, b) => a + b, 0) / n;
  const [a, b, c] = [mean(ff), mean(gg), mean(fg)];
  if (!(a > 0 && b > 0)) throw new UsageError("angle: a function that is zero everywhere has no direction");
  const cosine = Math.max(-1, Math.min(1, c / Math.sqrt(a * b)));
  const influence = fg.map((t, i) => t / Math.sqrt(a * b) - (cosine / 2) * (ff[i]! / a + gg[i]! / b));
  const { standardError } = meanOf(influence);
  const sine = Math.sqrt(1 - cosine * cosine);
  return estimate(Math.acos(cosine), sine > 0 ? standardError / sine : 0, 0);
}

function largest(values: Matrix): Int32Array {
  const out = new Int32Array(values.rows);
  for (let i = 0; i < values.rows; i++) {
    for (let p = 1; p < values.cols; p++) {
      if (values.data[i * values.cols + p]! > values.data[i * values.cols + out[i]!]!) out[i] = p;
    }
  }
  return out;
}

/** A share of n with Wilson's interval, which holds near 0 and 1 too. */
function share(count: number, n: number): Estimate {
  const p = count / n;
  const z = 1.959963984540054;
  const centre = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return { value: p, standardError: Math.sqrt((p * (1 - p)) / n), interval: [centre - half, centre + half] };
}

function divergences(f: Matrix, g: Matrix): Float64Array {
  const { rows, cols } = f;
  const out = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const p = softmaxRow(f, i);
    const q = softmaxRow(g, i);
    for (let c = 0; c < cols; c++) {
      const middle = (p[c]! + q[c]!) / 2;
      if (p[c]! > 0) out[i]! += 0.5 * p[c]! * Math.log(p[c]! / middle);
      if (q[c]! > 0) out[i]! += 0.5 * q[c]! * Math.log(q[c]! / middle);
    }
    out[i] = Math.max(0, out[i]!);
  }
  return out;
}

function softmaxRow(values: Matrix, row: number): Float64Array {
  const part = values.data.slice(row * values.cols, (row + 1) * values.cols);
  const top = Math.max(...part);
  const powers = part.map((v) => Math.exp(v - top));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((e) => e / total);
}
