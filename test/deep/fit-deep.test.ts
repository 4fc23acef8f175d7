import { describe, expect, it } from "vitest";
import type { DeepCheckpoint } from "../../src/deep/checkpoint.ts";
import { compose } from "../../src/deep/compose.ts";
import { deepPosterior } from "../../src/deep/deep-posterior.ts";
import { deepReport } from "../../src/deep/deep-report.ts";
import { type DeepData, type FitDeepOptions, fitDeep } from "../../src/deep/fit-deep.ts";
import { type GpLayer, gpLayer } from "../../src/deep/layer.ts";
import { movement } from "../../src/deep/monitor.ts";
import { deepStack } from "../../src/deep/stack.ts";
import { startDeep } from "../../src/deep/start.ts";
import { constant, rbf, toVector } from "../../src/kernels/index.ts";
import { columnVector, matrix } from "../../src/linalg/index.ts";
import { dense, network, tanh } from "../../src/networks/index.ts";
import { fit, gp, likelihoods } from "../../src/processes/index.ts";
import { key, normal } from "../../src/random/index.ts";
import { tangentKernel } from "../../src/tangent/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { randomMatrix } from "../support/random.ts";

const n = 40;
const x = columnVector(Float64Array.from({ length: n }, (_, i) => (i + 0.5) / n));
const noise = normal(key(2), n);
const y = columnVector(x.data.map((v, i) => (v > 0.5 ? 1 : 0) + 0.02 * noise[i]!));
const two = () => compose(gpLayer(rbf(), { mean: "identity" }), gpLayer(rbf()));
const options: FitDeepOptions = { inducing: 10, steps: 60, seed: 3 };
const constantNoise = { noise: "constant" } as const;
const fitted = (data: DeepData, more: FitDeepOptions = {}) =>
  runSync(fitDeep(two(), data, { ...options, ...(more.likelihood ? {} : constantNoise), ...more }));

describe("fitting a deep process", () => {
  it("raises the bound and stays below an exact evidence of one layer", () => {
    const single = compose(gpLayer(rbf()));
    const { report, model } = runSync(
      fitDeep(single, { x, y }, { ...options, ...constantNoise, steps: 300 }),
    );
    expect(report.starts[0]!.trace[0]!).toBeLessThan(report.bound - 50);
    const exact = runSync(
      fit(rbf(), { x, y }, { mean: { inputs: 1, outputs: 1, at: (p) => matrix(p.rows, 1) } }),
    );
    expect(report.bound).toBeLessThan(exact.logEvidence);
    expect(model.layers).toHaveLength(1);
  });

  it("goes on from a checkpoint to the very same numbers", () => {
    const checkpoints: DeepCheckpoint[] = [];
    const more = { starts: 2, batchSize: 16, checkpointEvery: 25, stopWhenStalled: false };
    const whole = fitted({ x, y }, { ...more, onCheckpoint: (c) => checkpoints.push(c) });
    expect(checkpoints.map(({ start, step }) => [start, step])).toEqual([
      [0, 25],
      [0, 50],
      [1, 25],
      [1, 50],
    ]);
    for (const checkpoint of [checkpoints[0]!, checkpoints[3]!]) {
      // Through structured cloning, as a file or a worker would keep it.
      const resumed = fitted({ x, y }, { ...more, resume: structuredClone(checkpoint) });
      expect(resumed.report.starts.map((s) => s.bound)).toEqual(whole.report.starts.map((s) => s.bound));
      expect(resumed.process.at(x).mean.data).toEqual(whole.process.at(x).mean.data);
    }
  });

  it("takes natural steps of half where each sees all rows, of a tenth where some", () => {
    const trace = (more: FitDeepOptions) => fitted({ x, y }, { ...more, steps: 10 }).report.starts[0]!.trace;
    expect(trace({})).toEqual(trace({ naturalRate: 0.5 }));
    expect(trace({})).not.toEqual(trace({ naturalRate: 0.1 }));
    expect(trace({ batchSize: 16 })).toEqual(trace({ batchSize: 16, naturalRate: 0.1 }));
    const heavy = { likelihood: likelihoods.studentT() };
    expect(trace(heavy)).toEqual(trace({ ...heavy, naturalRate: 0.1 }));
  });

  it("fits the linear means of hidden layers, which start at the identity", () => {
    const { model } = runSync(fitDeep(deepStack(1), { x, y }, { ...options, ...constantNoise, steps: 20 }));
    const { mean } = model.layers[0] as GpLayer;
    expect(Math.abs(toVector(mean.parameters)[0]! - 1)).toBeGreaterThan(1e-3);
  });

  it("the same seed gives the same fit, another one another", () => {
    const [a, b, c] = [fitted({ x, y }), fitted({ x, y }), fitted({ x, y }, { seed: 4 })];
    expect(a.report.bound).toBe(b.report.bound);
    expect(c.report.bound).not.toBe(a.report.bound);
  });

  it("gives a process: moments, quantiles, joint densities and functions that agree", () => {
    const { process } = fitted({ x, y });
    const points = columnVector([0.1, 0.45, 0.55, 0.9]);
    const at = process.at(points, 200);
    const { mean, variance } = at;
    const paths = process.sample(key(9), 100).map((f) => f.at(points).data);
    const count = paths.length;
    for (let i = 0; i < 4; i++) {
      const average = paths.reduce((t, p) => t + p[i]! / count, 0);
      // Five standard errors of both, 3 % of a deviation for the paths' features.
      const error = Math.sqrt(variance.data[i]!) * (5 * Math.sqrt(1 / count + 1 / 200) + 0.03);
      expect(Math.abs(average - mean.data[i]!)).toBeLessThan(error);
      expect(at.quantile(0.1).data[i]!).toBeLessThan(at.quantile(0.9).data[i]!);
    }
    // At one point joint and single densities are two estimates of one thing.
    const one = process.at(columnVector([0.3]), 60).withNoise(0.01);
    const target = matrix(1, 1, Float64Array.of(0.02));
    expect(Math.abs(one.logDensity(target) - one.logDensities(target).data[0]!)).toBeLessThan(0.2);
    expect(process.observed(points).variance.data[0]!).toBeGreaterThan(process.at(points).variance.data[0]!);
    expect(process.layersAt(points).map((l) => l.mean.cols)).toEqual([1, 1]);
    // A drawn function has its derivatives.
    const [f] = process.sample(key(1), 1);
    const slope = f!.pullbackInputs!(points, { ...points, data: new Float64Array(4).fill(1) });
    const shifted = (by: number) => f!.at({ ...points, data: points.data.map((v) => v + by) }).data;
    const [up, down] = [shifted(1e-6), shifted(-1e-6)];
    slope.data.forEach((v, i) => {
      expect(Math.abs(v - (up[i]! - down[i]!) / 2e-6)).toBeLessThan(1e-4 * Math.max(1, Math.abs(v)));
    });
  });

  it("sees classes and counts through their likelihoods", () => {
    const labels = { ...y, data: y.data.map((v) => (v > 0.5 ? 1 : 0)) };
    const { process } = fitted({ x, y: labels }, { likelihood: likelihoods.bernoulli(), steps: 150 });
    const seen = process.predictive(x);
    expect(seen.kind).toBe("classes");
    const right = process.logPredictive(x, labels).reduce((t, v) => t + v / n, 0);
    expect(right).toBeGreaterThan(Math.log(0.8));
    expect(() => process.observed(x)).toThrow(/ask predictive/);
    expect(() => fitted({ x, y }, { likelihood: likelihoods.bernoulli() })).toThrow(/label|class/);
    expect(() => fitted({ x, y: labels }, { likelihood: likelihoods.softmax(3) })).toThrow(/3 latent/);
  });

  it("trains a network below a process with it", () => {
    const net = network({ inputShape: [1], layers: [dense(8), tanh(), dense(1)], seed: 0 });
    const found = runSync(fitDeep(compose(net, gp(rbf())), { x, y }, { ...options, steps: 200 }));
    const layer = found.model.layers[0]!;
    if (layer.kind !== "fn") throw new Error("the network is a function");
    const before = net.at(x).data;
    expect(Math.max(...layer.fn.at(x).data.map((v, i) => Math.abs(v - before[i]!)))).toBeGreaterThan(0.05);
    expect(found.report.bound).toBeGreaterThan(found.report.starts[0]!.trace[0]! + 20);
  });

  it("fits what lies above a network's tangent kernel, and its scale, together", () => {
    const net = network({ inputShape: [1], layers: [dense(6), tanh(), dense(1)], seed: 0, precision: "f64" });
    const deep = compose(gp(tangentKernel(net)), gp(rbf()));
    const found = runSync(fitDeep(deep, { x, y }, { ...options, steps: 100 }));
    const [first, second] = found.model.layers;
    if (first!.kind !== "gp" || second!.kind !== "gp") throw new Error("layers of processes");
    const started = deep.layers.map((layer) => (layer.kind === "gp" ? layer.kernel.parameters : {}));
    expect(first!.kernel.parameters).not.toEqual(started[0]);
    expect(second!.kernel.parameters).not.toEqual(started[1]);
    expect(found.report.bound).toBeGreaterThan(found.report.starts[0]!.trace[0]! + 10);
  });

  it("refuses what does not fit", () => {
    expect(() => fitted({ x: randomMatrix(4, 2, "wide"), y: randomMatrix(4, 1, "y") })).toThrow(/n × 1/);
    expect(() => fitted({ x, y: matrix(n, 1, new Float64Array(n).fill(Number.NaN)) })).toThrow();
    expect(() => fitted({ x, y }, { steps: 0 })).toThrow(/steps/);
  });
});

describe("watching a fit", () => {
  it("says when the estimates have stopped rising, and not before", () => {
    const rough = normal(key(5), 2000);
    const rising = Array.from(rough, (v, i) => v + 0.01 * i);
    expect(movement(rising)!.stalled).toBe(false);
    const level = rising.map((_, i) => rough[i]! + Math.min(10, 0.01 * i));
    expect(movement(level)!.stalled).toBe(true);
    expect(movement(rising.slice(0, 50))).toBeUndefined();
  });

  it("finds a collapsed layer", () => {
    const model = startDeep(two(), x, {
      inducing: 10,
      likelihood: likelihoods.gaussian(0.1),
      targets: y,
      index: 0,
      key: key(1),
    });
    const record = {
      noise: "constant" as const,
      bound: 0,
      error: 0,
      steps: 1,
      stalled: true,
      slower: 1,
      trace: [],
    };
    expect(deepReport(model, x, [record], 0).layers[0]!.collapsed).toBe(false);
    const [first, second] = model.layers;
    if (first!.kind !== "gp") throw new Error("a layer of processes");
    // A layer of a constant mean and a constant kernel says the same of every point.
    const zero = { ...first!, mean: compose(gpLayer(rbf())).layers[0]! };
    if (zero.mean.kind !== "gp") throw new Error("a layer of processes");
    const lost = { ...first!, kernel: constant(), mean: zero.mean.mean, roots: { ...first!.roots } };
    const report = deepReport({ ...model, layers: [lost, second!] }, x, [record], 0);
    expect(report.layers[0]!.collapsed).toBe(true);
    expect(report.warnings.join(" ")).toMatch(/layer 1 has collapsed/);
    expect(deepPosterior(model).outputs).toBe(1);
  });
});
