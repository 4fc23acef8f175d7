import type { Block } from "../engine/engine.ts";
import { type Checker, copyOf, nearlySingular, U64 } from "./check-engine-support.ts";

/** Symmetric matrices on which eigensolvers go wrong: clusters, gaps, zeros, tiny and huge scales. */
function symmetricMatrices(check: Checker): [string, number, Block][] {
  const build = (n: number, entry: (i: number, j: number) => number): Block => {
    const data = new Float64Array(n * n);
    for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) data[i * n + j] = data[j * n + i] = entry(i, j);
    return { data, offset: 0, stride: n };
  };
  return [
    ...[0, 1, 2, 3, 4, 5, 8, 25, 33, 50, 75, 130].map((n): [string, number, Block] => [
      "random",
      n,
      build(n, () => check.random()),
    ]),
    ["zero", 20, build(20, () => 0)],
    ["identity", 70, build(70, (i, j) => (i === j ? 1 : 0))],
    ["rank one", 80, build(80, () => 1)],
    ["diagonal", 40, build(40, (i, j) => (i === j ? Math.sin(i) : 0))],
    ["Wilkinson", 101, build(101, (i, j) => (i === j ? Math.abs(i - 50) : i - j === 1 ? 1 : 0))],
    ["two blocks", 66, build(66, (i, j) => (i < 33 === j < 33 ? 1 / (1 + i + j) : 0))],
    ["second difference", 120, build(120, (i, j) => (i === j ? 2 : i - j === 1 ? -1 : 0))],
    ["nearly singular", 90, nearlySingular(90, 1e-9)],
    ["huge", 12, build(12, () => 1e150 * check.random())],
    ["tiny", 12, build(12, () => 1e-150 * check.random())],
    ["graded", 60, build(60, (i, j) => 10 ** (-(i + j) / 6) * check.random())],
  ];
}

export function checkSyevd(check: Checker): void {
  for (const [kind, n, a] of symmetricMatrices(check)) {
    const what = `syevd ${kind} n=${n}`;
    const norm = Math.hypot(...a.data);
    const tolerance = 20 * (n + 4) * U64;
    const lowerOnly = copyOf(a);
    for (let i = 0; i < n; i++) lowerOnly.data.fill(Number.NaN, i * n + i + 1, (i + 1) * n); // must not be read
    const vectors = copyOf(lowerOnly);
    const values = new Float64Array(n);
    const alone = new Float64Array(n);
    if (check.engine.syevd(n, vectors, values, true) !== 0) check.fail(`${what}: did not converge`);
    if (check.engine.syevd(n, copyOf(lowerOnly), alone, false) !== 0)
      check.fail(`${what}: did not converge (values)`);
    const expected = new Float64Array(n);
    check.reference.syevd(n, copyOf(a), expected, false);
    for (let j = 0; j < n; j++) {
      if (j > 0 && values[j]! < values[j - 1]!) check.fail(`${what}: values are not ascending at ${j}`);
      for (const found of [values[j]!, alone[j]!]) {
        if (!(Math.abs(found - expected[j]!) <= tolerance * norm)) {
          check.fail(`${what}: eigenvalue ${j} is ${found}, expected ${expected[j]} ± ${tolerance * norm}`);
        }
      }
    }
    const v = { ...vectors, transposed: false };
    const product: Block = { data: new Float64Array(n * n), offset: 0, stride: n };
    check.reference.gemm(n, n, n, 1, { ...v, transposed: true }, v, 0, product);
    const residual: Block = { ...product, data: new Float64Array(n * n) };
    check.reference.gemm(n, n, n, 1, { ...a, transposed: false }, v, 0, residual);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const skew = Math.abs(product.data[i * n + j]! - (i === j ? 1 : 0));
        if (!(skew <= tolerance))
          check.fail(`${what}: (VᵀV − I)(${i}, ${j}) is ${skew}, allowed ${tolerance}`);
        const off = Math.abs(residual.data[i * n + j]! - values[j]! * vectors.data[i * n + j]!);
        if (!(off <= tolerance * norm)) check.fail(`${what}: (AV − VΛ)(${i}, ${j}) is ${off}`);
      }
    }
  }
}
