import { rbf } from "../../src/kernels/index.ts";
import { fit } from "../../src/processes/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { uci as load } from "../support/uci.ts";
import { between, type Check, type Group, reported } from "./check.ts";

const splits = [0, 1, 2];

/** Test RMSE in the data's own units, averaged over the splits; bands about those of an exact GP by JAX on all ten. */
const bands = { energy: [0.38, 0.52], concrete: [4.4, 5.5], housing: [2.5, 3.3] } as const;

/** Exact Gaussian processes on UCI data. */
export const uci: Group = {
  title: "Exact Gaussian processes: UCI regression, ARD RBF by marginal likelihood, three splits each",
  run() {
    const checks: Check[] = [];
    for (const [name, [low, high]] of Object.entries(bands)) {
      let [error, density, seconds] = [0, 0, 0];
      for (const split of splits) {
        const data = load(name, split);
        if (!data) return "skipped: ../shared/data/uci is absent";
        const start = performance.now();
        const found = runSync(fit(rbf({ ard: data.train.x.cols }), data.train, { starts: 1 }));
        seconds += (performance.now() - start) / 1000 / splits.length;
        const at = found.process.observed(data.test.x);
        const { length } = data.test.y.data;
        let square = 0;
        for (let i = 0; i < length; i++) square += (at.mean.data[i]! - data.test.y.data[i]!) ** 2 / length;
        error += (data.unit * Math.sqrt(square)) / splits.length;
        const logs = at.logDensities(data.test.y).data.reduce((sum, v) => sum + v / length, 0);
        density += (logs - Math.log(data.unit)) / splits.length;
      }
      checks.push(between(`${name}: test RMSE`, error, low, high, 2));
      checks.push(
        reported(
          `${name}: test log density, seconds a fit`,
          `${density.toFixed(2)}, ${seconds.toFixed(1)} s`,
        ),
      );
    }
    return checks;
  },
};
