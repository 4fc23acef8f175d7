import { engine } from "../../engine/index.ts";
import type { Kernel } from "../../kernels/index.ts";
import { block, cholesky, type Matrix, mirror } from "../../linalg/index.ts";

/**
 * K + noise I = L Lᵀ in one n × n array: L lies in its lower triangle, whatever was there above the diagonal. What an
 * evaluation of an objective starts from; it owns the array and may overwrite it.
 */
export interface Factored {
  readonly size: number;
  readonly array: Float64Array;
  /** log det (K + noise I). */
  readonly logDeterminant: number;
  /** Added to the diagonal by `cholesky`'s policy, 0 when none was needed. */
  readonly jitter: number;
}

/** Throws NotPositiveDefiniteError past the jitter of `cholesky`. */
export function factorGram(kernel: Kernel, noiseVariance: number, x: Matrix): Factored {
  let array = noisyGram(kernel, noiseVariance, x).data;
  const size = Math.round(Math.sqrt(array.length));
  let jitter = 0;
  if (engine().potrf(size, { data: array, offset: 0, stride: size }) >= 0) {
    // The failed attempt spoiled the array: the rare case pays for the whole again.
    const factor = cholesky(noisyGram(kernel, noiseVariance, x));
    array = factor.lower.data;
    jitter = factor.report.jitter;
  }
  let logDeterminant = 0;
  for (let i = 0; i < size; i++) logDeterminant += 2 * Math.log(array[i * size + i]!);
  return { size, array, logDeterminant, jitter };
}

function noisyGram(kernel: Kernel, noiseVariance: number, x: Matrix): Matrix {
  const gram = kernel.gram(x);
  for (let i = 0; i < gram.rows; i++) gram.data[i * gram.rows + i]! += noiseVariance;
  return gram;
}

/** L⁻¹ b. Plain loops: one column does O(n²) work, less than it costs to hand L to an engine. */
export function forward({ size, array }: Factored, b: ArrayLike<number>): Float64Array {
  const out = Float64Array.from(b);
  for (let i = 0; i < size; i++) {
    const row = i * size;
    // Four sums that do not wait for each other.
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    let j = 0;
    for (; j + 3 < i; j += 4) {
      s0 += array[row + j]! * out[j]!;
      s1 += array[row + j + 1]! * out[j + 1]!;
      s2 += array[row + j + 2]! * out[j + 2]!;
      s3 += array[row + j + 3]! * out[j + 3]!;
    }
    for (; j < i; j++) s0 += array[row + j]! * out[j]!;
    out[i] = (out[i]! - (s0 + s1 + (s2 + s3))) / array[row + i]!;
  }
  return out;
}

/** L⁻ᵀ b. */
export function backward({ size, array }: Factored, b: ArrayLike<number>): Float64Array {
  const out = Float64Array.from(b);
  for (let i = size - 1; i >= 0; i--) {
    const row = i * size;
    const v = out[i]! / array[row + i]!;
    out[i] = v;
    for (let j = 0; j < i; j++) out[j]! -= v * array[row + j]!;
  }
  return out;
}

/** Turns the factor's own array into the lower triangle of (K + noise I)⁻¹; the factor is spent. */
export function invertInPlace({ size, array }: Factored): Matrix {
  const out = { rows: size, cols: size, data: array };
  engine().potri(size, block(out));
  return out;
}

/** A matrix of which only the lower triangle was written, made symmetric in place. */
export function symmetric(lower: Matrix): Matrix {
  mirror(lower);
  return lower;
}
