import { rbf } from "../../src/kernels/index.ts";
import {
  cholesky,
  dot,
  logDeterminant as logDeterminantOf,
  type Matrix,
  matrix,
  multiply,
  rowRange,
  solve,
  stochasticLogDeterminant,
} from "../../src/linalg/index.ts";
import { conditionSparsely, fit, gp } from "../../src/processes/index.ts";
import { kernelSystem, solveSystem } from "../../src/processes/iterative/system.ts";
import { key, normal, split, uniform } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { uci } from "../support/uci.ts";
import { atLeast, atMost, type Check, type Group, reported } from "./check.ts";

const root = key(8);

/** 2,000 points in the unit cube, lengthscale 0.3, noise variance 0.01: FACTS.md, check 8 (d). */
function cube(): readonly Check[] {
  const n = 2000;
  const x = matrix(n, 3, uniform(split(root, "x"), 3 * n));
  const kernel = rbf({ lengthscale: 0.3 });
  const noise = new Float64Array(n).fill(0.01);
  const covariance = kernel.gram(x);
  for (let i = 0; i < n; i++) covariance.data[i * (n + 1)]! += 0.01;
  const factor = cholesky(covariance);
  const b = matrix(n, 1, normal(split(root, "b"), n));
  const truth = solve(factor, b);
  const run = (rank: number) =>
    runSync(solveSystem(kernelSystem(kernel, x, noise, { rank, tolerance: 1e-6 }), b, "solve"));
  const [plain, helped] = [run(0), run(50)];
  const gap = (a: Matrix) => {
    const d = a.data.map((v, i) => v - truth.data[i]!);
    return Math.sqrt(dot(d, d) / dot(truth.data, truth.data));
  };
  const exact = logDeterminantOf(factor);
  const found = stochasticLogDeterminant((v) => multiply(covariance, v), n, { key: split(root, "probes") });
  return [
    atMost("conjugate gradients against Cholesky, relative", gap(helped.x), 1e-5, 7),
    atLeast("products saved by the preconditioner (rank 50)", plain.iterations / helped.iterations, 3, 2),
    reported("products without and with it", `${plain.iterations}, ${helped.iterations}`),
    atMost("log-determinant by 10 probes × 50 steps, relative", Math.abs(found.value / exact - 1), 0.01, 5),
  ];
}

/** The bound against the evidence, on 400 rows of kin40k. */
function bound(x: Matrix, y: Matrix): readonly Check[] {
  const prior = gp(rbf({ lengthscale: new Float64Array(8).fill(2) }), { inputs: 8 });
  const data = { x, y, noiseVariance: 0.05 };
  const exact = prior.condition(data);
  const whole = conditionSparsely(prior, data, { inducing: { ...x } });
  const at = x;
  const means = exact.at(at).mean.data;
  const apart = whole.at(at).mean.data.reduce((m, v, i) => Math.max(m, Math.abs(v - means[i]!)), 0);
  const above = [5, 20, 80, 200].map(
    (m) => conditionSparsely(prior, data, { inducing: m }).logEvidence - exact.logEvidence,
  );
  return [
    atMost("SGPR's bound less the evidence, largest of 4 sets", Math.max(...above), 0, 6),
    atMost(
      "with Z = X: bound and evidence apart (nats)",
      Math.abs(whole.logEvidence - exact.logEvidence),
      1e-6,
      9,
    ),
    atMost("with Z = X: means apart", apart, 1e-6, 9),
  ];
}

function kin40k(rows: number, limit: number, { train, test }: NonNullable<ReturnType<typeof uci>>): Check {
  const data = { x: rowRange(train.x, 0, rows), y: rowRange(train.y, 0, rows) };
  const { process } = runSync(fit(rbf({ ard: 8 }), data, { starts: 1, maxIterations: 60 }));
  const { mean } = process.at(test.x);
  const square = mean.data.reduce((sum, m, i) => sum + (m - test.y.data[i]!) ** 2, 0) / mean.rows;
  return atMost(`kin40k, ${rows} rows, exact: RMSE`, Math.sqrt(square), limit);
}

/** Acceptance check 8 of FACTS.md: inference for many rows against the exact answer. */
export const large: Group = {
  title: "Large data",
  run() {
    const set = uci("kin40k", 0);
    if (!set) return "skipped: ../shared/data/uci is not here";
    const some = rowRange(set.train.x, 0, 400);
    return [
      ...cube(),
      ...bound(some, rowRange(set.train.y, 0, 400)),
      kin40k(1000, 0.35, set),
      kin40k(2000, 0.26, set),
    ];
  },
};
