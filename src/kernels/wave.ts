import { expectShape, gramOf, type Matrix, matrix, multiply } from "../linalg/index.ts";
import { times } from "./elementwise.ts";
import type { InputGradient } from "./kernel.ts";

/**
 * size · cos(t·(x_i − z_j)) for the wave vector t, in angle a unit of each column; z is x when left out. As the
 * cosine of a difference is a product of cosines plus one of sines, this is a product of n × 2 matrices.
 */
export function waveGram(turns: Float64Array, size: number, x: Matrix, z?: Matrix): Matrix {
  const a = circle(turns, x, x);
  const cosines = z ? multiply(a, circle(turns, z, x), { b: true }) : gramOf(a);
  return size === 1 ? cosines : times(cosines, size);
}

/** ⟨bar, cos⟩ and its derivatives in the wave vector and the points; bar is symmetric when z is left out. */
export function wavePullback(
  turns: Float64Array,
  x: Matrix,
  z: Matrix | undefined,
  bar: Matrix,
): { readonly value: number; readonly turns: Float64Array; readonly inputs: InputGradient } {
  const a = circle(turns, x, x);
  const b = z ? circle(turns, z, x) : a;
  const ofA = multiply(bar, b);
  const ofB = multiply(bar, a, { a: true });
  let value = 0;
  for (let k = 0; k < a.data.length; k++) value += a.data[k]! * ofA.data[k]!;
  const onA = alongCircle(a, ofA);
  const onB = alongCircle(b, ofB);
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
  if (z) return { value, turns: slopes, inputs: { x: spread(x, onA), z: spread(z, onB) } };
  const both = onA.map((v, i) => v + onB[i]!);
  return { value, turns: slopes, inputs: { x: spread(x, both) } };
}

/** cos and sin of t·x of each point, n × 2, counted from the first row of `origin`: small angles keep their digits. */
function circle(turns: Float64Array, x: Matrix, origin: Matrix): Matrix {
  expectShape(x, "the points", undefined, turns.length);
  const out = matrix(x.rows, 2);
  for (let i = 0; i < x.rows; i++) {
    let angle = 0;
    for (let c = 0; c < x.cols; c++) angle += turns[c]! * (x.data[i * x.cols + c]! - origin.data[c]!);
    out.data[2 * i] = Math.cos(angle);
    out.data[2 * i + 1] = Math.sin(angle);
  }
  return out;
}

/** From the derivative in (cos, sin) of each angle to that in the angle. */
function alongCircle(points: Matrix, bar: Matrix): Float64Array {
  return Float64Array.from(
    { length: points.rows },
    (_, i) => points.data[2 * i]! * bar.data[2 * i + 1]! - points.data[2 * i + 1]! * bar.data[2 * i]!,
  );
}
