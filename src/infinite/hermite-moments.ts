import { UsageError } from "../errors/index.ts";
import type { Layer } from "../networks/index.ts";
import type { PairMoments } from "./dual-activation.ts";
import { hermiteCoefficients, type Series, series, termsNeeded } from "./hermite.ts";

/**
 * The moments of any activation by its Hermite series, between the given variances of rows and columns: q is the i-th of
 * the first and r the j-th of the second. Derivatives are left at 0 where they are not wanted.
 */
export function hermiteMoments(
  layer: Layer,
  rows: Float64Array,
  cols: Float64Array,
  withDerivatives: boolean,
): PairMoments {
  const phi = (x: Float64Array): Float64Array => {
    const { data } = layer.forward({}, { shape: [x.length, 1], data: x }).y;
    if (!data.every(Number.isFinite)) {
      throw new UsageError(
        `${layer.definition.kind} is not finite on all numbers: it has no moments, and so no infinite-width limit`,
      );
    }
    return data as Float64Array;
  };
  const a = hermiteCoefficients(phi, rows);
  const b = rows === cols ? a : hermiteCoefficients(phi, cols);
  const count = termsNeeded(a.values, b.values);
  const [whole, byQ, byR]: Series[] = [0, 1, 2].map(() => ({ value: 0, first: 0, second: 0 }));
  return (p, q, r, out, i, j) => {
    const scale = Math.sqrt(q * r);
    const rho = scale > 0 ? Math.max(-1, Math.min(1, p / scale)) : 0;
    series(a.values, i, b.values, j, rho, whole!, count);
    out.value = whole!.value;
    out.slope = scale > 0 ? whole!.first / scale : 0;
    out.slopeP = scale > 0 ? whole!.second / (q * r) : 0;
    if (!withDerivatives || !(scale > 0)) return;
    series(a.slopes, i, b.values, j, rho, byQ!, count);
    series(a.values, i, b.slopes, j, rho, byR!, count);
    const { first, second } = whole!;
    // ρ = p/√(qr) falls with q at fixed p: ∂ρ/∂q = −ρ/2q.
    out.valueQ = byQ!.value - (rho * first) / (2 * q);
    out.valueR = byR!.value - (rho * first) / (2 * r);
    out.slopeQ = (byQ!.first - (rho * second) / (2 * q)) / scale - out.slope / (2 * q);
    out.slopeR = (byR!.first - (rho * second) / (2 * r)) / scale - out.slope / (2 * r);
  };
}
