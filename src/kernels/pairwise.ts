import { engine, type KernelMap, type KernelSlopes, type Points } from "../engine/index.ts";
import { block, borrow, type LowerBar, type Matrix, matrix } from "../linalg/index.ts";

/** size · f(‖a_i − b_j‖²) for all pairs, f the engine's map; b is a when left out. */
export function pairwise(map: KernelMap, size: number, a: Matrix, b?: Matrix): Matrix {
  const out = matrix(a.rows, (b ?? a).rows);
  engine().kernelMatrix(map, size, points(a), b && points(b), block(out));
  return out;
}

/** The lower triangle of `pairwise` of a with itself, in borrowed memory; whatever was there above it. */
export function pairwiseLower(map: KernelMap, size: number, a: Matrix): Matrix {
  const out = matrix(a.rows, a.rows, borrow(a.rows ** 2));
  engine().kernelMatrix(map, size, points(a), undefined, block(out), "lower");
  return out;
}

/** The product of `pairwise` and v, without the matrix. */
export function pairwiseMultiply(
  map: KernelMap,
  size: number,
  a: Matrix,
  b: Matrix | undefined,
  v: Matrix,
): Matrix {
  const out = matrix(a.rows, v.cols);
  engine().kernelMultiply(map, size, points(a), b && points(b), v.cols, block(v), block(out));
  return out;
}

/** The derivatives of ⟨bar, pairwise⟩. */
export interface PairwisePullback {
  /** In `size`. */
  readonly size: number;
  /** In the map's own α. */
  readonly alpha: number;
  /** In the points, n × d and m × d; with b left out, `a` holds both sides' and `b` is absent. */
  readonly a: Matrix;
  readonly b: Matrix | undefined;
}

/** The pull-back of `pairwise`; bar is symmetric when b is left out. */
export function pairwisePullback(
  map: KernelMap,
  size: number,
  a: Matrix,
  b: Matrix | undefined,
  bar: Matrix,
): PairwisePullback {
  const slopes = engine().kernelPullback(map, size, points(a), b && points(b), block(bar));
  return {
    size: slopes.amplitude,
    alpha: slopes.alpha,
    a: matrix(a.rows, a.cols, slopes.x),
    b: b && slopes.z && matrix(b.rows, b.cols, slopes.z),
  };
}

/** What the pull-back of `pairwise` of a with itself says of all but the points. */
export function pairwiseSlopes(map: KernelMap, size: number, a: Matrix, bar: LowerBar): KernelSlopes {
  const { matrix: lower, scale, vector } = bar;
  return engine().kernelSlopes(map, size, points(a), { ...block(lower), scale, vector });
}

function points(a: Matrix): Points {
  return { ...block(a), count: a.rows, dims: a.cols };
}
