import erfcinv from "@stdlib/math-base-special-erfcinv";

/**
 * z with Φ(z) = p, the standard normal's quantile, accurate in both tails; ±∞ at 0 and 1, NaN outside. Plain
 * arithmetic, so every platform gives the same digits.
 */
export function normalQuantile(p: number): number {
  return -Math.SQRT2 * erfcinv(2 * p);
}
