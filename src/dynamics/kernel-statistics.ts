import { ShapeError } from "../errors/index.ts";
import { dot, eigh, type Matrix, multiply, reshape, subtract } from "../linalg/index.ts";

/** A tangent kernel's Gram matrix in numbers. */
export interface KernelStatistics {
  /** Frobenius norm. */
  readonly norm: number;
  /** Eigenvalues, largest first. */
  readonly spectrum: Float64Array;
  /** exp of the entropy of the eigenvalues as shares of their sum (Roy & Vetterli 2007): from 1 to the order. */
  readonly effectiveRank: number;
  /** yᵀ K y / (‖K‖ ‖y‖²) with the targets y (Cristianini et al. 2001): 1 where K is y yᵀ. */
  readonly alignment: number;
}

/** Statistics of a Gram matrix of n examples, with targets (n × outputs) of the same n·outputs values. */
export function kernelStatistics(gram: Matrix, targets: Matrix): KernelStatistics {
  if (gram.rows !== gram.cols || gram.rows !== targets.data.length) {
    throw new ShapeError(
      `a kernel of ${targets.data.length} values should be that many rows square, got ${gram.rows} × ${gram.cols}`,
    );
  }
  const spectrum = eigh(gram).values.slice().reverse();
  const norm = frobenius(gram);
  const y = reshape(targets, targets.data.length, 1);
  const along = dot(y.data, multiply(gram, y).data);
  return {
    norm,
    spectrum,
    effectiveRank: effectiveRank(spectrum),
    alignment: along / (norm * dot(y.data, y.data)),
  };
}

/** ‖K − K₀‖ / ‖K₀‖: 0 for a kernel machine, which learns with the kernel it started with. */
export function kernelMovement(before: Matrix, after: Matrix): number {
  return frobenius(subtract(after, before)) / frobenius(before);
}

/** 1 − ⟨K, K₀⟩ / (‖K‖ ‖K₀‖): how far the kernel turned, whatever its size. */
export function kernelTurn(before: Matrix, after: Matrix): number {
  return 1 - dot(before.data, after.data) / (frobenius(before) * frobenius(after));
}

export function frobenius({ data }: Matrix): number {
  return Math.sqrt(dot(data, data));
}

function effectiveRank(spectrum: Float64Array): number {
  // Rounding leaves eigenvalues of a semi-definite matrix a little below 0.
  const shares = spectrum.map((v) => Math.max(0, v));
  const total = shares.reduce((sum, v) => sum + v, 0);
  return Math.exp(shares.reduce((sum, v) => (v > 0 ? sum - (v / total) * Math.log(v / total) : sum), 0));
}
