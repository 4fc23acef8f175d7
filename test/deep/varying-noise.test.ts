import { describe, expect, it } from "vitest";
import { compose } from "../../src/deep/compose.ts";
import { type DeepData, fitDeep } from "../../src/deep/fit-deep.ts";
import { gpLayer } from "../../src/deep/layer.ts";
import { rbf } from "../../src/kernels/index.ts";
import { columnVector, matrix } from "../../src/linalg/index.ts";
import { fit, likelihoods } from "../../src/processes/index.ts";
import { key, normal } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose } from "../support/golden.ts";

const n = 60;
const noise = normal(key(5), n);
const x = columnVector(Float64Array.from({ length: n }, (_, i) => -2 + (4 * (i + 0.5)) / n));
// A tenth of the noise on the left: sds 0.05 and 0.5.
const y = columnVector(x.data.map((v, i) => Math.sin(v) + (v < 0 ? 0.05 : 0.5) * noise[i]!));
const two = () => compose(gpLayer(rbf(), { mean: "identity" }), gpLayer(rbf()));
const fitted = (data: DeepData, more: object = {}) =>
  runSync(fitDeep(two(), data, { inducing: 10, steps: 200, seed: 1, ...more }));

describe("noise that is a function", () => {
  const found = fitted({ x, y });
  const places = columnVector([-1.5, 1.5]);

  it("is chosen where the bound says so, and constant noise where it does not", () => {
    expect(found.report.starts.map((s) => s.noise)).toEqual(["constant", "varying"]);
    expect(found.report.starts[1]!.bound).toBeGreaterThan(found.report.starts[0]!.bound + 10);
    expect(found.report.best).toBe(1);
    const even = columnVector(x.data.map((v, i) => Math.sin(v) + 0.2 * noise[i]!));
    const plain = fitted({ x, y: even });
    expect(plain.report.best).toBe(0);
    expect(plain.process.outputs).toBe(1);
  });

  it("is found: small on the left, large on the right", () => {
    const { variance: all } = found.process.observed(places);
    const { variance: own } = found.process.at(places);
    const sds = all.data.map((v, i) => Math.sqrt(v - own.data[i]!));
    expect(sds[0]!).toBeGreaterThan(0.03);
    expect(sds[0]!).toBeLessThan(0.1);
    expect(sds[1]!).toBeGreaterThan(0.35);
    expect(sds[1]!).toBeLessThan(0.8);
  });

  it("gives one function, in every form that agrees with the others", () => {
    const { process } = found;
    expect(process.outputs).toBe(1);
    expect(process.at(places).mean.cols).toBe(1);
    const seen = process.observed(places);
    const { mean, variance } = process.predictive(places) as { mean: typeof y; variance: typeof y };
    expectClose(seen.mean.data, mean.data, 1e-10);
    // Five nodes over the log noise beside its closed form.
    expectClose(seen.variance.data, variance.data, 1e-3);
    const target = columnVector([-1.1, 0.4]);
    const exact = process.logPredictive(places, target);
    expectClose(seen.logDensities(target).data, exact, 5e-3);
    // One point jointly: another estimate of the same density, from 400 draws.
    const one = columnVector([1.5]);
    const joint = process.observed(one, 400).logDensity(columnVector([0.4]));
    expect(Math.abs(joint - exact[1]!)).toBeLessThan(0.15);
    const [draw] = process.observed(places).sample(key(1), 1);
    expect(draw!.cols).toBe(1);
    // Functions drawn: their average is the mean, within five standard errors, and they have derivatives.
    const paths = process.sample(key(2), 200);
    const average = paths.reduce((sum, f) => sum + f.at(places).data[1]! / 200, 0);
    const error = 5 * Math.sqrt(process.at(places).variance.data[1]! * (1 / 200 + 1 / 100));
    expect(Math.abs(average - process.at(places).mean.data[1]!)).toBeLessThan(error);
    const slope = paths[0]!.pullbackInputs!(places, columnVector([1, 1])).data[0]!;
    const at = (by: number) => paths[0]!.at(columnVector([-1.5 + by])).data[0]!;
    expect(slope).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 5);
  });

  it("does not depend on the units of y", () => {
    const large = fitted({ x, y: { ...y, data: y.data.map((v) => 1000 * v) } }, { noise: "varying" });
    const small = fitted({ x, y }, { noise: "varying" });
    // Every density is a thousandth.
    expect(large.report.bound + n * Math.log(1000)).toBeCloseTo(small.report.bound, 3);
  });

  it("stays below the evidence where the noise is constant", () => {
    const even = columnVector(x.data.map((v, i) => Math.sin(v) + 0.2 * noise[i]!));
    const one = compose(gpLayer(rbf()));
    const options = { inducing: 15, steps: 300, noise: "varying" } as const;
    const { report } = runSync(fitDeep(one, { x, y: even }, options));
    const zero = { inputs: 1, outputs: 1, at: (p: typeof x) => matrix(p.rows, 1) };
    const exact = runSync(fit(rbf(), { x, y: even }, { mean: zero })).logEvidence;
    // The larger model may explain chance: by no more than a few nats, after what it pays for.
    expect(report.bound).toBeLessThan(exact + 3);
  });

  it("is refused where it has no meaning", () => {
    expect(() => fitted({ x, y }, { noise: "varying", likelihood: likelihoods.studentT() })).toThrow(
      /no likelihood is given/,
    );
    const several = compose(gpLayer(rbf(), { width: 2, inputs: 1 }));
    expect(() => runSync(fitDeep(several, { x, y: matrix(n, 2) }, { noise: "varying", steps: 1 }))).toThrow(
      /one output/,
    );
  });
});
