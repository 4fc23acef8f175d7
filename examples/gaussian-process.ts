import { columnVector, fit, key, rbf, runSync, zeroMean } from "funspace";

const x = columnVector([-2, -1.4, -0.5, 0.3, 0.9, 1.8]);
const y = columnVector(Array.from(x.data, (v) => Math.sin(2 * v)));

// Hyperparameters by marginal likelihood, then p(f | data).
const { process: posterior } = runSync(fit(rbf(), { x, y }, { mean: zeroMean(1) }));

const at = posterior.at(columnVector([0, 3]));
console.log(`f(0) = ${at.mean.data[0]!.toFixed(2)} ± ${at.standardDeviation.data[0]!.toFixed(2)} (truth 0)`);
console.log(
  `f(3) = ${at.mean.data[1]!.toFixed(2)} ± ${at.standardDeviation.data[1]!.toFixed(2)} (truth −0.28)`,
);
console.log(`leave-one-out log density: ${posterior.leaveOneOut().logDensity.toFixed(2)} nats`);

const [path] = posterior.sample(key(0), 1);
console.log(`one function through the data: f(0) = ${path!.at(columnVector([0])).data[0]!.toFixed(2)}`);
