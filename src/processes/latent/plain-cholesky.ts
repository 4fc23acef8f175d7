import { NotPositiveDefiniteError } from "../../errors/index.ts";
import { type Cholesky, cholesky, type Matrix } from "../../linalg/index.ts";

/** The factor of a matrix that is positive definite as it stands; undefined where it takes jitter. */
export function plainCholesky(a: Matrix): Cholesky | undefined {
  try {
    const factor = cholesky(a);
    return factor.report.jitter > 0 ? undefined : factor;
  } catch (error) {
    if (error instanceof NotPositiveDefiniteError) return undefined;
    throw error;
  }
}
