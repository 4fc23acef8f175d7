import { describe, expect, it } from "vitest";
import { NonFiniteError, NotPositiveDefiniteError, ShapeError } from "../../src/errors/index.ts";
import {
  cholesky,
  eigh,
  fromRows,
  gramOf,
  halfSolve,
  halfSolveTransposed,
  identity,
  inverse,
  lbfgs,
  logDeterminant,
  matrix,
  multiply,
  solve,
  subtract,
  transpose,
} from "../../src/linalg/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

/** A well-conditioned covariance. */
function covariance(n: number) {
  const a = gramOf(randomMatrix(n, n + 3, n));
  for (let i = 0; i < n; i++) a.data[i * n + i]! += 1;
  return a;
}

describe("cholesky", () => {
  it.each([0, 1, 2, 7, 33])("factors, solves, inverts and takes the determinant, n = %i", (n) => {
    const a = covariance(n);
    const factor = cholesky(a);
    expect(factor.report.jitter).toBe(0);
    // Condition numbers here are below 1e3, so that 1e-12 leaves three digits above rounding.
    expectClose(multiply(factor.lower, factor.lower, { b: true }).data, a.data, 1e-12);
    const b = randomMatrix(n, 3, "b");
    expectClose(multiply(a, solve(factor, b)).data, b.data, 1e-12);
    expectClose(multiply(factor.lower, halfSolve(factor, b)).data, b.data, 1e-12);
    expectClose(multiply(factor.lower, halfSolveTransposed(factor, b), { a: true }).data, b.data, 1e-12);
    expectClose(multiply(inverse(factor), a).data, identity(n).data, 1e-12);
    const logs = eigh(a).values.reduce((sum, v) => sum + Math.log(v), 0);
    expect(logDeterminant(factor)).toBeCloseTo(logs, 10);
  });

  it("adds jitter only when needed, reports it, and gives up by name", () => {
    const v = randomMatrix(6, 1, "v");
    const singular = gramOf(v);
    const { report } = cholesky(singular);
    expect(report.jitter).toBeGreaterThan(0);
    expect(report.jitter).toBeLessThanOrEqual(1e-8);
    const indefinite = fromRows([
      [1, 2],
      [2, 1],
    ]);
    expect(() => cholesky(indefinite)).toThrow(NotPositiveDefiniteError);
    try {
      cholesky(indefinite);
    } catch (e) {
      expect(e).toMatchObject({ pivot: 1, jitterTried: 1e-4 });
    }
  });

  it("refuses NaN and infinity, and matrices that are not square", () => {
    expect(() => cholesky(fromRows([[Number.NaN]]))).toThrow(NonFiniteError);
    expect(() =>
      cholesky(
        fromRows([
          [1, 0],
          [Number.NaN, 1],
        ]),
      ),
    ).toThrow(NonFiniteError);
    expect(() => cholesky(matrix(2, 3))).toThrow(ShapeError);
  });
});

describe("eigh", () => {
  it.each([0, 1, 2, 9, 40])("gives orthonormal vectors and ascending values, n = %i", (n) => {
    const a = covariance(n);
    const { values, vectors } = eigh(a);
    expect([...values]).toEqual([...values].sort((x, y) => x - y));
    expectClose(multiply(vectors, vectors, { a: true }).data, identity(n).data, 1e-12);
    const scaled = { ...vectors, data: vectors.data.map((v, i) => v * values[i % n]!) };
    expectClose(multiply(scaled, vectors, { b: true }).data, a.data, 1e-12);
  });
});

describe("products", () => {
  it("transpose either factor", () => {
    const a = randomMatrix(3, 5, "a");
    const b = randomMatrix(5, 4, "b");
    const plain = multiply(a, b);
    expectClose(multiply(transpose(a), b, { a: true }).data, plain.data, 1e-15);
    expectClose(multiply(a, transpose(b), { b: true }).data, plain.data, 1e-15);
    expect(() => multiply(a, a)).toThrow("inner sizes differ");
    expect(() => subtract(a, b)).toThrow(ShapeError);
  });
});

describe("lbfgs", () => {
  it("finds the minimum of Rosenbrock's valley", () => {
    const found = lbfgs(
      (x) => {
        const [a, b] = [x[0]!, x[1]!];
        return {
          value: (1 - a) ** 2 + 100 * (b - a * a) ** 2,
          gradient: Float64Array.of(-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)),
        };
      },
      Float64Array.of(-1.2, 1),
      { gradientTolerance: 1e-9 },
    );
    expect(found.converged).toBe(true);
    expectClose(found.x, [1, 1], 1e-8);
    expect(found.iterations).toBeLessThan(60);
  });

  it("finds the minimum of a badly scaled quadratic, and keeps inside a domain", () => {
    const scales = [1, 1e2, 1e4];
    const found = lbfgs(
      (x) => ({
        value: x[0]! > 4 ? Infinity : x.reduce((s, v, i) => s + 0.5 * scales[i]! * (v - 3) ** 2, 0),
        gradient: x.map((v, i) => scales[i]! * (v - 3)),
      }),
      new Float64Array(3),
    );
    expectClose(found.x, [3, 3, 3], 1e-5);
  });
});
