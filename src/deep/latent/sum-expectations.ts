import { perColumn, perValue } from "../../kernels/columns.ts";
import type { Gradient, Kernel } from "../../kernels/index.ts";
import { add, type Matrix, matrix, multiply } from "../../linalg/index.ts";
import type { ExpectationBars, Expectations, Latents } from "./latents.ts";
import { linearExpectations } from "./linear-expectations.ts";
import { rbfExpectations } from "./rbf-expectations.ts";
import { triangleSize } from "./triangle.ts";

/**
 * Of an RBF and a linear kernel added: ψ₀ and ψ₁ add up, and ψ₂ of (z, z′) has besides their own the cross terms
 * E[k_rbf(x, z) k_lin(x, z′)] and with z and z′ exchanged. Under the RBF's exponential x is Gaussian about
 * a + b z, a = μ / (1 + w s), b = w s / (1 + w s), so that the first is ψ₁(z) Σ_q v_q (a_q + b_q z_q) z′_q with the RBF's ψ₁.
 */
export function sumExpectations(
  [rbfName, rbf]: readonly [name: string, kernel: Kernel],
  [linearName, linear]: readonly [name: string, kernel: Kernel],
  latents: Latents,
  inducing: Matrix,
): Expectations {
  const smooth = rbfExpectations(rbf.parameters, latents, inducing);
  const plane = linearExpectations(linear.parameters, latents, inducing);
  const cross = crossTerms(smooth.psi1, rbf, linear, latents, inducing);
  const psi2 = add(add(smooth.psi2, plane.psi2), cross.value);
  const barsOfRbf = (bars: ExpectationBars, more: Matrix): ExpectationBars => ({
    ...bars,
    psi1: add(bars.psi1, more),
  });
  return {
    psi0: smooth.psi0.map((v, i) => v + plane.psi0[i]!),
    psi1: add(smooth.psi1, plane.psi1),
    psi2,
    pullLatents(bars) {
      const through = cross.pullRows(bars.psi2);
      return addLatents(
        addLatents(smooth.pullLatents(barsOfRbf(bars, through.psi1)), plane.pullLatents(bars)),
        through.latents,
      );
    },
    pullback(bars) {
      const through = cross.pullRows(bars.psi2);
      const columns = cross.pullColumns(through);
      const ofRbf = smooth.pullback(barsOfRbf(bars, through.psi1));
      const ofLinear = plane.pullback(bars);
      const count = rbf.parameters.lengthscale!.value.length;
      const lengths = perColumn("rbf", "lengthscale", rbf.parameters.lengthscale!.value, inducing.cols);
      const ofLengths = through.weight.map((v, c) => (-2 * v) / lengths[c]! ** 3);
      return {
        parameters: {
          ...named(rbfName, {
            ...ofRbf.parameters,
            lengthscale: plus(ofRbf.parameters.lengthscale!, perValue(ofLengths, count)),
          }),
          ...named(linearName, {
            variance: plus(
              ofLinear.parameters.variance!,
              perValue(columns.slope, linear.parameters.variance!.value.length),
            ),
          }),
        },
        latents: addLatents(addLatents(ofRbf.latents, ofLinear.latents), through.latents),
        inducing: add(add(ofRbf.inducing, ofLinear.inducing), columns.inducing),
      };
    },
  };
}

interface RowSlopes {
  /** In the RBF's ψ₁, n × m. */
  readonly psi1: Matrix;
  readonly latents: Latents;
  /** In w = 1 / lengthscale². */
  readonly weight: Float64Array;
  /** In v z (m × q), and in v z z′ of each pair (triangle × q). */
  readonly planes: Matrix;
  readonly products: Matrix;
}

/** p_i (A_j + B_ij) + p_j (A_i + B_ij) with p the RBF's ψ₁, A = a (v z)ᵀ and B = b (v z z′)ᵀ, a row the lower triangle. */
function crossTerms(p: Matrix, rbf: Kernel, linear: Kernel, { mean, variance }: Latents, inducing: Matrix) {
  const { rows: n, cols: q } = mean;
  const m = inducing.rows;
  const { lengthscale } = rbf.parameters;
  const w = perColumn("rbf", "lengthscale", lengthscale!.value, q).map((l) => 1 / (l * l));
  const v = perColumn("linear", "variance", linear.parameters.variance!.value, q);
  const planes = each(inducing, (z, c) => v[c]! * z);
  const products = matrix(triangleSize(m), q);
  forPairs(m, (t, i, j) => {
    for (let c = 0; c < q; c++) {
      products.data[t * q + c] = planes.data[i * q + c]! * inducing.data[j * q + c]!;
    }
  });
  const a = each(mean, (mu, c, k) => mu / (1 + w[c]! * variance.data[k]!));
  const b = each(variance, (s, c) => (w[c]! * s) / (1 + w[c]! * s));
  const ofPlane = multiply(a, planes, { b: true });
  const ofPair = multiply(b, products, { b: true });
  const size = ofPair.cols;
  const value = matrix(n, size);
  for (let r = 0; r < n; r++) {
    forPairs(m, (t, i, j) => {
      const [at, own, other] = [r * size + t, r * m + i, r * m + j];
      const pair = ofPair.data[at]!;
      value.data[at] =
        p.data[own]! * (ofPlane.data[other]! + pair) + p.data[other]! * (ofPlane.data[own]! + pair);
    });
  }
  return {
    value,
    pullRows(bar: Matrix): RowSlopes {
      const psi1 = matrix(n, m);
      const barPlane = matrix(n, m);
      const barPair = matrix(n, size);
      for (let r = 0; r < n; r++) {
        forPairs(m, (t, i, j) => {
          const [at, own, other] = [r * size + t, r * m + i, r * m + j];
          const [g, pair] = [bar.data[at]!, ofPair.data[at]!];
          psi1.data[own]! += g * (ofPlane.data[other]! + pair);
          psi1.data[other]! += g * (ofPlane.data[own]! + pair);
          barPlane.data[other]! += g * p.data[own]!;
          barPlane.data[own]! += g * p.data[other]!;
          barPair.data[at] = g * (p.data[own]! + p.data[other]!);
        });
      }
      const ofA = multiply(barPlane, planes);
      const ofB = multiply(barPair, products);
      const latents = { mean: matrix(n, q), variance: matrix(n, q) };
      const weight = new Float64Array(q);
      for (let k = 0; k < ofA.data.length; k++) {
        const c = k % q;
        const [mu, s] = [mean.data[k]!, variance.data[k]!];
        const wide = 1 + w[c]! * s;
        const both = (ofB.data[k]! - mu * ofA.data[k]!) / (wide * wide);
        latents.mean.data[k] = ofA.data[k]! / wide;
        latents.variance.data[k] = w[c]! * both;
        weight[c]! += s * both;
      }
      return {
        psi1,
        latents,
        weight,
        planes: multiply(barPlane, a, { a: true }),
        products: multiply(barPair, b, { a: true }),
      };
    },
    pullColumns({ planes: ofPlanes, products: ofProducts }: RowSlopes) {
      const slope = new Float64Array(q);
      const out = each(ofPlanes, (g, c) => g * v[c]!);
      for (let k = 0; k < ofPlanes.data.length; k++) slope[k % q]! += ofPlanes.data[k]! * inducing.data[k]!;
      forPairs(m, (t, i, j) => {
        for (let c = 0; c < q; c++) {
          const g = ofProducts.data[t * q + c]!;
          const [zi, zj] = [inducing.data[i * q + c]!, inducing.data[j * q + c]!];
          slope[c]! += g * zi * zj;
          out.data[i * q + c]! += g * v[c]! * zj;
          out.data[j * q + c]! += g * v[c]! * zi;
        }
      });
      return { slope, inducing: out };
    },
  };
}

/** The lower triangle, row by row: place t of the pair i ≥ j. */
function forPairs(m: number, visit: (t: number, i: number, j: number) => void): void {
  for (let i = 0, t = 0; i < m; i++) for (let j = 0; j <= i; j++, t++) visit(t, i, j);
}

function each(a: Matrix, of: (v: number, column: number, at: number) => number): Matrix {
  return { ...a, data: a.data.map((v, k) => of(v, k % a.cols, k)) };
}

function plus(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((v, i) => v + b[i]!);
}

function named(prefix: string, gradient: Gradient): Gradient {
  return Object.fromEntries(Object.entries(gradient).map(([name, slope]) => [`${prefix}.${name}`, slope]));
}

function addLatents(a: Latents, b: Latents): Latents {
  return { mean: add(a.mean, b.mean), variance: add(a.variance, b.variance) };
}
