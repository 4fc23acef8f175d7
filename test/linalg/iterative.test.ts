import { describe, expect, it } from "vitest";
import {
  cholesky,
  conjugateGradients,
  eigh,
  gramOf,
  identity,
  lanczos,
  matrix,
  multiply,
  solve,
  subtract,
  topEigenpairs,
  transpose,
  tridiagonal,
} from "../../src/linalg/index.ts";
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
