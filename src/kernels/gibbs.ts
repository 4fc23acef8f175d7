import { ShapeError, UsageError } from "../errors/index.ts";
import { type Fn, type Matrix, matrix } from "../linalg/index.ts";
import { normal } from "../random/index.ts";
import { featurePath } from "./features.ts";
import type { Kernel } from "./kernel.ts";
import { affine, isLearnable } from "./learnable.ts";
import { type Gradient, type Parameters, positive, setUnset, unlessGiven } from "./parameters.ts";
import { means, typicalDistances } from "./scale-of-data.ts";

export interface GibbsOptions {
  /** In squared units of the outputs. 1 unless given. */
  readonly variance?: number;
  /** log ℓ(x), of one output or one a column; affine in x unless given, with the weight and bias below. */
  readonly logLengthscale?: Fn;
  /** Of the affine log-lengthscale, outputs × columns; 0 unless given. */
  readonly weight?: number | ArrayLike<number>;
  /** Of the affine log-lengthscale, one an output; 0 unless given. */
  readonly bias?: number | ArrayLike<number>;
  /** Of the affine log-lengthscale, one a column: where it is the bias. Fixed; 0 unless given. */
  readonly centre?: number | ArrayLike<number>;
  /** As many columns, and as many lengthscales. */
  readonly ard?: number;
}

/**
 * k(x, x′) = variance · Π_c √(2 ℓ_c ℓ′_c / (ℓ_c² + ℓ′_c²)) exp(−(x_c − x′_c)² / (ℓ_c² + ℓ′_c²)), ℓ = ℓ(x): an RBF
 * whose lengthscale changes with the input (Gibbs 1997; Rasmussen & Williams 2006, equation 4.32).
 */
export function gibbs(options: GibbsOptions = {}): Kernel {
  const { variance, logLengthscale, weight, bias, centre, ard = 1 } = options;
  if (logLengthscale && (weight !== undefined || bias !== undefined || centre !== undefined)) {
    throw new UsageError("gibbs: give a log-lengthscale, or the weight and bias of an affine one, not both");
  }
  const list = (v: number | ArrayLike<number> | undefined, size: number) =>
    Float64Array.from(typeof v === "number" ? [v] : (v ?? new Float64Array(size)));
  const b = list(bias, ard);
  const w = list(weight, b.length * Math.max(ard, b.length));
  const c = list(centre, w.length / b.length);
  const fn = logLengthscale ?? affine(matrix(b.length, c.length, w), b, c);
  if (fn.outputs !== 1 && fn.outputs !== fn.inputs) {
    throw new ShapeError(
      `gibbs: a log-lengthscale of ${fn.inputs} columns has 1 or ${fn.inputs} outputs, got ${fn.outputs}`,
    );
  }
  const own = { variance: unlessGiven(variance, 1, (v) => positive("variance", v, 1)) };
  const ofFn = isLearnable(fn) ? { ...fn.parameters } : {};
  if ("variance" in ofFn) throw new UsageError('gibbs: the log-lengthscale has a parameter "variance" too');
  if (!logLengthscale) {
    if (bias === undefined) ofFn.bias = { ...ofFn.bias!, unset: true };
    if (centre === undefined) ofFn.centre = { ...ofFn.centre!, unset: true };
  }
  return gibbsOf(fn, !logLengthscale, { ...own, ...ofFn });
}

function gibbsOf(start: Fn, isAffine: boolean, parameters: Parameters): Kernel {
  const { variance: ofWhole, ...ofFn } = parameters;
  const variance = ofWhole!.value[0]!;
  const fn = isLearnable(start) ? start.with(ofFn) : start;
  /** ℓ(x) of every column, n × d. */
  const lengths = (x: Matrix): Matrix => {
    const logs = fn.at(x);
    const out = matrix(x.rows, x.cols);
    for (let i = 0, k = 0; i < x.rows; i++) {
      for (let c = 0; c < x.cols; c++, k++) out.data[k] = exp(logs.data[fn.outputs === 1 ? i : k]!);
    }
    return out;
  };
  const cross = (x: Matrix, z: Matrix): Matrix => {
    const a = lengths(x);
    const b = z === x ? a : lengths(z);
    const out = matrix(x.rows, z.rows);
    for (let i = 0; i < x.rows; i++) {
      for (let j = 0; j < z.rows; j++) out.data[i * z.rows + j] = variance * pair(x, i, a, z, j, b);
    }
    return out;
  };
  /** Of ⟨bar, K⟩: its value over variance, and its derivatives in log ℓ and in the points as they lie. */
  const pull = (x: Matrix, z: Matrix | undefined, bar: Matrix) => {
    const other = z ?? x;
    const a = lengths(x);
    const b = z ? lengths(z) : a;
    const side = (m: Matrix) => ({ logs: matrix(m.rows, fn.outputs), points: matrix(m.rows, m.cols) });
    const ofX = side(x);
    const ofZ = z ? side(z) : ofX;
    let value = 0;
    for (let i = 0; i < x.rows; i++) {
      for (let j = 0; j < other.rows; j++) {
        const w = bar.data[i * other.rows + j]! * pair(x, i, a, other, j, b);
        value += w;
        for (let c = 0; c < x.cols; c++) {
          const ki = i * x.cols + c;
          const kj = j * x.cols + c;
          const u = a.data[ki]! ** 2;
          const v = b.data[kj]! ** 2;
          const gap = x.data[ki]! - other.data[kj]!;
          const ratio = (gap * gap) / (u + v);
          const slope = (-2 * variance * w * gap) / (u + v);
          ofX.points.data[ki]! += slope;
          ofZ.points.data[kj]! -= slope;
          const size = variance * w;
          ofX.logs.data[fn.outputs === 1 ? i : ki]! += size * (0.5 + (u / (u + v)) * (2 * ratio - 1));
          ofZ.logs.data[fn.outputs === 1 ? j : kj]! += size * (0.5 + (v / (u + v)) * (2 * ratio - 1));
        }
      }
    }
    return { value, ofX, ofZ };
  };
  const features: NonNullable<Kernel["features"]> = (key, inputs, count) => {
    const reference = lengths(matrix(1, inputs)).data;
    const { omega, logDensity } = octaves(normal(key, count * inputs), reference, count);
    return {
      inputs,
      outputs: 2 * count,
      at: (x) => amplitudes(x, lengths(x), omega, logDensity, variance),
    };
  };
  const learnable = isLearnable(fn) ? fn : undefined;
  return {
    outputs: 1,
    inputs: fn.inputs,
    parameters,
    ...(isAffine && { definition: { kind: "gibbs" } }),
    with: (next) => gibbsOf(start, isAffine, next),
    gram: (x) => cross(x, x),
    cross,
    diagonal: (x) => new Float64Array(x.rows).fill(variance),
    pullback(x, z, bar): Gradient {
      const { value, ofX, ofZ } = pull(x, z, bar);
      const sides = learnable ? [learnable.pullback(x, ofX.logs)] : [];
      if (learnable && z) sides.push(learnable.pullback(z, ofZ.logs));
      return {
        variance: Float64Array.of(value),
        ...Object.fromEntries(
          Object.entries(ofFn).map(([name, { value }]) => [
            name,
            value.map((_, i) => sides.reduce((sum, side) => sum + (side.parameters[name]?.[i] ?? 0), 0)),
          ]),
        ),
      };
    },
    ...(learnable && {
      pullbackInputs(x: Matrix, z: Matrix | undefined, bar: Matrix) {
        const { ofX, ofZ } = pull(x, z, bar);
        const whole = (points: Matrix, side: typeof ofX) => {
          const throughLengths = learnable.pullback(points, side.logs).x;
          return { ...points, data: side.points.data.map((v, k) => v + throughLengths.data[k]!) };
        };
        return z ? { x: whole(x, ofX), z: whole(z, ofZ) } : { x: whole(x, ofX) };
      },
    }),
    features,
    /**
     * Of random waves whose amplitudes change with ℓ(x); the variance at every point is exact. Waves are spread
     * over lengthscales from 1/256 to 256 of that at the origin: beyond, a path is too smooth or too rough.
     */
    path: (key, inputs) => featurePath(features, key, inputs),
    startAt: (x, target) =>
      gibbsOf(
        start,
        isAffine,
        setUnset(parameters, {
          variance: () => [target],
          ...(isAffine && {
            bias: (count: number) => typicalDistances(x, count).map(Math.log),
            centre: () => means(x),
          }),
        }),
      ),
  };
}

// A search can leap to where lengthscales or their squares overflow: from e^±150 on they are as long or short as any.
function exp(log: number): number {
  return Math.exp(Math.max(-150, Math.min(150, log)));
}

/** k / variance of one pair. */
function pair(x: Matrix, i: number, a: Matrix, z: Matrix, j: number, b: Matrix): number {
  let exponent = 0;
  let square = 1;
  for (let c = 0; c < x.cols; c++) {
    const u = a.data[i * x.cols + c]!;
    const v = b.data[j * x.cols + c]!;
    const sum = u * u + v * v;
    square *= (2 * u * v) / sum;
    exponent += (x.data[i * x.cols + c]! - z.data[j * x.cols + c]!) ** 2 / sum;
  }
  return Math.sqrt(square) * Math.exp(-exponent);
}

// Half octaves from 2⁻⁸ to 2⁸.
const strata = Array.from({ length: 33 }, (_, m) => 2 ** ((m - 16) / 2));

/** Wave vectors of lengthscales strewn about the reference, and the log of their density (less a constant). */
function octaves(draws: Float64Array, reference: Float64Array, count: number) {
  const d = reference.length;
  const omega = matrix(count, d, draws);
  const logDensity = new Float64Array(count);
  for (let f = 0; f < count; f++) {
    const stretch = strata[f % strata.length]!;
    let square = 0;
    for (let c = 0; c < d; c++) {
      square += (stretch * draws[f * d + c]!) ** 2;
      draws[f * d + c]! *= stretch / reference[c]!;
    }
    const logs = strata.map((s) => -0.5 * (square / (s * s)) - d * Math.log(s));
    const largest = Math.max(...logs);
    logDensity[f] = largest + Math.log(logs.reduce((sum, l) => sum + Math.exp(l - largest), 0));
  }
  return { omega, logDensity };
}

/**
 * √(variance N(ω; 0, ℓ(x)⁻²) / density(ω)) e^(iω·x): k is the integral of √N(ω; 0, ℓ⁻²) √N(ω; 0, ℓ′⁻²) e^(iω·(x−x′))
 * over ω, here by importance sampling, normalised at each point.
 */
function amplitudes(
  x: Matrix,
  lengths: Matrix,
  omega: Matrix,
  logDensity: Float64Array,
  variance: number,
): Matrix {
  const count = omega.rows;
  const out = matrix(x.rows, 2 * count);
  for (let i = 0; i < x.rows; i++) {
    const logs = new Float64Array(count);
    for (let f = 0; f < count; f++) {
      let log = -logDensity[f]!;
      for (let c = 0; c < x.cols; c++) {
        log -= 0.5 * (omega.data[f * x.cols + c]! * lengths.data[i * x.cols + c]!) ** 2;
      }
      logs[f] = log;
    }
    const largest = logs.reduce((a, b) => Math.max(a, b));
    const mean = logs.reduce((sum, l) => sum + Math.exp(l - largest), 0) / count;
    for (let f = 0; f < count; f++) {
      let angle = 0;
      for (let c = 0; c < x.cols; c++) angle += omega.data[f * x.cols + c]! * x.data[i * x.cols + c]!;
      const size = Math.sqrt((variance * Math.exp(logs[f]! - largest)) / mean);
      out.data[i * 2 * count + f] = size * Math.cos(angle);
      out.data[i * 2 * count + f + count] = size * Math.sin(angle);
    }
  }
  return out;
}
