import erf from "@stdlib/math-base-special-erf";

/** A function of a normal variable's mean and standard deviation, with its derivatives in both. */
export interface Score {
  readonly value: number;
  readonly byMean: number;
  readonly byDeviation: number;
}

/**
 * E[max(best − f, 0)] for f ~ N(mean, deviation²), in the units of f: how far below `best` f is expected to come
 * (Jones, Schonlau & Welch 1998, equation 15).
 */
export function expectedImprovement(mean: number, deviation: number, best: number): Score {
  if (!(deviation > 0)) {
    return { value: Math.max(0, best - mean), byMean: best > mean ? -1 : 0, byDeviation: 0 };
  }
  const z = (best - mean) / deviation;
  const { density, below, improvement } = standard(z);
  return { value: deviation * improvement, byMean: -below, byDeviation: density };
}

/**
 * The logarithm of the expected improvement, which keeps its slope where the improvement itself is too small for a
 * number (Ament et al. 2023). −∞ where nothing can be gained.
 */
export function logExpectedImprovement(mean: number, deviation: number, best: number): Score {
  if (!(deviation > 0)) {
    const gain = best - mean;
    return gain > 0
      ? { value: Math.log(gain), byMean: -1 / gain, byDeviation: 0 }
      : { value: -Infinity, byMean: 0, byDeviation: 0 };
  }
  const z = (best - mean) / deviation;
  if (z >= -1) {
    const { density, below, improvement } = standard(z);
    return {
      value: Math.log(deviation * improvement),
      byMean: -below / (deviation * improvement),
      byDeviation: density / (deviation * improvement),
    };
  }
  // With t = −z: φ + zΦ = φ(t) c / (t + c), Φ(−t) = φ(t) / (t + c).
  const t = -z;
  const c = millsTail(t);
  const logDensity = -0.5 * (t * t + Math.log(2 * Math.PI));
  return {
    value: Math.log(deviation) + logDensity + Math.log(c / (t + c)),
    byMean: -1 / (c * deviation),
    byDeviation: (t + c) / (c * deviation),
  };
}

/** φ(z), Φ(z) and φ(z) + z Φ(z), each to full relative precision. */
function standard(z: number) {
  const density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
  if (z >= -1) {
    const below = 0.5 * (1 + erf(z / Math.SQRT2));
    return { density, below, improvement: density + z * below };
  }
  const c = millsTail(-z);
  return { density, below: density / (c - z), improvement: (density * c) / (c - z) };
}

/**
 * c = 1/(t + 2/(t + 3/(t + …))), with which Mills' ratio (1 − Φ(t))/φ(t) is 1/(t + c) (Abramowitz & Stegun 26.2.14);
 * for t ≥ 1, by as many terms as 1e-16 takes.
 */
function millsTail(t: number): number {
  let c = 0;
  for (let n = 20 + Math.ceil(170 / (t * t)); n >= 1; n--) c = n / (t + c);
  return c;
}
