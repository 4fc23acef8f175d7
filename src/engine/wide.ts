import type { Block } from "./engine.ts";

/** A sparse linear map: output o is Σ weights[e] · input sources[e], e from offsets[o] to offsets[o + 1]. */
export interface SparseMap {
  readonly outputs: number;
  readonly offsets: Int32Array;
  readonly sources: Int32Array;
  readonly weights: Float64Array;
}

/**
 * What one infinitely wide layer does with the covariances K of its values and the tangent kernel Θ so far. Both are
 * held of every state of a pair of points: their positions, or in full the pairs of positions (p, q), row-major.
 */
export type WideStep =
  /** K ← weight K + bias, then Θ ← K + weight Θ: a linear layer. */
  | { readonly name: "linear"; readonly weight: number; readonly bias: number }
  /**
   * K ← E[φφ], Θ ← Θ E[φ′φ′] for Gaussian pairs with covariance K, φ of slope `below` left of 0 and `above` right of it
   * (Cho & Saul 2009). The variances of rows and columns are positions × count; where one is 0 the angle is a right one.
   */
  | {
      readonly name: "bend";
      readonly below: number;
      readonly above: number;
      readonly full: boolean;
      readonly rowVariances: Float64Array;
      readonly colVariances: Float64Array;
    }
  /** The same sparse map of the states of K and of Θ: windows of a convolution, pools. */
  | { readonly name: "mix"; readonly map: SparseMap };

/** A chain of infinitely wide layers, which ends in one state. */
export interface WideChain {
  /** Of the input. */
  readonly positions: number;
  /** Whether it begins with all pairs of positions. */
  readonly full: boolean;
  readonly steps: readonly WideStep[];
}

/** Features of points at each position: positions × count × channels, contiguous. */
export interface WidePoints {
  readonly count: number;
  readonly channels: number;
  readonly data: Float64Array;
}

export interface WideRoutines {
  /**
   * The covariances (NNGP) and tangent kernels (NTK, where wanted) that a chain makes of K = x·z / channels and Θ = 0:
   * x.count × z.count, without z of x with itself, symmetric. Then a point's covariance with itself at a bend is its
   * variance there, so that its correlation is exactly 1.
   */
  wideKernels(
    chain: WideChain,
    x: WidePoints,
    z: WidePoints | undefined,
    nngp: Block,
    ntk: Block | undefined,
  ): void;
}
