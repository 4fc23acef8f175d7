import { describe, expect, it } from "vitest";
import {
  cholesky,
  conjugateGradients,
  eigh,
  gramOf,
  identity,
  lanczos,
  logDeterminant,
  matrix,
  multiply,
  pivotedCholesky,
  solve,
  stochasticLogDeterminant,
  subtract,
  topEigenpairs,
  transpose,
  tridiagonal,
} from "../../src/linalg/index.ts";
import { logQuadrature } from "../../src/linalg/log-determinant.ts";
import { key } from "../../src/random/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const n = 60;
const g = gramOf(randomMatrix(n, 30, "g"));
// Eigenvalues from 0.1 to about 100: condition 1,000.
const a = { ...g, data: g.data.map((v, i) => v + (i % (n + 1) === 0 ? 0.1 : 0)) };
const b = randomMatrix(n, 3, "b");
const product = (v: { rows: number; cols: number; data: Float64Array }) => multiply(a, v);

describe("conjugate gradients", () => {
  const exact = solve(cholesky(a), b);

  it("solves several right-hand sides as Cholesky does, and measures its residual", () => {
    const found = conjugateGradients(product, b, { tolerance: 1e-12 });
    expect(found.converged).toBe(true);
    // The error is the residual times the condition number.
    expectClose(found.x.data, exact.data, 1e-9);
    const gap = subtract(multiply(a, found.x), b).data;
    const size = (v: Float64Array, c: number) => Math.hypot(...v.filter((_, i) => i % 3 === c));
    found.residuals.forEach((r, c) => {
      expect(r).toBeCloseTo(size(gap, c) / size(b.data, c), 15);
    });
  });

  it("needs one iteration with the inverse as preconditioner, and fewer with a good one", () => {
    const factor = cholesky(a);
    const whole = conjugateGradients(product, b, { preconditioner: (r) => solve(factor, r) });
    expect(whole.iterations).toBeLessThanOrEqual(2);
    const plain = conjugateGradients(product, b);
    // Deflation of the 30 directions above 0.1 leaves one eigenvalue.
    const { values, vectors } = topEigenpairs(product, randomMatrix(n, 1, "start").data, 30);
    const deflated = conjugateGradients(product, b, {
      preconditioner(r) {
        const inside = multiply(vectors, r);
        for (let k = 0; k < inside.data.length; k++) {
          inside.data[k]! *= 0.1 / values[Math.floor(k / inside.cols)]! - 1;
        }
        const back = multiply(vectors, inside, { a: true });
        return { ...r, data: r.data.map((v, i) => v + back.data[i]!) };
      },
    });
    expectClose(deflated.x.data, exact.data, 1e-8);
    expect(deflated.iterations).toBeLessThan(plain.iterations / 3);
  });

  it("says by how much it missed its tolerance", () => {
    const short = conjugateGradients(product, b, { maxIterations: 3 });
    expect(short.iterations).toBe(3);
    expect(short.converged).toBe(false);
    expect(Math.max(...short.residuals)).toBeGreaterThan(1e-3);
  });

  it("starts where it is told, and leaves a zero right-hand side at zero", () => {
    expect(conjugateGradients(product, b, { start: exact, tolerance: 1e-9 }).iterations).toBe(0);
    const none = conjugateGradients(product, matrix(n, 2));
    expect([...none.x.data].every((v) => v === 0)).toBe(true);
    expect(none.converged).toBe(true);
  });
});

describe("Lanczos", () => {
  const start = randomMatrix(n, 1, "start").data;

  it("keeps an orthonormal basis in which A is tridiagonal", () => {
    const found = lanczos(product, start, 25);
    expectClose(gramOf(found.basis).data, identity(25).data, 1e-12);
    const projected = multiply(multiply(found.basis, a), transpose(found.basis));
    expectClose(projected.data, tridiagonal(found).data, 1e-10);
  });

  it("ends where the Krylov space does", () => {
    // Two distinct eigenvalues: two steps hold everything.
    const two = (v: { rows: number; cols: number; data: Float64Array }) => ({
      ...v,
      data: v.data.map((q, i) => (i < 20 ? 2 : 5) * q),
    });
    expect(lanczos(two, start, 10).diagonal.length).toBe(2);
  });

  it("finds the largest eigenpairs", () => {
    const { values, vectors } = topEigenpairs(product, start, 12);
    const whole = eigh(a);
    expectClose(values, whole.values.slice().reverse().slice(0, 12), 1e-10);
    const image = multiply(vectors, a);
    expectClose(
      image.data,
      vectors.data.map((v, k) => v * values[Math.floor(k / n)]!),
      1e-8,
    );
  });
});

describe("the tridiagonal matrices of conjugate gradients", () => {
  it("are Lanczos', with and without a preconditioner", () => {
    const start = randomMatrix(n, 1, "tridiagonal");
    const found = conjugateGradients(product, start, { tolerance: 1e-30, maxIterations: 12 });
    const known = lanczos(product, start.data, 12);
    expectClose(found.tridiagonals[0]!.diagonal, known.diagonal, 1e-10);
    expectClose(found.tridiagonals[0]!.beside, known.beside, 1e-10);
    // P = L Lᵀ diagonal: Lanczos' process of L⁻¹ A L⁻ᵀ from L⁻¹ b.
    const root = Float64Array.from({ length: n }, (_, i) => 1 + i / n);
    const scaled = (v: { rows: number; cols: number; data: Float64Array }) => ({
      ...v,
      data: v.data.map((q, i) => q / root[i]!),
    });
    const preconditioned = conjugateGradients(product, start, {
      preconditioner: (r) => scaled(scaled(r)),
      tolerance: 1e-30,
      maxIterations: 12,
    });
    const there = lanczos((v) => scaled(product(scaled(v))), scaled(start).data, 12);
    expectClose(preconditioned.tridiagonals[0]!.diagonal, there.diagonal, 1e-10);
    expectClose(preconditioned.tridiagonals[0]!.beside, there.beside, 1e-10);
  });
});

describe("the stochastic log determinant", () => {
  it("is the exact one where every direction is followed to its end", () => {
    // Orthonormal directions give the trace itself: Σ e_iᵀ log(A) e_i.
    const each = Array.from({ length: n }, (_, i) => {
      const unit = new Float64Array(n);
      unit[i] = 1;
      return logQuadrature(lanczos(product, unit, n));
    });
    expect(each.reduce((sum, v) => sum + v, 0)).toBeCloseTo(logDeterminant(cholesky(a)), 8);
  });

  it("is within its standard error, three times over, of the exact one", () => {
    const exact = logDeterminant(cholesky(a));
    const found = stochasticLogDeterminant(product, n, { probes: 40, key: key(1) });
    expect(Math.abs(found.value - exact)).toBeLessThan(3 * found.standardError);
    expect(found.standardError).toBeLessThan(0.1 * Math.abs(exact) + 5);
  });
});

describe("pivoted Cholesky", () => {
  const column = (i: number) => g.data.slice(i * n, (i + 1) * n);
  const diagonal = Float64Array.from({ length: n }, (_, i) => g.data[i * n + i]!);

  it("takes the point of the largest variance given those before it, and says what is left", () => {
    const { rows, pivots, left } = pivotedCholesky(diagonal, column, 7);
    expect(rows.rows).toBe(7);
    expect(pivots[0]).toBe(diagonal.indexOf(Math.max(...diagonal)));
    // Against the Schur complement, the direct way.
    const taken = Array.from(pivots);
    const block = matrix(7, 7);
    const beside = matrix(7, n);
    taken.forEach((i, k) => {
      beside.data.set(column(i), k * n);
      taken.forEach((j, q) => {
        block.data[k * 7 + q] = g.data[i * n + j]!;
      });
    });
    const explained = multiply(beside, solve(cholesky(block), beside), { a: true });
    expectClose(gramOf(rows, true).data, explained.data, 1e-9);
    expectClose(
      left,
      diagonal.map((v, i) => v - explained.data[i * n + i]!),
      1e-9,
    );
    const next = pivotedCholesky(diagonal, column, 8).pivots[7]!;
    expect(left[next]).toBe(Math.max(...left));
  });

  it("ends at the matrix' own rank, with the whole of it", () => {
    const { rows, pivots } = pivotedCholesky(diagonal, column, n);
    expect(rows.rows).toBe(30);
    expect(new Set(pivots).size).toBe(30);
    expectClose(gramOf(rows, true).data, g.data, 1e-11);
  });
});
