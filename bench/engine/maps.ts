import type { Block, Points } from "../../src/engine/engine.ts";
import { useEngine } from "../../src/engine/index.ts";
import { rbf } from "../../src/kernels/index.ts";
import { columnVector, matrix } from "../../src/linalg/index.ts";
import { logEvidence } from "../../src/processes/index.ts";
import { covariance, int, letter, random, type Work } from "./work.ts";

const points = (n: number, d: number): Points => ({
  data: random(Float64Array, n * d),
  offset: 0,
  stride: d,
  count: n,
  dims: d,
});

const gram = (name: "rbf" | "matern52", n: number, d: number): Work => ({
  workload: `${name} gram`,
  size: `${n}x${d}`,
  native: false,
  create() {
    const x = points(n, d);
    const k: Block = { data: new Float64Array(n * n), offset: 0, stride: n };
    return { ours: (e) => e.kernelMatrix({ name }, 1, x, undefined, k) };
  },
});

const multiply = (n: number, d: number, columns: number): Work => ({
  workload: "rbf K v",
  size: `${n}x${d}`,
  native: false,
  create() {
    const x = points(n, d);
    const v: Block = { data: random(Float64Array, n * columns), offset: 0, stride: columns };
    const out: Block = { ...v, data: new Float64Array(n * columns) };
    return { ours: (e) => e.kernelMultiply({ name: "rbf" }, 1, x, undefined, columns, v, out) };
  },
});

const elementwise = (name: "tanh" | "gelu", n: number): Work => ({
  workload: `${name} f32`,
  size: String(n),
  native: false,
  create() {
    const x = random(Float32Array, n);
    const y = new Float32Array(n);
    return { ours: (e) => e.elementwise(name, x, y) };
  },
});

/**
 * One value and gradient of the log marginal likelihood, ARD RBF, against the LAPACK calls in it alone: the
 * factorisation and the inverse from the factor.
 */
const likelihood = (n: number, d: number): Work => ({
  workload: "likelihood",
  size: `${n}x${d}`,
  native: true,
  create(library) {
    const x = matrix(n, d, random(Float64Array, n * d));
    const y = columnVector(random(Float64Array, n));
    const kernel = rbf({ lengthscale: new Float64Array(d).fill(1), variance: 1 });
    const s = covariance(library, n);
    const a = new Float64Array(n * n);
    const U = letter("U");
    return {
      reset: () => a.set(s),
      ours: (e) => {
        useEngine(e);
        const { gradient } = logEvidence(kernel, 0.1, x, y);
        if (!gradient.every(Number.isFinite)) throw new Error("The gradient is not finite.");
      },
      raw: () => {
        library.potrf(U, int(n), a, int(n), int(0));
        library.potri(U, int(n), a, int(n), int(0));
      },
    };
  },
});

export const maps: readonly Work[] = [
  ...[2000, 5000].flatMap((n) => [8, 32].flatMap((d) => [gram("rbf", n, d), gram("matern52", n, d)])),
  multiply(20000, 8, 8),
  elementwise("tanh", 1e6),
  elementwise("gelu", 1e6),
  ...[500, 2000, 5000].map((n) => likelihood(n, 8)),
];
