import { matern32, matern52, periodic, product } from "../../src/kernels/index.ts";
import { matrix } from "../../src/linalg/index.ts";
import { conditionByStateSpace, gp, zeroMean } from "../../src/processes/index.ts";
import { seriesEvidence } from "../../src/processes/state-space/index.ts";
import { key, normal, split, uniform } from "../../src/random/index.ts";
import { atMost, type Check, type Group, reported } from "./check.ts";

const noise = 0.09;

function data(n: number, length: number) {
  const x = matrix(
    n,
    1,
    uniform(key(1), n)
      .map((v) => length * v)
      .sort(),
  );
  const e = normal(split(key(1), "noise"), n);
  return {
    x,
    y: matrix(
      n,
      1,
      x.data.map((v, i) => Math.sin(v) + 0.3 * e[i]!),
    ),
  };
}

const largest = (a: Float64Array, b: Float64Array) =>
  a.reduce((m, v, i) => Math.max(m, Math.abs(v - b[i]!)), 0);

/** State-space inference against exact inference, and how long a million points take. */
export const series: Group = {
  title: "Functions of one input: state-space inference equals the exact answer, and a million points",
  run() {
    const checks: Check[] = [];
    for (const [name, kernel] of [
      ["Matérn 3/2", matern32()],
      ["Matérn 5/2", matern52()],
      ["Matérn 3/2 × periodic", product(matern32({ lengthscale: 30 }), periodic({ period: 6.3 }))],
    ] as const) {
      const { x, y } = data(2000, 100);
      const prior = gp(kernel, { inputs: 1 });
      const given = { x, y, noiseVariance: noise };
      const [exact, own] = [prior.condition(given), conditionByStateSpace(prior, given)];
      const z = matrix(
        200,
        1,
        Float64Array.from({ length: 200 }, (_, i) => i / 2),
      );
      checks.push(
        atMost(
          `${name}, n = 2,000: log evidence, relative difference`,
          Math.abs(own.logEvidence / exact.logEvidence - 1),
          1e-8,
          12,
        ),
        atMost(
          `${name}: largest difference of means`,
          largest(own.at(z).mean.data, exact.at(z).mean.data),
          1e-8,
          12,
        ),
        atMost(
          `${name}: largest difference of variances`,
          largest(own.at(z).variance.data, exact.at(z).variance.data),
          1e-8,
          12,
        ),
      );
    }
    const { x, y } = data(1_000_000, 1e4);
    for (const [name, kernel] of [
      ["Matérn 3/2", matern32()],
      ["Matérn 5/2", matern52()],
    ] as const) {
      const timed = (work: () => void) => {
        const start = performance.now();
        work();
        return (performance.now() - start) / 1000;
      };
      const once = { value: Float64Array.of(noise), support: "positive" } as const;
      const slopes = timed(() => void seriesEvidence({ kernel, mean: zeroMean(1), noise: once }, x, y));
      const points = matrix(
        1000,
        1,
        uniform(key(2), 1000).map((v) => 1e4 * v),
      );
      const predicting = timed(() => {
        const posterior = conditionByStateSpace(gp(kernel, { inputs: 1 }), { x, y, noiseVariance: noise });
        return void posterior.at(points).variance;
      });
      checks.push(
        reported(`${name}, n = 1,000,000: evidence with its gradient`, `${slopes.toFixed(1)} s`),
        reported(`${name}, n = 1,000,000: conditioning and 1,000 predictions`, `${predicting.toFixed(1)} s`),
      );
    }
    return checks;
  },
};
