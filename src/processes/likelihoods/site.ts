import { logNormalBelow, normalHazard } from "./normal-tail.ts";

/** p(y | f) of one observation of one latent, as expectation propagation meets it. */
export interface Site {
  /**
   * p(y | f) = exp(logPeak − ½ precision (f − centre)²), where it is that: Gaussian observations, which need no
   * approximation.
   */
  readonly known?: { readonly logPeak: number; readonly centre: number; readonly precision: number };
  /** log Z = log ∫ p(y | f) N(f | mean, variance) df and how it moves with the mean. */
  tilted(mean: number, variance: number): Tilted;
}

export interface Tilted {
  /** log Z, in nats. */
  readonly value: number;
  /** ∂ log Z/∂mean. */
  readonly slope: number;
  /** −∂² log Z/∂mean², from 0 to 1/variance where log p is concave. */
  readonly curvature: number;
}

/** Of y = f + noise, `noise` its variance. */
export function gaussianSite(y: number, noise: number): Site {
  return {
    known: { logPeak: -0.5 * Math.log(2 * Math.PI * noise), centre: y, precision: 1 / noise },
    tilted(mean, variance) {
      const s = variance + noise;
      const r = y - mean;
      return { value: -0.5 * (Math.log(2 * Math.PI * s) + (r * r) / s), slope: r / s, curvature: 1 / s };
    },
  };
}

/** Of p = Φ(side (f − at)/width), side 1 or −1: a soft step (Rasmussen & Williams 2006, equations 3.82 and 3.83). */
export function stepSite(side: number, at = 0, width = 1): Site {
  return {
    tilted(mean, variance) {
      const scale = Math.sqrt(width * width + variance);
      const z = (side * (mean - at)) / scale;
      const h = normalHazard(z);
      return {
        value: logNormalBelow(z),
        slope: (side * h) / scale,
        curvature: (h * (z + h)) / (scale * scale),
      };
    },
  };
}
