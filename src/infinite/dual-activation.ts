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

/** Fills in the moments of one pair; `i` and `j` say which of the variances that it was made for q and r are. */
export type PairMoments = (p: number, q: number, r: number, out: Moments, i: number, j: number) => void;

export function blankMoments(): Moments {
  return { value: 0, valueQ: 0, valueR: 0, slope: 0, slopeP: 0, slopeQ: 0, slopeR: 0 };
}

/** Quarter-plane moments: E[relu u · relu v] and P(u > 0, v > 0) (Cho & Saul 2009). */
function rectified(p: number, q: number, r: number, out: Moments): void {
  const scale = Math.sqrt(q * r);
  const cos = scale > 0 ? Math.max(-1, Math.min(1, p / scale)) : 0;
  const sin = Math.sqrt((1 - cos) * (1 + cos));
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

/** A function `below` · x under 0 and `above` · x over it, as bend · relu x + below · x. */
export interface PieceLinear {
  readonly below: number;
  readonly above: number;
}

/**
 * Rectifier, leaky rectifier, absolute value: E[φφ] = (above − below)² E[relu relu] + above · below · p, since
 * E[u relu v] = p / 2.
 */
export function pieceLinear({ below, above }: PieceLinear): PairMoments {
  const bend = (above - below) ** 2;
  const straight = above * below;
  return (p, q, r, out) => {
    rectified(p, q, r, out);
    out.value = bend * out.value + straight * p;
    out.slope = bend * out.slope + straight;
    out.valueQ *= bend;
    out.valueR *= bend;
    out.slopeP *= bend;
    out.slopeQ *= bend;
    out.slopeR *= bend;
  };
}

/** erf (Williams 1998). */
export const errorFunction: PairMoments = (p, q, r, out) => {
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
export function wave(kind: "sin" | "cos"): PairMoments {
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
export const exponential: PairMoments = (p, q, r, out) => {
  const value = Math.exp((q + r) / 2 + p);
  out.value = value;
  out.slope = value;
  out.slopeP = value;
  out.valueQ = value / 2;
  out.valueR = value / 2;
  out.slopeQ = value / 2;
  out.slopeR = value / 2;
};

/** x Φ(x), by parts of Gaussians: with D = 1 + q, E = 1 + r and S = D E − p², E[Φ(u) Φ(v)] = ¼ + asin(p/√(DE)) / 2π. */
export const gaussianUnit: PairMoments = (p, q, r, out) => {
  const [d, e] = [1 + q, 1 + r];
  const s = d * e - p * p;
  const density = 1 / (2 * Math.PI * Math.sqrt(s));
  const both = 0.25 + Math.asin(p / Math.sqrt(d * e)) / (2 * Math.PI);
  const c = 1 / d + 1 / e - 1;
  const a = q * r + p * p * c;
  const [aQ, aR] = [r - (p / d) ** 2, q - (p / e) ** 2];
  out.value = p * both + a * density;
  out.slope = both + density * p * (1 + 2 * c + a / s);
  out.slopeP = density * (2 + 2 * c + (p * p * (1 + 4 * c) + a) / s + (3 * a * p * p) / (s * s));
  out.valueQ = density * (aQ - (p * p) / (2 * d) - (a * e) / (2 * s));
  out.valueR = density * (aR - (p * p) / (2 * e) - (a * d) / (2 * s));
  const moved = (1 + 2 * c) / s + (3 * a) / (s * s);
  out.slopeQ = density * p * (aQ / s - 1 / (2 * d) - 2 / (d * d) - (e * moved) / 2);
  out.slopeR = density * p * (aR / s - 1 / (2 * e) - 2 / (e * e) - (d * moved) / 2);
};
