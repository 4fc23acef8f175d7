import { cholesky, type Matrix, matrix, solve } from "../linalg/index.ts";
import { softmaxRows } from "./likelihoods.ts";

// How far exponents are from where they are expected before any label is seen: their standard deviation.
const deviation = 0.1;
// Of log p, where a way says that a class is impossible.
const least = -27.6;

/** Π_k p_k^{a_k} along each row, normalised: a logarithmic opinion pool (Genest & Zidek 1986). */
export function pooled(predictions: readonly Matrix[], exponents: ArrayLike<number>): Matrix {
  const { rows, cols } = predictions[0]!;
  const logs = matrix(rows, cols);
  predictions.forEach(({ data }, k) => {
    for (let j = 0; j < data.length; j++) logs.data[j]! += exponents[k]! * logOf(data[j]!);
  });
  return softmaxRows(logs);
}

/**
 * The exponents a_k ≥ 0 of a pool under which the labels are likeliest, each predicted from the others, with a normal
 * prior about those `expected`, by Newton's method on what is free (the log likelihood is concave). Their sum is the pool's
 * inverse temperature: as in `inverseTemperatureOf` the labels are joined by an example of every class in equal shares.
 */
export function poolExponents(
  leftOut: readonly Matrix[],
  labels: ArrayLike<number>,
  expected: Float64Array,
): Float64Array {
  const count = leftOut.length;
  const logs = leftOut.map((p) => p.data.map(logOf));
  const slopesOf = (a: Float64Array) => slopesAt(a, expected, logs, leftOut, labels);
  let a = expected.slice();
  let here = slopesOf(a);
  for (let step = 0; step < 100; step++) {
    const free = Array.from({ length: count }, (_, k) => k).filter((k) => a[k]! > 0 || here.gradient[k]! > 0);
    if (free.every((k) => Math.abs(here.gradient[k]!) < 1e-9 * labels.length)) break;
    const move = newtonStep(here, free);
    let next: { a: Float64Array<ArrayBuffer>; slopes: Slopes } | undefined;
    for (let length = 1; length > 1e-10 && !next; length /= 2) {
      const tried = a.slice();
      free.forEach((k, i) => {
        tried[k] = Math.max(0, a[k]! + length * move[i]!);
      });
      const slopes = slopesOf(tried);
      if (slopes.value > here.value) next = { a: tried, slopes };
    }
    if (!next) break;
    [a, here] = [next.a, next.slopes];
  }
  return a;
}

interface Slopes {
  readonly value: number;
  readonly gradient: Float64Array;
  /** −∂²/∂a², positive definite. */
  readonly curvature: Matrix;
}

/** The penalised log likelihood of exponents, and its derivatives. */
function slopesAt(
  a: Float64Array,
  expected: Float64Array,
  logs: readonly Float64Array[],
  leftOut: readonly Matrix[],
  labels: ArrayLike<number>,
): Slopes {
  const count = a.length;
  const { rows: n, cols: classes } = leftOut[0]!;
  const p = pooled(leftOut, a).data;
  const gradient = a.map((v, k) => -(v - expected[k]!) / deviation ** 2);
  const curvature = matrix(count, count);
  let value = a.reduce((sum, v, k) => sum - 0.5 * ((v - expected[k]!) / deviation) ** 2, 0);
  const mean = new Float64Array(count);
  for (let i = 0; i < n; i++) {
    const from = i * classes;
    // The label, and this example's part of the one that has every class in equal shares.
    const share = (c: number) => (labels[i] === c ? 1 : 0) + 1 / (n * classes);
    mean.fill(0);
    for (let c = 0; c < classes; c++) {
      value += share(c) * logOf(p[from + c]!);
      logs.forEach((log, k) => {
        mean[k]! += p[from + c]! * log[from + c]!;
      });
    }
    for (let c = 0; c < classes; c++) {
      for (let k = 0; k < count; k++) {
        const apart = logs[k]![from + c]! - mean[k]!;
        gradient[k]! += share(c) * apart;
        const weight = (1 + 1 / n) * p[from + c]! * apart;
        for (let l = 0; l < count; l++) {
          curvature.data[k * count + l]! += weight * (logs[l]![from + c]! - mean[l]!);
        }
      }
    }
  }
  for (let k = 0; k < count; k++) curvature.data[k * count + k]! += 1 / deviation ** 2;
  return { value, gradient, curvature };
}

function newtonStep({ gradient, curvature }: Slopes, free: readonly number[]): Float64Array {
  const own = matrix(free.length, free.length);
  free.forEach((k, i) => {
    free.forEach((l, j) => {
      own.data[i * free.length + j] = curvature.data[k * curvature.cols + l]!;
    });
  });
  const right = matrix(
    free.length,
    1,
    Float64Array.from(free, (k) => gradient[k]!),
  );
  return solve(cholesky(own), right).data;
}

function logOf(p: number): number {
  return p > 0 ? Math.max(least, Math.log(p)) : least;
}
