import { eigh, type Matrix, matrix, multiply } from "../linalg/index.ts";

/**
 * Nodes of the quadrature and terms of the series. More nodes would overflow: the squared polynomials at the outermost
 * are near 1e295. Functions with poles converge slowest, where a point meets itself: tanh at variance 6 is good to 1e-8.
 */
const nodes = 340;
const terms = 240;

interface Basis {
  /** Gauss–Hermite nodes of the standard normal. */
  readonly z: Float64Array;
  /** nodes × terms: the weight of each node times the normalised Hermite polynomials h_j there. */
  readonly weighted: Matrix;
}

let basis: Basis | undefined;

/**
 * Nodes are the eigenvalues of the Jacobi matrix (Golub & Welsch 1969). Weights are 1/Σ_j h_j(z)²: from eigenvectors the
 * far ones, below 1e-32, would be rounding, where h_j is large.
 */
function hermiteBasis(): Basis {
  if (basis) return basis;
  const jacobi = matrix(nodes, nodes);
  for (let j = 1; j < nodes; j++) {
    jacobi.data[j * nodes + j - 1] = Math.sqrt(j);
    jacobi.data[(j - 1) * nodes + j] = Math.sqrt(j);
  }
  const z = eigh(jacobi).values;
  const weighted = matrix(nodes, terms);
  const polynomials = new Float64Array(nodes);
  for (let k = 0; k < nodes; k++) {
    let [before, now, squares] = [0, 1, 0];
    for (let j = 0; j < nodes; j++) {
      polynomials[j] = now;
      squares += now * now;
      [before, now] = [now, (z[k]! * now - Math.sqrt(j) * before) / Math.sqrt(j + 1)];
    }
    for (let j = 0; j < terms; j++) weighted.data[k * terms + j] = polynomials[j]! / squares;
  }
  basis = { z, weighted };
  return basis;
}

/**
 * The Hermite coefficients c_j(v) = E[φ(√v z) h_j(z)] of a function at variances v (n × terms), with their derivatives
 * in v: E[φ(u) φ(w)] = Σ_j c_j(q) c_j(r) ρ^j (Mehler 1866), and 2v c_j′ = j c_j + √((j + 1)(j + 2)) c_{j+2}, by parts.
 */
export function hermiteCoefficients(
  phi: (x: Float64Array) => Float64Array,
  variances: Float64Array,
): { readonly values: Matrix; readonly slopes: Matrix } {
  const { z, weighted } = hermiteBasis();
  const n = variances.length;
  const places = new Float64Array(n * nodes);
  for (let i = 0, k = 0; i < n; i++) {
    const root = Math.sqrt(variances[i]!);
    for (let t = 0; t < nodes; t++, k++) places[k] = root * z[t]!;
  }
  const values = multiply(matrix(n, nodes, phi(places)), weighted);
  const slopes = matrix(n, terms);
  for (let i = 0, k = 0; i < n; i++) {
    const twice = 2 * variances[i]!;
    for (let j = 0; j < terms; j++, k++) {
      const ahead = j + 2 < terms ? Math.sqrt((j + 1) * (j + 2)) * values.data[k + 2]! : 0;
      slopes.data[k] = twice > 0 ? (j * values.data[k]! + ahead) / twice : 0;
    }
  }
  return { values, slopes };
}

/** Sums over the series of one pair, ρ the correlation. */
export interface Series {
  /** Σ a_j b_j ρ^j. */
  value: number;
  /** Σ j a_j b_j ρ^(j−1). */
  first: number;
  /** Σ j (j − 1) a_j b_j ρ^(j−2). */
  second: number;
}

/**
 * How many terms of the products of two sides' coefficients count, in the value and two derivatives: the rest is less
 * than rounding, even at a correlation of 1.
 */
export function termsNeeded(a: Matrix, b: Matrix): number {
  const largest = (of: Matrix): Float64Array => {
    const out = new Float64Array(terms);
    for (let k = 0; k < of.data.length; k++)
      out[k % terms] = Math.max(out[k % terms]!, Math.abs(of.data[k]!));
    return out;
  };
  const [left, right] = [largest(a), a === b ? undefined : largest(b)];
  const sizes = left.map((v, j) => j * j * v * (right ?? left)[j]!);
  const enough = 1e-17 * Math.max(...sizes);
  let count = terms;
  for (let tail = 0; count > 3; count--) {
    tail += sizes[count - 1]!;
    if (tail > enough) break;
  }
  return count;
}

/** The first `count` terms of the series of rows i of `a` and j of `b`, by Horner's rule. */
export function series(
  a: Matrix,
  i: number,
  b: Matrix,
  j: number,
  rho: number,
  out: Series,
  count: number,
): void {
  let [value, first, second] = [0, 0, 0];
  const [from, other] = [i * terms, j * terms];
  for (let t = count - 1; t >= 2; t--) {
    const c = a.data[from + t]! * b.data[other + t]!;
    value = value * rho + c;
    first = first * rho + t * c;
    second = second * rho + t * (t - 1) * c;
  }
  const c = a.data[from + 1]! * b.data[other + 1]!;
  out.value = (value * rho + c) * rho + a.data[from]! * b.data[other]!;
  out.first = first * rho + c;
  out.second = second;
}
