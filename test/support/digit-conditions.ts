import { type Matrix, matrix } from "../../src/linalg/index.ts";

const side = 28;

/** Conditions that a network trained on upright digits has not met: what becomes of images of pixels from 0 to 1. */
export const digitConditions: Readonly<
  Record<"rotated by 45°" | "shifted contrast" | "inverted", (x: Matrix) => Matrix>
> = {
  "rotated by 45°": (x) => rotated(x, () => 45),
  // Strokes at 0.6 on a background of 0.4.
  "shifted contrast": (x) => ({ ...x, data: x.data.map((v) => 0.4 + 0.2 * v) }),
  inverted: (x) => ({ ...x, data: x.data.map((v) => 1 - v) }),
};

/** Images of 28 × 28 turned counterclockwise about their middle by degrees of their own, bilinearly; 0 from outside. */
export function rotated(x: Matrix, degrees: (row: number) => number): Matrix {
  const out = matrix(x.rows, x.cols);
  const middle = (side - 1) / 2;
  for (let i = 0; i < x.rows; i++) {
    const image = x.data.subarray(i * x.cols, (i + 1) * x.cols);
    const pixel = (r: number, c: number) =>
      r < 0 || r >= side || c < 0 || c >= side ? 0 : image[r * side + c]!;
    const angle = (degrees(i) * Math.PI) / 180;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    for (let k = 0; k < x.cols; k++) {
      const [down, right] = [Math.floor(k / side) - middle, (k % side) - middle];
      const r = cos * down + sin * right + middle;
      const c = -sin * down + cos * right + middle;
      const [top, left] = [Math.floor(r), Math.floor(c)];
      const [v, u] = [r - top, c - left];
      out.data[i * x.cols + k] =
        (1 - v) * ((1 - u) * pixel(top, left) + u * pixel(top, left + 1)) +
        v * ((1 - u) * pixel(top + 1, left) + u * pixel(top + 1, left + 1));
    }
  }
  return out;
}
