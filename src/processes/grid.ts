import { ShapeError, UsageError } from "../errors/index.ts";
import { type Gradient, joinParts, type Kernel } from "../kernels/index.ts";
import {
  columnVector,
  type Eigh,
  eigh,
  expectFinite,
  expectShape,
  type Matrix,
  matrix,
  multiply,
  transpose,
} from "../linalg/index.ts";
import { nonNegative } from "./gaussian.ts";

/** Values at all points of a grid: the last axis runs fastest. */
export interface GridData {
  /** The places along each axis. */
  readonly axes: readonly ArrayLike<number>[];
  /** One a grid point, less their mean: row-major. */
  readonly values: Float64Array;
  /** In squared units of the values; above 0. */
  readonly noiseVariance: number;
}

/** Exact inference on a grid, in O(N Σ n_c) time for N = Π n_c points. */
export interface GridPosterior {
  /** log p(values), in nats. */
  readonly logEvidence: number;
  /** Its derivatives in the kernels' parameters ("0.lengthscale", "1.…") and the noise variance. */
  gradient(): { readonly kernels: Gradient; readonly noiseVariance: number };
  /** Mean and variance of f at any points, n × axes. */
  at(x: Matrix): { readonly mean: Matrix; readonly variance: Matrix };
}

/**
 * The posterior of a product kernel, one kernel of one column an axis, given values on a grid: the covariance is a
 * Kronecker product, whose eigenvectors are the products of its factors' (Saatçi 2011, chapter 5). Equal to exact
 * inference with product(on(k_0, [0]), on(k_1, [1]), …). Throws UsageError, ShapeError or NonFiniteError for data
 * that are no grid.
 */
export function conditionOnGrid(kernels: readonly Kernel[], data: GridData): GridPosterior {
  const { axes, values, noiseVariance } = data;
  const dims = axes.map((axis) => axis.length);
  const total = dims.reduce((a, b) => a * b, 1);
  if (kernels.length !== axes.length || axes.length === 0) {
    throw new UsageError(`a grid takes one kernel an axis, got ${kernels.length} for ${axes.length} axes`);
  }
  if (values.length !== total) {
    throw new ShapeError(`a grid of ${dims.join(" × ")} has ${total} values, got ${values.length}`);
  }
  if (!(noiseVariance > 0 && noiseVariance < Infinity)) {
    throw new UsageError(`on a grid the noise variance is above 0 and finite, got ${noiseVariance}`);
  }
  const columns = axes.map((axis) => columnVector(axis));
  columns.forEach((column, c) => {
    expectFinite(column, `axis ${c}`);
  });
  expectFinite(columnVector(values), "values");
  const grams = kernels.map((kernel, c) => kernel.gram(columns[c]!));
  // Eigenvalues below 0 are rounding.
  const factors: Eigh[] = grams.map((gram) => {
    const found = eigh(gram);
    return { ...found, values: found.values.map((v) => Math.max(0, v)) };
  });
  const spectrum = outer(factors.map((f) => f.values)).map((v) => v + noiseVariance);
  const turned = factors.reduce<Float64Array>((t, f, c) => along(t, dims, c, transpose(f.vectors)), values);
  const solved = turned.map((v, i) => v / spectrum[i]!);
  const alpha = factors.reduce<Float64Array>((t, f, c) => along(t, dims, c, f.vectors), solved);
  let logEvidence = -0.5 * total * Math.log(2 * Math.PI);
  spectrum.forEach((v, i) => {
    logEvidence -= 0.5 * (Math.log(v) + turned[i]! * solved[i]!);
  });
  return {
    logEvidence,
    gradient() {
      const ofKernels = kernels.map((kernel, c) => {
        const n = dims[c]!;
        // ½ A (⊗ of the other grams) Aᵀ with alpha unfolded along the axis.
        const others = grams.reduce<Float64Array>(
          (t, gram, o) => (o === c ? t : along(t, dims, o, gram)),
          alpha,
        );
        const bar = multiply(unfolded(alpha, dims, c), unfolded(others, dims, c), { b: true });
        // −½ Q diag(Σ over the other axes of Π λ / (Π λ + noise)) Qᵀ
        const shares = new Float64Array(n);
        const ones = outer(factors.map((f, o) => (o === c ? new Float64Array(n).fill(1) : f.values)));
        const after = dims.slice(c + 1).reduce((a, b) => a * b, 1);
        ones.forEach((v, i) => {
          shares[Math.floor(i / after) % n]! += v / spectrum[i]!;
        });
        const { vectors } = factors[c]!;
        const scaled = { ...vectors, data: vectors.data.map((v, k) => v * shares[k % n]!) };
        const trace = multiply(scaled, vectors, { b: true });
        return kernel.pullback(columns[c]!, undefined, {
          ...bar,
          data: bar.data.map((v, k) => 0.5 * (v - trace.data[k]!)),
        });
      });
      let noise = 0;
      spectrum.forEach((v, i) => {
        noise += 0.5 * (solved[i]! ** 2 - 1 / v);
      });
      return {
        kernels: joinParts(Object.fromEntries(ofKernels.map((g, c) => [c, g]))),
        noiseVariance: noise,
      };
    },
    at(x) {
      expectShape(x, "x", undefined, dims.length);
      expectFinite(x, "x");
      const mean = matrix(x.rows, 1);
      const variance = matrix(x.rows, 1);
      const crosses = kernels.map((kernel, c) => kernel.cross(columnOf(x, c), columns[c]!));
      const turnedCrosses = crosses.map((cross, c) => multiply(cross, factors[c]!.vectors));
      const diagonals = kernels.map((kernel, c) => kernel.diagonal(columnOf(x, c)));
      const rowsOf = (parts: readonly Matrix[], i: number) =>
        outer(parts.map((p) => p.data.subarray(i * p.cols, (i + 1) * p.cols)));
      for (let i = 0; i < x.rows; i++) {
        const weights = rowsOf(crosses, i);
        const seen = rowsOf(turnedCrosses, i);
        let own = diagonals.reduce((product, d) => product * d[i]!, 1);
        for (let k = 0; k < total; k++) {
          mean.data[i]! += weights[k]! * alpha[k]!;
          own -= seen[k]! ** 2 / spectrum[k]!;
        }
        variance.data[i] = nonNegative(own);
      }
      return { mean, variance };
    },
  };
}

/** All products of one entry of each, the last running fastest. */
function outer(parts: readonly Float64Array[]): Float64Array {
  return parts.reduce<Float64Array>((before, part) => {
    const out = new Float64Array(before.length * part.length);
    for (let i = 0, k = 0; i < before.length; i++) {
      for (let j = 0; j < part.length; j++, k++) out[k] = before[i]! * part[j]!;
    }
    return out;
  }, Float64Array.of(1));
}

/** The tensor with `a` applied along one axis. */
function along(tensor: Float64Array, dims: readonly number[], axis: number, a: Matrix): Float64Array {
  return folded(multiply(a, unfolded(tensor, dims, axis)), dims, axis);
}

/** One row for each place along the axis. */
function unfolded(tensor: Float64Array, dims: readonly number[], axis: number): Matrix {
  const n = dims[axis]!;
  const after = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const rest = tensor.length / n;
  const out = matrix(n, rest);
  for (let k = 0; k < tensor.length; k++) {
    const place = Math.floor(k / after) % n;
    out.data[place * rest + Math.floor(k / (after * n)) * after + (k % after)] = tensor[k]!;
  }
  return out;
}

function folded(a: Matrix, dims: readonly number[], axis: number): Float64Array {
  const n = dims[axis]!;
  const after = dims.slice(axis + 1).reduce((x, y) => x * y, 1);
  const out = new Float64Array(a.data.length);
  for (let k = 0; k < out.length; k++) {
    const place = Math.floor(k / after) % n;
    out[k] = a.data[place * a.cols + Math.floor(k / (after * n)) * after + (k % after)]!;
  }
  return out;
}

function columnOf(x: Matrix, c: number): Matrix {
  return matrix(
    x.rows,
    1,
    Float64Array.from({ length: x.rows }, (_, i) => x.data[i * x.cols + c]!),
  );
}
