import { ShapeError } from "../errors/index.ts";
import { eigh, type Matrix, matrix } from "../linalg/index.ts";

/** Points in the plane whose distances resemble given ones. */
export interface FunctionMap {
  /** One row a function, `dimensions` columns, centred; the first axis is the widest. */
  readonly places: Matrix;
  /** √(Σ (d_ij − d̂_ij)² / Σ d_ij²): 0 where the map is exact (Kruskal's stress 1). */
  readonly stress: number;
}

/**
 * Classical multidimensional scaling (Torgerson 1952) of a distance matrix, refined by majorisation (SMACOF, de Leeuw
 * 1977), which lowers the stress in every step. The sign of each axis makes its largest entry positive.
 */
export function functionMap(distances: Matrix, dimensions = 2): FunctionMap {
  const n = distances.rows;
  if (distances.cols !== n) throw new ShapeError(`expected n × n distances, got ${n} × ${distances.cols}`);
  let places = classical(distances, dimensions);
  let stress = stressOf(distances, places);
  for (let step = 0; step < 300; step++) {
    const next = majorise(distances, places);
    const lower = stressOf(distances, next);
    if (!(lower < stress * (1 - 1e-9))) break;
    places = next;
    stress = lower;
  }
  return { places: oriented(places), stress };
}

function classical(distances: Matrix, dimensions: number): Matrix {
  const n = distances.rows;
  const squares = distances.data.map((d) => d * d);
  const means = new Float64Array(n);
  squares.forEach((s, k) => {
    means[k % n]! += s / n;
  });
  const mean = means.reduce((a, b) => a + b, 0) / n;
  const inner = matrix(
    n,
    n,
    squares.map((s, k) => -0.5 * (s - means[k % n]! - means[Math.floor(k / n)]! + mean)),
  );
  const { values, vectors } = eigh(inner);
  const out = matrix(n, dimensions);
  for (let c = 0; c < Math.min(dimensions, n); c++) {
    const root = Math.sqrt(Math.max(0, values[n - 1 - c]!));
    for (let i = 0; i < n; i++) out.data[i * dimensions + c] = root * vectors.data[i * n + n - 1 - c]!;
  }
  return out;
}

function separation(places: Matrix, i: number, j: number): number {
  let sum = 0;
  for (let c = 0; c < places.cols; c++) {
    sum += (places.data[i * places.cols + c]! - places.data[j * places.cols + c]!) ** 2;
  }
  return Math.sqrt(sum);
}

function stressOf(distances: Matrix, places: Matrix): number {
  const n = places.rows;
  let [gaps, total] = [0, 0];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const d = distances.data[i * n + j]!;
      gaps += (d - separation(places, i, j)) ** 2;
      total += d * d;
    }
  }
  return total > 0 ? Math.sqrt(gaps / total) : 0;
}

/** The Guttman transform: the minimum of the quadratic that touches the stress from above at `places`. */
function majorise(distances: Matrix, places: Matrix): Matrix {
  const { rows: n, cols } = places;
  const out = matrix(n, cols);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const apart = separation(places, i, j);
      if (i === j || apart === 0) continue;
      const weight = distances.data[i * n + j]! / apart / n;
      for (let c = 0; c < cols; c++) {
        out.data[i * cols + c]! += weight * (places.data[i * cols + c]! - places.data[j * cols + c]!);
      }
    }
  }
  return out;
}

/** Rotated onto the principal axes, widest first, so that one map of given distances is drawn one way. */
function oriented(places: Matrix): Matrix {
  const { rows: n, cols } = places;
  const spread = matrix(cols, cols);
  for (let i = 0; i < n; i++) {
    for (let a = 0; a < cols; a++) {
      for (let b = 0; b < cols; b++) {
        spread.data[a * cols + b]! += places.data[i * cols + a]! * places.data[i * cols + b]!;
      }
    }
  }
  const { vectors } = eigh(spread);
  const out = matrix(n, cols);
  for (let c = 0; c < cols; c++) {
    let extreme = 0;
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let a = 0; a < cols; a++) {
        sum += places.data[i * cols + a]! * vectors.data[a * cols + cols - 1 - c]!;
      }
      out.data[i * cols + c] = sum;
      if (Math.abs(sum) > Math.abs(extreme)) extreme = sum;
    }
    if (extreme < 0) for (let i = 0; i < n; i++) out.data[i * cols + c]! *= -1;
  }
  return out;
}
