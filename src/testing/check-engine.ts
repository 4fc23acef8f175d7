import type { Engine } from "../engine/engine.ts";
import { checkSyevd } from "./check-engine-eigen.ts";
import { checkElementwise } from "./check-engine-elementwise.ts";
import {
  checkCholeskyUpdate,
  checkFailingPivots,
  checkPotrf,
  checkPotri,
  checkQr,
  checkSolveAndInvert,
} from "./check-engine-factors.ts";
import { checkImages } from "./check-engine-images.ts";
import { checkArcCosine, checkKernels } from "./check-engine-kernels.ts";
import { checkNonFinite } from "./check-engine-non-finite.ts";
import { checkGemm, checkSyrk, checkTrsm } from "./check-engine-products.ts";
import { Checker } from "./check-engine-support.ts";
import { checkWide } from "./check-engine-wide.ts";

/**
 * The suite that every hand of the engine passes. Throws at the first violation.
 *
 * Tolerances. u is the unit roundoff (2⁻⁵³ or 2⁻²⁴). A sum of k products computed in any order, fused or not, errs
 * by at most k u Σ |aᵢ| |bᵢ| to first order (Higham, Accuracy and Stability, §3.1); the reference errs by as much,
 * and scaling and adding β C costs a few u more: hence 2 (k + 4) u times the same sum of magnitudes. Substitution
 * and Cholesky have small residuals of the same kind (§8.1, §10.1), whatever the condition of the matrix; an
 * inverse is compared in norm, with the condition number as factor (§14.3); eigenvalues and residuals of an
 * orthogonal reduction err by a modest multiple of n u ‖A‖ (Golub & Van Loan, §8.3).
 */
export function checkEngine(engine: Engine, reference: Engine): void {
  const check = new Checker(engine, reference);
  checkGemm(check);
  checkSyrk(check);
  checkTrsm(check);
  checkPotrf(check);
  checkFailingPivots(check);
  checkPotri(check);
  checkSolveAndInvert(check);
  checkSyevd(check);
  checkNonFinite(check);
  checkKernels(check);
  checkWide(check);
  checkQr(check);
  checkCholeskyUpdate(check);
  checkElementwise(check);
  checkImages(check);
  checkArcCosine(check);
}
