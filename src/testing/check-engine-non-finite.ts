import type { Floats, Triangle } from "../engine/engine.ts";
import { type Checker, copyOf } from "./check-engine-support.ts";

/** NaN and infinity reach every result that depends on them: nothing turns back into a number. */
export function checkNonFinite(check: Checker): void {
  for (const poison of [Number.NaN, Number.POSITIVE_INFINITY]) {
    for (const of of [Float64Array, Float32Array]) {
      const [m, n, k] = [29, 33, 21];
      const a = { ...check.block<Floats>(of, m, k), transposed: false };
      const b = { ...check.block<Floats>(of, k, n), transposed: false };
      a.data[5 * k + 7] = poison;
      b.data[3 * n + 30] = poison;
      const c = check.block<Floats>(of, m, n);
      const expected = copyOf(c);
      check.engine.gemm(m, n, k, 1, a, b, 0, c);
      check.reference.gemm(m, n, k, 1, a, b, 0, expected);
      for (let p = 0; p < m * n; p++) {
        if (Number.isFinite(c.data[p]) !== Number.isFinite(expected.data[p])) {
          check.fail(`gemm with ${poison}: element ${p} is ${c.data[p]}, expected ${expected.data[p]}`);
        }
      }
    }
    const order = 60;
    const t: Triangle = { ...check.covariance(order), lower: true, transposed: false };
    const b = check.block(Float64Array, order, 9);
    b.data[20 * 9 + 4] = poison;
    const expected = copyOf(b);
    check.reference.trsm("left", order, 9, t, expected);
    check.engine.trsm("left", order, 9, t, b);
    for (let p = 0; p < order * 9; p++) {
      const spread = !Number.isFinite(expected.data[p]);
      // An engine may lose more of the same right-hand side, never less, and never of another one.
      if (spread && Number.isFinite(b.data[p]))
        check.fail(`trsm with ${poison}: element ${p} is ${b.data[p]}`);
      if (p % 9 !== 4 && !Number.isFinite(b.data[p]))
        check.fail(`trsm with ${poison}: spoilt column ${p % 9}`);
    }
  }
  const a = check.covariance(40);
  a.data[33 * 40 + 12] = Number.NaN;
  const values = new Float64Array(40);
  if (check.engine.syevd(40, a, values, true) === 0 && values.every(Number.isFinite)) {
    check.fail("syevd made numbers of a matrix that holds NaN");
  }
}
