import erf from "@stdlib/math-base-special-erf";

const halfLogTwoPi = 0.5 * Math.log(2 * Math.PI);

/** log φ(z) of the standard normal. */
export function logNormalDensity(z: number): number {
  return -0.5 * z * z - halfLogTwoPi;
}

/** Φ(z), to full relative precision in the lower tail too. */
export function normalBelow(z: number): number {
  return z > -2 ? 0.5 * (1 + erf(z / Math.SQRT2)) : Math.exp(logNormalDensity(z)) * mills(-z);
}

/** log Φ(z), for any z. */
export function logNormalBelow(z: number): number {
  if (z > -2) return z > 5 ? Math.log1p(-normalBelow(-z)) : Math.log(normalBelow(z));
  return logNormalDensity(z) + Math.log(mills(-z));
}

/** φ(z)/Φ(z), the derivative of log Φ(z), for any z. */
export function normalHazard(z: number): number {
  return z > -2 ? Math.exp(logNormalDensity(z)) / normalBelow(z) : 1 / mills(-z);
}

/**
 * Mills' ratio (1 − Φ(t))/φ(t) = 1/(t + 1/(t + 2/(t + …))) for t ≥ 2 (Abramowitz & Stegun 26.2.14), by as many terms as
 * 1e-16 takes.
 */
function mills(t: number): number {
  let tail = 0;
  for (let n = 20 + Math.ceil(170 / (t * t)); n >= 1; n--) tail = n / (t + tail);
  return 1 / (t + tail);
}
