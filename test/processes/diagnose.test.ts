import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors/index.ts";
import { bound, type Kernel, matern52, rbf } from "../../src/kernels/index.ts";
import { cholesky, columnVector, eigh, type Matrix, matrix } from "../../src/linalg/index.ts";
import { conditionEstimate } from "../../src/processes/diagnose/condition-estimate.ts";
import {
  constantMean,
  cure,
  type DiagnoseOptions,
  type Diagnosis,
  diagnose,
  type ExactPosterior,
  type Fit,
  type FitOptions,
  fit,
  gp,
  linearMean,
  treat,
} from "../../src/processes/index.ts";
import { key, normal, split, uniform } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { twoOutputs } from "../support/kernels.ts";

const seeds = [1, 2];
const normals = (seed: number, name: string, n: number) => normal(split(key(seed), name), n);
const uniforms = (seed: number, name: string, n: number) => uniform(split(key(seed), name), n);
const column = (values: ArrayLike<number>) => columnVector(Array.from(values));

/** 40 noisy values of a sine. */
function sine(seed: number): { x: Matrix; y: Matrix } {
  const x = column(uniforms(seed, "x", 40).map((v) => 10 * v));
  const errors = normals(seed, "errors", 40);
  return { x, y: column(x.data.map((v, i) => Math.sin(v) + 0.1 * errors[i]!)) };
}

/** 80 noisy values of a function of three columns, all of them of use. */
function surface(seed: number): { x: Matrix; y: Matrix } {
  const x = matrix(80, 3, uniforms(seed, "surface", 240));
  const errors = normals(seed, "surface errors", 80);
  const at = (i: number, c: number) => x.data[3 * i + c]!;
  const f = (i: number) => Math.sin(5 * at(i, 0)) + at(i, 1) ** 2 - at(i, 1) * at(i, 2);
  return { x, y: column(errors.map((e, i) => f(i) + 0.05 * e)) };
}

/** Three values at each of 15 places. */
function repeated(seed: number, f: (v: number, place: number) => number, noise: number) {
  const x = column(Array.from({ length: 45 }, (_, i) => 0.6 * (i % 15)));
  const errors = normals(seed, "repeats", 45);
  return { x, y: column(x.data.map((v, i) => f(v, i % 15) + noise * errors[i]!)) };
}

const fitted = (data: { x: Matrix; y: Matrix }, kernel: Kernel = rbf(), options: FitOptions = {}) =>
  runSync(fit(kernel, data, options));
const examined = (subject: Fit | ExactPosterior, options: DiagnoseOptions = {}): Diagnosis =>
  runSync(diagnose(subject, options));
const kinds = ({ findings }: Pick<Diagnosis, "findings">) => findings.map(({ kind }) => kind);

describe("healthy data get no finding", () => {
  it.each(seeds)("seed %i", (seed) => {
    const { x, y } = sine(seed);
    const errors = normals(seed, "errors", 40);
    const healthy: readonly [string, Fit][] = [
      ["a sine", fitted({ x, y })],
      ["three columns", fitted(surface(seed), rbf({ ard: 3 }))],
      ["a rougher kernel", fitted(surface(seed), matern52({ ard: 3 }))],
      [
        "units of a millionth, and thousands",
        fitted({
          x: column(x.data.map((v) => 1e-6 * v)),
          y: column(y.data.map((v) => 15000 + 4000 * v)),
        }),
      ],
      [
        "a trend with a linear mean",
        fitted({ x, y: column(x.data.map((v, i) => 3 * v + errors[i]!)) }, rbf(), { mean: linearMean(1) }),
      ],
      ["measurements repeated", fitted(repeated(seed, Math.sin, 0.1))],
    ];
    for (const [name, found] of healthy) expect([name, ...examined(found).findings]).toEqual([name]);
  });
});

/** The finding of this kind, and what treating it does. */
function treated(subject: Fit | ExactPosterior, kind: string, options: DiagnoseOptions = {}) {
  const found = examined(subject, options);
  const finding = found.findings.find((f) => f.kind === kind);
  expect(kinds(found)).toContain(kind);
  return { finding: finding!, ...runSync(treat(subject, finding!.remedy!)) };
}

describe("an illness is found, and its remedy helps", () => {
  it("outliers: the rows that were spoiled, and no others", () => {
    const { x, y } = sine(1);
    const spoiled = y.data.slice();
    spoiled[7]! += 4;
    spoiled[20]! -= 3;
    const { finding, before, after, helped } = treated(fitted({ x, y: column(spoiled) }), "outliers");
    expect([...finding.rows!].sort()).toEqual([20, 7]);
    expect(helped).toBe(true);
    expect(after.looRmse).toBeLessThan(0.7 * before.looRmse);
    expect(after.rows).toBe(38);
    // The noise that was there: an sd of 0.1, known to about an eighth from 38 rows.
    expect(after.noiseSd).toBeGreaterThan(0.07);
    expect(after.noiseSd).toBeLessThan(0.14);
  });

  it("parameters that do not suit the data's units", () => {
    const { x, y } = sine(1);
    const small = column(x.data.map((v) => 1e-4 * v));
    const unfitted = gp(rbf({ lengthscale: 1, variance: 1 }), { mean: constantMean(1, [0]) });
    const { finding, before, after } = treated(
      unfitted.condition({ x: small, y, noiseVariance: 0.1 }),
      "scale",
    );
    expect(finding.text).toMatch(/lengthscale = 1 is \d+\.?\d* times the data's typical distance/);
    expect(after.logEvidence - before.logEvidence).toBeCloseTo(finding.numbers.gain!, 1);
    expect(after.looRmse).toBeLessThan(0.2 * before.looRmse);
  });

  it("columns of unequal scale under one lengthscale", () => {
    const { x, y } = surface(1);
    const wide = { ...x, data: x.data.map((v, k) => (k % 3 === 1 ? 5000 * v : v)) };
    const options = { columns: ["ratio", "pounds", "share"] };
    const { finding, before, after } = treated(fitted({ x: wide, y }), "column-scales", options);
    expect(finding.text).toMatch(/beside pounds .* it cannot see ratio .*, share/);
    expect(after.looRmse).toBeLessThan(0.3 * before.looRmse);
  });

  it("rows copied, targets and all", () => {
    const { x, y } = sine(2);
    const [twice, values] = [x, y].map(({ data }) => column([...data, ...data.subarray(0, 15)]));
    const { finding, after } = treated(fitted({ x: twice!, y: values! }), "copied-rows");
    expect(finding.rows).toEqual(Array.from({ length: 15 }, (_, i) => 40 + i));
    expect(after.rows).toBe(40);
  });

  it("noise given too small for what repeats say", () => {
    const data = repeated(1, Math.sin, 0.1);
    const { finding, after } = treated(fitted(data, rbf(), { noiseVariance: 1e-6 }), "noise-below-repeats");
    // By hand: the sd about the means of the 15 places, 30 degrees of freedom.
    const pure = Math.sqrt(
      Array.from({ length: 15 }, (_, p) => [0, 1, 2].map((r) => data.y.data[15 * r + p]!)).reduce(
        (sum, [a, b, c]) => {
          const m = (a! + b! + c!) / 3;
          return sum + ((a! - m) ** 2 + (b! - m) ** 2 + (c! - m) ** 2) / 30;
        },
        0,
      ),
    );
    expect(finding.numbers.repeatSd).toBeCloseTo(pure, 12);
    expect(after.noiseSd / pure).toBeGreaterThan(0.7);
    expect(after.noiseSd / pure).toBeLessThan(1.4);
  });

  it("noise that repeats contradict: the kernel is too smooth", () => {
    const data = repeated(1, (_, place) => (place % 2 === 0 ? 1 : -1), 0.01);
    const stiff = bound(rbf({ lengthscale: 4 }), "lengthscale", { lower: 3 });
    const { before, after } = treated(fitted(data, stiff), "noise-above-repeats");
    expect(after.noiseSd).toBeLessThan(0.05 * before.noiseSd);
  });

  it("a lengthscale held at its bound", () => {
    const held = bound(rbf({ lengthscale: 5 }), "lengthscale", { lower: 3, upper: 20 });
    const { finding, fit: freed, before, after } = treated(fitted(sine(1), held), "at-bound");
    expect(finding.text).toMatch(/lengthscale = 3/);
    expect(freed.kernel.parameters.lengthscale!.value[0]).toBeLessThan(2.5);
    expect(after.logEvidence).toBeGreaterThan(before.logEvidence + 1);
  });

  it("a search that fell into the noise's optimum", () => {
    const lost = fitted(sine(1), rbf({ lengthscale: 100 }), { starts: 1, noiseVariance: { start: 1 } });
    const found = examined(lost);
    expect(found.findings[0]!.kind).toMatch(/scale|better-optimum/);
    const { before, after } = runSync(treat(lost, found.findings[0]!.remedy!));
    expect(after.logEvidence).toBeGreaterThan(before.logEvidence + 20);
  });

  it("a trend that a lengthscale chases out of the data", () => {
    const x = column(Array.from({ length: 60 }, (_, i) => i));
    const errors = normal(key(3), 60);
    const trend = fitted({ x, y: column(errors.map((e, i) => 3 * i + e)) });
    const { fit: straight, helped } = treated(trend, "lengthscale-long");
    expect(helped).toBe(true);
    expect(straight.mean.parameters.weight!.value[0]).toBeCloseTo(3, 1);
    expect(kinds(examined(straight))).toEqual([]);
  });

  it("columns that say nothing", () => {
    const { x } = surface(1);
    const errors = normals(1, "idle", 80);
    const y = column(errors.map((e, i) => Math.sin(5 * x.data[3 * i]!) + 0.05 * e));
    const found = treated(fitted({ x, y }, rbf({ ard: 3 })), "lengthscale-long");
    expect(found.finding.text).toContain("column 1, column 2");
    expect(found.after.parameters).toBe(found.before.parameters - 2);
    expect(found.helped).toBe(true);
  });

  it("too few rows for the parameters", () => {
    const x = matrix(6, 3, uniforms(1, "few", 18));
    const found = treated(fitted({ x, y: column(normals(1, "few", 6)) }, rbf({ ard: 3 })), "too-few-points");
    expect(found.finding.numbers).toEqual({ parameters: 6, rows: 6 });
    expect(found.after.parameters).toBe(4);
  });

  it("an algebra that has run out of digits", () => {
    const x = column(Array.from({ length: 60 }, (_, i) => i / 60));
    const exact = gp(rbf({ lengthscale: 1, variance: 1 }), { mean: constantMean(1, [0]) });
    const posterior = exact.condition({ x, y: column(x.data.map(Math.sin)), noiseVariance: 0 });
    const { finding, before, after, helped } = treated(posterior, "ill-conditioned", { starts: 0 });
    expect(finding.numbers.jitter).toBeGreaterThan(0);
    expect(after.condition).toBeLessThan(0.01 * before.condition);
    expect(helped).toBe(true);
  });
});

describe("an illness without a remedy is said", () => {
  it("targets that are all alike", () => {
    const { x } = sine(1);
    const { findings } = examined(fitted({ x, y: column(x.data.map(() => 4)) }));
    expect(findings.map((f) => [f.kind, f.remedy])).toEqual([["constant-targets", undefined]]);
  });

  it("predictions wanted far from the data, by column", () => {
    const options = { points: columnVector([1, 2, 30, 40]), columns: ["hour"] };
    const { findings } = examined(fitted(sine(1)), options);
    expect(findings.map(({ kind, rows }) => [kind, rows])).toEqual([["far-from-data", [2, 3]]]);
    expect(findings[0]!.text).toMatch(/^2 of 4 row\(s\).*: hour beyond .* in 2$/);
  });

  it("noise and nothing else: more searches do not help, and are not kept", () => {
    const x = column(Array.from({ length: 60 }, (_, i) => i));
    const noise = fitted({ x, y: column(normals(1, "n", 60)) });
    expect(kinds(examined(noise))).toContain("noise-swallows-signal");
    const { fit: better, steps } = runSync(cure(noise));
    expect(better).toBeUndefined();
    expect(steps.every(({ helped }) => !helped)).toBe(true);
  });

  it("values without noise", () => {
    const { x } = sine(1);
    const found = examined(fitted({ x, y: column(x.data.map(Math.sin)) }));
    expect(kinds(found)).toEqual(["noise-at-floor"]);
  });

  it("two explanations that the data cannot tell apart", () => {
    // Slow with much noise, or quick with little: both within two nats.
    const x = columnVector([-4, -3, -2, -1, 0, 1, 2, 3, 4]);
    let several = 0;
    for (let seed = 0; seed < 6; seed++) {
      const errors = normals(seed, "two", 9);
      const y = column(x.data.map((v, i) => Math.sin(1.3 * v) + 0.9 * errors[i]!));
      if (kinds(examined(fitted({ x, y }))).includes("several-optima")) several++;
    }
    expect(several).toBeGreaterThan(0);
  });
});

describe("a cure", () => {
  it("treats one illness after the other, and names rows by their first places", () => {
    const { x, y } = sine(3);
    const spoiled = y.data.slice();
    spoiled[7]! += 4;
    const [twice, values] = [x.data, spoiled].map((data) => column([...data, ...data.subarray(0, 5)]));
    const { fit: cured, steps, findings } = runSync(cure(fitted({ x: twice!, y: values! })));
    expect(steps.map(({ finding }) => finding.kind)).toEqual(["copied-rows", "outliers"]);
    expect(steps.map(({ withoutRows }) => withoutRows)).toEqual([[40, 41, 42, 43, 44], [7]]);
    expect(findings).toEqual([]);
    expect(cured!.process.solution.x.rows).toBe(39);
  });

  it("of chosen kinds leaves the others", () => {
    const { x, y } = sine(3);
    const spoiled = y.data.slice();
    spoiled[7]! += 4;
    const { fit: same, findings } = runSync(cure(fitted({ x, y: column(spoiled) }), { kinds: ["at-bound"] }));
    expect(same).toBeUndefined();
    expect(findings.map(({ kind }) => kind)).toEqual(["outliers"]);
  });
});

it("a condition is estimated from the factor, from below", () => {
  const x = column(uniforms(1, "condition", 50).map((v) => 5 * v));
  const gram = rbf().gram(x);
  for (let i = 0; i < 50; i++) gram.data[i * 50 + i]! += 1e-3;
  const { values } = eigh(gram);
  const exact = Math.max(...values) / Math.min(...values);
  const found = conditionEstimate(cholesky(gram));
  expect(found).toBeLessThanOrEqual(exact * (1 + 1e-9));
  expect(found).toBeGreaterThan(0.5 * exact);
});

it("several outputs are refused", () => {
  const x = column(uniforms(1, "two", 4));
  const posterior = gp(twoOutputs()).condition({ x, y: matrix(4, 2), noiseVariance: 0.1 });
  expect(() => examined(posterior)).toThrow(UsageError);
});
