import { type Matrix, matrix, takeRows } from "../linalg/index.ts";
import { type Key, permutation, split, uniform } from "../random/index.ts";

// Rounds of Lloyd's algorithm: inducing points are moved later by the bound.
const rounds = 10;
// Rows looked at: so many tell where the data lie.
const enough = 5000;

/**
 * `count` points that stand for the rows of x: centres of k-means from a spread-out start (Arthur & Vassilvitskii
 * 2007); all rows where there are no more.
 */
export function representatives(x: Matrix, count: number, key: Key): Matrix {
  if (x.rows <= count) return matrix(x.rows, x.cols, x.data.slice());
  const order = permutation(split(key, "rows"), x.rows).subarray(0, Math.min(x.rows, enough));
  const points = takeRows(x, order);
  const centres = spreadOut(points, count, split(key, "start"));
  const nearest = new Int32Array(points.rows);
  for (let round = 0; round < rounds; round++) {
    const sums = matrix(count, x.cols);
    const members = new Float64Array(count);
    for (let i = 0; i < points.rows; i++) {
      let best = Infinity;
      for (let c = 0; c < count; c++) {
        const distance = squaredDistance(points, i, centres, c, best);
        if (distance < best) {
          best = distance;
          nearest[i] = c;
        }
      }
      members[nearest[i]!]!++;
      for (let q = 0; q < x.cols; q++) sums.data[nearest[i]! * x.cols + q]! += points.data[i * x.cols + q]!;
    }
    for (let c = 0; c < count; c++) {
      if (members[c] === 0) continue;
      for (let q = 0; q < x.cols; q++)
        centres.data[c * x.cols + q] = sums.data[c * x.cols + q]! / members[c]!;
    }
  }
  return centres;
}

/** Rows drawn one after the other, each with probability as its squared distance to those before. */
function spreadOut(points: Matrix, count: number, key: Key): Matrix {
  const { rows, cols } = points;
  const out = matrix(count, cols);
  const draws = uniform(key, count);
  const least = new Float64Array(rows).fill(Infinity);
  let chosen = Math.floor(draws[0]! * rows);
  for (let c = 0; c < count; c++) {
    out.data.set(points.data.subarray(chosen * cols, (chosen + 1) * cols), c * cols);
    if (c + 1 === count) break;
    let total = 0;
    for (let i = 0; i < rows; i++) {
      least[i] = Math.min(least[i]!, squaredDistance(points, i, out, c, least[i]!));
      total += least[i]!;
    }
    // Fewer different rows than centres: repeat any.
    if (total === 0) chosen = Math.floor(draws[c + 1]! * rows);
    else {
      let left = draws[c + 1]! * total;
      chosen = 0;
      while (chosen < rows - 1 && left >= least[chosen]!) left -= least[chosen++]!;
    }
  }
  return out;
}

function squaredDistance(a: Matrix, i: number, b: Matrix, j: number, most: number): number {
  let sum = 0;
  for (let q = 0; q < a.cols && sum < most; q++) {
    sum += (a.data[i * a.cols + q]! - b.data[j * b.cols + q]!) ** 2;
  }
  return sum;
}
