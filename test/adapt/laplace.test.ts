import { describe, expect, it } from "vitest";
import { diagonalCovariance } from "../../src/adapt/diagonal-covariance.ts";
import { type Features, featuresOf } from "../../src/adapt/features.ts";
import { evidenceOfMode } from "../../src/adapt/function-mode.ts";
import { conditionClassifier } from "../../src/adapt/index.ts";
import { kroneckerCovariance } from "../../src/adapt/kronecker-covariance.ts";
import { classLikelihood, gaussianLikelihood, type Likelihood } from "../../src/adapt/likelihoods.ts";
import { lowRankCovariance } from "../../src/adapt/low-rank-covariance.ts";
import { fullCovariance, type WeightCovariance } from "../../src/adapt/weight-covariance.ts";
import { weightProcess } from "../../src/adapt/weight-process.ts";
import { positive } from "../../src/kernels/index.ts";
import type { Matrix } from "../../src/linalg/index.ts";
import { dense, type Network, network, networkOf } from "../../src/networks/index.ts";
import type { BlockRoot } from "../../src/processes/latent/index.ts";
import { key } from "../../src/random/index.ts";
import { tangentKernel } from "../../src/tangent/index.ts";
import { expectClose, golden, rows } from "../support/golden.ts";
import { goldenNetwork } from "../support/networks.ts";

const g = golden("laplace");

type Make = (features: Features, x: Matrix, root: BlockRoot) => WeightCovariance;
const structures: readonly [structure: string, layers: "all" | "last", make: Make][] = [
  ["full", "all", fullCovariance],
  ["diag", "all", diagonalCovariance],
  ["kron", "all", kroneckerCovariance],
  ["last_layer", "last", fullCovariance],
  // Of full rank, the low-rank form is exact.
  ["full", "all", (features, x, root) => lowRankCovariance(features, x, root, 1000, key(1))],
];

describe.each(["regression", "classification"] as const)("posteriors equal laplace-torch's: %s", (task) => {
  const c = g[task];
  const [x, z] = [rows(c.x), rows(c.z)];
  const outputs = c.layers[1].bias.length;
  const net: Network = goldenNetwork({ widths: [2, 6, outputs], activation: "tanh", layers: c.layers });
  const noise = new Float64Array(12 * outputs).fill(c.sigma ** 2);
  const likelihood: Likelihood =
    task === "regression" ? gaussianLikelihood(rows(c.y), noise) : classLikelihood(c.y, outputs);
  const f = net.at(x);

  it.each(structures)("%s, weights of %s layers", (structure, layers, make) => {
    const expected = c.structures[structure];
    const kernel = tangentKernel(net, { layers }).with({ scale: positive("scale", 1 / c.precision) });
    const features = featuresOf(kernel);
    const covariance = make(features, x, { blocks: likelihood.root(f), outputs });
    expect(covariance.logDeterminant).toBeCloseTo(expected.log_det_ratio, 8);
    const evidence = likelihood.logDensity(f) - 0.5 * covariance.logDeterminant;
    expect(evidence).toBeCloseTo(expected.log_marginal_likelihood, 8);
    const process = weightProcess(features, net, new Float64Array(features.count), covariance);
    const { mean, covariance: blocks } = process.blocks(z);
    expectClose(mean.data, expected.predictive_mean.flat(), 1e-10);
    expectClose(blocks.data, expected.predictive_covariance.flat(2), 1e-9);
    expectClose(
      process.at(z).variance.data,
      blocks.data.filter((_, k) => k % outputs === Math.floor(k / outputs) % outputs),
      1e-12,
    );
  });
});

it("a logistic regression's posterior equals scikit-learn's Gaussian process classifier", () => {
  const c = g.binary;
  const x = rows(c.x);
  const start = network({ inputShape: [2], layers: [dense(1)], precision: "f64" });
  // Weights of zero: the mean is 0, and the kernel s (1 + x·x′).
  const zero = start.weights.map((record) =>
    Object.fromEntries(
      Object.entries(record).map(([name, t]) => [name, { ...t, data: new Float64Array(t.data.length) }]),
    ),
  );
  const net = networkOf(start, zero);
  const evidence = evidenceOfMode(
    tangentKernel(net, { scales: "layer" }).shares(x),
    net.at(x),
    classLikelihood(c.labels, 1),
  );
  const { value, scaleGradient } = evidence(Float64Array.of(c.scale), 1);
  // scikit-learn ends its Newton steps when the value moves by less than 1e-10: its mode is right to about 1e-5.
  expect(value).toBeCloseTo(c.log_marginal_likelihood, 8);
  expect(scaleGradient[0]! * c.scale).toBeCloseTo(c.gradient_log_scale, 4);
  const kernel = tangentKernel(net).with({ scale: positive("scale", c.scale) });
  for (const space of ["function", "weight"] as const) {
    const at = conditionClassifier(kernel, { x, labels: c.labels }, { space }).process.at(rows(c.z));
    expectClose(at.mean.data, c.latent_mean, 1e-4);
    expectClose(at.variance.data, c.latent_variance, 1e-4);
  }
});
