/** What the host calls. Strides are in bytes; every routine runs in all threads of a job at once. */
import { gemm, scale } from "./gemm";

export { arc_cosine } from "./arc-cosine";
export { potrf } from "./cholesky";
export { syevd } from "./eigen";
export { elementwise_f32, elementwise_f64 } from "./elementwise";
export {
  col2im_f32,
  col2im_f64,
  convolve_f32,
  convolve_f64,
  convolve_pullback_images_f32,
  convolve_pullback_images_f64,
  convolve_pullback_weights_f32,
  convolve_pullback_weights_f64,
  im2col_f32,
  im2col_f64,
  max_pool_f32,
  max_pool_f64,
  picked_pullback_images_f32,
  picked_pullback_images_f64,
  picked_pullback_weights_f32,
  picked_pullback_weights_f64,
  sum_pool_f32,
  sum_pool_f64,
  unfold_f32,
  unfold_f64,
} from "./images";
export { potri } from "./inverse";
export { kernel_block, kernel_multiply, pack_points, sum_parts } from "./kernel";
export { await_job, barrier, begin, configure, post } from "./parallel";
export { qr } from "./qr";
export { kernel_slopes } from "./slopes";
export { solve_columns } from "./solve";
export { trsm } from "./triangular";
export { cholesky_update } from "./update";
export { wide_block } from "./wide";

/** C ← alpha A B + beta C; with `lower`, on the tiles that meet the lower triangle. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function general<T>(
  m: i32,
  n: i32,
  k: i32,
  alpha: T,
  a: usize,
  ars: isize,
  acs: isize,
  b: usize,
  brs: isize,
  bcs: isize,
  beta: T,
  c: usize,
  cs: isize,
  lower: bool,
): void {
  const fresh = beta == <T>0 && k > 0;
  if (!fresh && beta != <T>1) scale<T>(m, n, beta, c, cs, lower);
  gemm<T>(m, n, k, alpha, a, ars, acs, b, brs, bcs, fresh, c, cs, lower);
}

export function gemm_f64(
  m: i32,
  n: i32,
  k: i32,
  alpha: f64,
  a: usize,
  ars: isize,
  acs: isize,
  b: usize,
  brs: isize,
  bcs: isize,
  beta: f64,
  c: usize,
  cs: isize,
  lower: bool,
): void {
  general<f64>(m, n, k, alpha, a, ars, acs, b, brs, bcs, beta, c, cs, lower);
}

export function gemm_f32(
  m: i32,
  n: i32,
  k: i32,
  alpha: f32,
  a: usize,
  ars: isize,
  acs: isize,
  b: usize,
  brs: isize,
  bcs: isize,
  beta: f32,
  c: usize,
  cs: isize,
  lower: bool,
): void {
  general<f32>(m, n, k, alpha, a, ars, acs, b, brs, bcs, beta, c, cs, lower);
}
