import { NonFiniteError, UsageError } from "../../errors/index.ts";
import { expectShape, type Matrix } from "../../linalg/index.ts";

/** Throws ShapeError unless y has so many columns, and UsageError at the first value that `allows` refuses. */
export function expectTargets(
  y: Matrix,
  outputs: number,
  allows: (v: number) => boolean,
  what: string,
): void {
  expectShape(y, "y", undefined, outputs);
  y.data.forEach((v, k) => {
    if (!allows(v)) throw new UsageError(`${what}, got ${v} at row ${Math.floor(k / outputs)} (from 0)`);
  });
}

/** Throws NonFiniteError for a mean that is no number, or a variance that is none or below 0. */
export function expectMoments(mean: Matrix, variance: Matrix, latents: number): void {
  expectShape(mean, "the latent mean", undefined, latents);
  const { cols } = variance;
  expectShape(variance, "the latent variance", mean.rows, cols === latents ** 2 ? cols : latents);
  if (!mean.data.every(Number.isFinite)) throw new NonFiniteError("a latent mean is not finite");
  if (!variance.data.every(Number.isFinite)) throw new NonFiniteError("a latent variance is not finite");
}

/** Variances of each latent alone, from those or from joint blocks. */
export function ownVariances(variance: Matrix, latents: number): Matrix {
  if (variance.cols === latents) return variance;
  const data = new Float64Array(variance.rows * latents);
  for (let i = 0; i < variance.rows; i++) {
    for (let a = 0; a < latents; a++) {
      data[i * latents + a] = variance.data[i * latents * latents + a * (latents + 1)]!;
    }
  }
  return { rows: variance.rows, cols: latents, data };
}
