/**
 * What an activation does to Gaussians, pair by pair: for (u, v) of covariance p and variances q and r, the moments
 * E[φ(u) φ(v)] and E[φ′(u) φ′(v)] with their derivatives in p, q and r. The derivative of the first in p is the second
 * (Price 1958).
 */
export interface Moments {
  value: number;
  valueQ: number;
  valueR: number;
  slope: number;
  slopeP: number;
  slopeQ: number;
  slopeR: number;
}

/** Fills in the moments of one pair. */
export type ClosedForm = (p: number, q: number, r: number, out: Moments) => void;

/** Quarter-plane moments: E[relu u · relu v] and P(u > 0, v > 0) (Cho & Saul 2009). */
function rectified(p: number, q: number, r: number, out: Moments): void {
  const scale = Math.sqrt(q * r);
  const cos = scale > 0 ? Math.max(-1, Math.min(1, p / scale)) : 0;
  const sin = Math.sqrt(1 - cos * cos);
  const open = Math.PI - Math.acos(cos);
  out.value = (scale * sin + open * p) / (2 * Math.PI);
  out.slope = open / (2 * Math.PI);
  // Where the points coincide the angle stays 0 whatever the variances do.
  const moving = scale > 0 && sin > 0;
  out.valueQ = moving ? (sin * Math.sqrt(r / q)) / (4 * Math.PI) : 0;
  out.valueR = moving ? (sin * Math.sqrt(q / r)) / (4 * Math.PI) : 0;
  out.slopeP = moving ? 1 / (2 * Math.PI * sin * scale) : 0;
  out.slopeQ = moving ? -cos / (4 * Math.PI * q * sin) : 0;
  out.slopeR = moving ? -cos / (4 * Math.PI * r * sin) : 0;
}

/** x below 0 times `below`, above 0 times `above`: rectifier, leaky rectifier, absolute value. */
export function pieceLinear(below: number, above: number): ClosedForm {
  const [same, cross] = [below * below + above * above, 2 * below * above];
  const mirrored = blank();
  return (p, q, r, out) => {
    rectified(p, q, r, out);
    rectified(-p, q, r, mirrored);
    out.value = same * out.value - cross * mirrored.value;
    out.valueQ = same * out.valueQ - cross * mirrored.valueQ;
    out.valueR = same * out.valueR - cross * mirrored.valueR;
    out.slope = same * out.slope + cross * mirrored.slope;
    out.slopeP = same * out.slopeP - cross * mirrored.slopeP;
    out.slopeQ = same * out.slopeQ + cross * mirrored.slopeQ;
    out.slopeR = same * out.slopeR + cross * mirrored.slopeR;
  };
}

export function blank(): Moments {
  return { value: 0, valueQ: 0, valueR: 0, slope: 0, slopeP: 0, slopeQ: 0, slopeR: 0 };
}

/** erf (Williams 1998). */
export const errorFunction: ClosedForm = (p, q, r, out) => {
  const [a, b] = [1 + 2 * q, 1 + 2 * r];
  const rest = a * b - 4 * p * p;
  const c = (2 * p) / Math.sqrt(a * b);
  const steep = 2 / (Math.PI * Math.sqrt(rest / (a * b)));
  out.value = (2 / Math.PI) * Math.asin(c);
  out.valueQ = (-steep * c) / a;
  out.valueR = (-steep * c) / b;
  out.slope = 4 / (Math.PI * Math.sqrt(rest));
  out.slopeP = (out.slope * 4 * p) / rest;
  out.slopeQ = (-out.slope * b) / rest;
  out.slopeR = (-out.slope * a) / rest;
};

/** sin and cos: even and odd parts of e^(p − (q + r)/2). */
export function wave(kind: "sin" | "cos"): ClosedForm {
  return (p, q, r, out) => {
    const half = (q + r) / 2;
    const [up, down] = [Math.exp(p - half) / 2, Math.exp(-p - half) / 2];
    const [odd, even] = [up - down, up + down];
    out.value = kind === "sin" ? odd : even;
    out.slope = kind === "sin" ? even : odd;
    out.valueQ = -out.value / 2;
    out.valueR = out.valueQ;
    out.slopeP = out.value;
    out.slopeQ = -out.slope / 2;
    out.slopeR = out.slopeQ;
  };
}

/** e^x. */
export const exponential: ClosedForm = (p, q, r, out) => {
  const value = Math.exp((q + r) / 2 + p);
  out.value = value;
  out.slope = value;
  out.slopeP = value;
  out.valueQ = value / 2;
  out.valueR = value / 2;
  out.slopeQ = value / 2;
  out.slopeR = value / 2;
};
