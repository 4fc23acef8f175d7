import type { Floats, Operand, Triangle } from "../engine/engine.ts";
import { at, type Checker, copyOf, dense, magnitudes, ORDERS, U32, U64 } from "./check-engine-support.ts";

const SHAPES: readonly (readonly [m: number, n: number, k: number])[] = [
  ...[0, 1, 2, 3, 5, 6, 7, 8, 13].flatMap((s) => [
    [s, 4, 5] as const,
    [5, s, 3] as const,
    [7, 9, s] as const,
  ]),
  ...([
    [1, 300, 2],
    [300, 1, 7],
    [49, 95, 97],
    [97, 193, 49],
    [100, 50, 257],
    [131, 70, 64],
    [24, 200, 300],
  ] as const),
];

/** Pairs (α, β). */
const FACTORS: readonly (readonly [number, number])[] = [
  [1, 0],
  [-0.5, 1],
  [2, -1.5],
  [0, 0.5],
];

export function checkGemm(check: Checker): void {
  for (const [of, u] of [
    [Float64Array, U64],
    [Float32Array, U32],
  ] as const) {
    for (const [m, n, k] of SHAPES) {
      for (const transposed of [0, 1, 2, 3]) {
        const [ta, tb] = [(transposed & 1) === 1, transposed > 1];
        const gap = (m + n + k) % 3;
        const a = { ...check.block<Floats>(of, ta ? k : m, ta ? m : k, gap), transposed: ta };
        const b = { ...check.block<Floats>(of, tb ? n : k, tb ? k : n, gap), transposed: tb };
        // Small shapes meet every pair of factors, large ones a different pair for each transposition.
        const factors = m * n * k < 1000 ? FACTORS : [FACTORS[transposed]!];
        for (const [alpha, beta] of factors) {
          const c = check.block<Floats>(of, m, n, gap);
          if (beta === 0 && c.data.length > 0) c.data[at(c, 0, 0)] = Number.NaN; // must not be read
          const expected = copyOf(c);
          const size = magnitudes(c);
          check.reference.gemm(m, n, k, alpha, a, b, beta, expected);
          const absolute = [magnitudes(a), magnitudes(b)] as const;
          check.reference.gemm(m, n, k, Math.abs(alpha), ...absolute, Math.abs(beta), size);
          check.engine.gemm(m, n, k, alpha, a, b, beta, c);
          const what = `gemm ${of.name} ${m}×${n}×${k}${ta ? " Aᵀ" : ""}${tb ? " Bᵀ" : ""} α=${alpha} β=${beta}`;
          check.close(what, m, n, c, expected, (i, j) => 2 * (k + 4) * u * size.data[at(size, i, j)]!);
        }
      }
    }
  }
}

export function checkSyrk(check: Checker): void {
  for (const n of ORDERS) {
    for (const k of [0, 1, 7, 100]) {
      for (const transposed of [false, true]) {
        const a = { ...check.block(Float64Array, transposed ? k : n, transposed ? n : k, k % 3), transposed };
        const beta = k === 7 ? 0 : 0.5;
        const c = check.block(Float64Array, n, n, n % 2);
        const expected = copyOf(c);
        const size = magnitudes(c);
        check.reference.syrk(n, k, -1.5, a, beta, expected);
        check.reference.syrk(n, k, 1.5, magnitudes(a), beta, size);
        check.engine.syrk(n, k, -1.5, a, beta, c);
        const bound = (i: number, j: number) => 2 * (k + 4) * U64 * size.data[at(size, i, j)]!;
        check.close(`syrk ${n}×${k}${transposed ? " Aᵀ" : ""} β=${beta}`, n, n, c, expected, bound, true);
      }
    }
  }
}

export function checkTrsm(check: Checker): void {
  for (const order of ORDERS) {
    for (const others of order < 30 ? [0, 1, 3, 4, 26] : [27]) {
      for (let variant = 0; variant < 8; variant++) {
        const side = variant & 1 ? "left" : "right";
        const [lower, transposed] = [(variant & 2) > 0, (variant & 4) > 0];
        const stored = check.block(Float64Array, order, order, order % 3);
        for (let i = 0; i < order; i++) {
          for (let j = 0; j < order; j++) {
            const p = at(stored, i, j);
            if (i === j) stored.data[p] = 1.5 + stored.data[p]! / 2;
            else if (j > i === lower)
              stored.data[p] = Number.NaN; // must not be read
            else stored.data[p]! /= Math.max(1, order / 8);
          }
        }
        const t: Triangle = { ...stored, lower, transposed };
        const [m, n] = side === "left" ? [order, others] : [others, order];
        const b = check.block(Float64Array, m, n, others % 3);
        const x = copyOf(b);
        check.engine.trsm(side, m, n, t, x);
        // op(T) X (or X op(T)) gives B back, with the residual of substitution.
        const full = { ...dense(order, stored, lower), transposed };
        const solution = { ...x, transposed: false };
        const back = copyOf(x);
        const size = magnitudes(x);
        const pair = <O>(first: O, second: O) =>
          side === "left" ? ([first, second] as const) : ([second, first] as const);
        check.reference.gemm(m, n, order, 1, ...pair<Operand>(full, solution), 0, back);
        check.reference.gemm(
          m,
          n,
          order,
          1,
          ...pair<Operand>(magnitudes(full), magnitudes(solution)),
          0,
          size,
        );
        for (let p = 0; p < x.data.length; p++) {
          const inside = p >= b.offset && (p - b.offset) % b.stride < n && (p - b.offset) / b.stride < m;
          if (!inside) back.data[p] = x.data[p]!;
        }
        const what = `trsm ${side} ${lower ? "lower" : "upper"}${transposed ? " transposed" : ""} ${m}×${n}`;
        check.close(what, m, n, back, b, (i, j) => 4 * (order + 4) * U64 * size.data[at(size, i, j)]!);
      }
    }
  }
}
