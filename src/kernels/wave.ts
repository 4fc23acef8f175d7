import { expectShape, type Matrix, matrix } from "../linalg/index.ts";
import type { InputGradient } from "./kernel.ts";

/** size · cos(t·(x_i − z_j)) for the wave vector t, in angle a unit of each column; z is x when left out. */
export function waveGram(turns: Float64Array, size: number, x: Matrix, z?: Matrix): Matrix {
  if (z) expectShape(z, "z", undefined, x.cols);
  const a = phases(turns, x, x);
  const b = z ? phases(turns, z, x) : a;
  const out = matrix(a.length, b.length);
  for (let i = 0, k = 0; i < a.length; i++) {
    for (let j = 0; j < b.length; j++, k++) out.data[k] = size * Math.cos(a[i]! - b[j]!);
  }
  return out;
}

/** ⟨bar, cos⟩ and its derivatives in the wave vector and the points; bar is symmetric when z is left out. */
export function wavePullback(
  turns: Float64Array,
  x: Matrix,
  z: Matrix | undefined,
  bar: Matrix,
): { readonly value: number; readonly turns: Float64Array; readonly inputs: InputGradient } {
  const a = phases(turns, x, x);
  const b = z ? phases(turns, z, x) : a;
  const ofA = new Float64Array(a.length);
  const ofB = z ? new Float64Array(b.length) : ofA;
  let value = 0;
  for (let i = 0, k = 0; i < a.length; i++) {
    for (let j = 0; j < b.length; j++, k++) {
      const angle = a[i]! - b[j]!;
      const slope = -bar.data[k]! * Math.sin(angle);
      value += bar.data[k]! * Math.cos(angle);
      ofA[i]! += slope;
      ofB[j]! -= slope;
    }
  }
  const slopes = new Float64Array(turns.length);
  const spread = (points: Matrix, ofPhase: Float64Array) => {
    const out = matrix(points.rows, points.cols);
    for (let i = 0, k = 0; i < points.rows; i++) {
      for (let c = 0; c < points.cols; c++, k++) {
        out.data[k] = turns[c]! * ofPhase[i]!;
        slopes[c]! += ofPhase[i]! * (points.data[k]! - x.data[c]!);
      }
    }
    return out;
  };
  const ofX = spread(x, ofA);
  return { value, turns: slopes, inputs: z ? { x: ofX, z: spread(z, ofB) } : { x: ofX } };
}

/** t·x of each point, less that of the first row of `origin`: small angles keep their digits. */
function phases(turns: Float64Array, x: Matrix, origin: Matrix): Float64Array {
  return Float64Array.from({ length: x.rows }, (_, i) => {
    let sum = 0;
    for (let c = 0; c < x.cols; c++) sum += turns[c]! * (x.data[i * x.cols + c]! - origin.data[c]!);
    return sum;
  });
}
