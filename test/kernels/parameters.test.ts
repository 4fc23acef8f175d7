import { describe, expect, test } from "vitest";
import { FormatError, UsageError } from "../../src/errors/index.ts";
import {
  bound,
  fix,
  free,
  fromVector,
  gradientVector,
  kernelFromJson,
  kernelToJson,
  logPrior,
  type Parameters,
  positive,
  rbf,
  scaled,
  setTo,
  sum,
  tie,
  toVector,
  transformVolume,
  withPrior,
} from "../../src/kernels/index.ts";
import { dot, matrix } from "../../src/linalg/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const two = sum(rbf({ lengthscale: [0.5, 2] }), rbf({ lengthscale: [3, 4], variance: 0.7 }));
const x = randomMatrix(5, 2, "x");
const bar = matrix(5, 5, new Float64Array(25).fill(1));

describe("the flat vector", () => {
  test("is the logarithms of positive values, part by part", () => {
    expect(Object.keys(two.parameters)).toEqual([
      "0.lengthscale",
      "0.variance",
      "1.lengthscale",
      "1.variance",
    ]);
    expectClose(toVector(two.parameters), [0.5, 2, 1, 3, 4, 0.7].map(Math.log), 1e-15);
  });

  test("comes back as it went, bounds and all", () => {
    const kernel = bound(bound(two, "0.lengthscale", { lower: 0.1, upper: 5 }), "1.variance", { lower: 0.2 });
    const back = fromVector(toVector(kernel.parameters), kernel.parameters);
    for (const [path, { value, support }] of Object.entries(kernel.parameters)) {
      expectClose(back[path]!.value, value, 1e-14);
      expect(back[path]!.support).toEqual(support);
    }
    // Whatever the vector, bounds hold.
    for (const u of [-30, -3, 0, 3, 30]) {
      const [moved] = fromVector(new Float64Array(6).fill(u), kernel.parameters)["0.lengthscale"]!.value;
      expect(moved).toBeGreaterThanOrEqual(0.1);
      expect(moved).toBeLessThanOrEqual(5);
    }
  });

  test("leaves fixed parameters out, and keeps them", () => {
    const kernel = fix(two, "*.variance");
    expect(toVector(kernel.parameters).length).toBe(4);
    const moved = fromVector(new Float64Array(4), kernel.parameters);
    expect(Array.from(moved["1.variance"]!.value)).toEqual([0.7]);
    expect(Array.from(moved["1.lengthscale"]!.value)).toEqual([1, 1]);
    expect(toVector(free(kernel, "1.variance").parameters).length).toBe(5);
  });

  test("holds tied parameters once, their slopes added", () => {
    const kernel = tie(two, "*.lengthscale");
    expect(Array.from(kernel.parameters["1.lengthscale"]!.value)).toEqual([0.5, 2]);
    const vector = toVector(kernel.parameters);
    expect(vector.length).toBe(4);
    const value = (v: Float64Array) =>
      dot(kernel.with(fromVector(v, kernel.parameters)).gram(x).data, bar.data);
    const slopes = gradientVector(kernel.parameters, kernel.pullback(x, undefined, bar));
    const h = 1e-5; // truncation ~ h², rounding ~ 1e-15 / h
    const differences = vector.map((_, i) => {
      const step = (by: number) => vector.map((v, j) => (i === j ? v + by : v));
      return (value(step(h)) - value(step(-h))) / (2 * h);
    });
    expectClose(slopes, differences, 1e-8);
    expect(setTo(kernel, "0.lengthscale", [7, 8]).parameters["1.lengthscale"]!.value[1]).toBe(8);
  });

  test("has the slope and the volume of its transform", () => {
    const kernel = fix(
      bound(bound(two, "0.lengthscale", { lower: 0.1, upper: 5 }), "1.variance", { lower: 0.2 }),
      "1.lengthscale",
    );
    const at = toVector(kernel.parameters);
    const { value, gradient } = transformVolume(kernel.parameters);
    const h = 1e-5;
    let volume = 0;
    at.forEach((_, i) => {
      const step = (by: number) =>
        fromVector(
          at.map((v, j) => (i === j ? v + by : v)),
          kernel.parameters,
        );
      // Which value moves: the flat order is that of the parameters, less the fixed one.
      const flat = (p: Parameters) =>
        Object.entries(p).flatMap(([path, q]) => (path === "1.lengthscale" ? [] : [...q.value]));
      volume += Math.log((flat(step(h))[i]! - flat(step(-h))[i]!) / (2 * h));
      const slope = (transformVolume(step(h)).value - transformVolume(step(-h)).value) / (2 * h);
      expect(Math.abs(gradient[i]! - slope)).toBeLessThan(1e-8);
    });
    expect(Math.abs(value - volume)).toBeLessThan(1e-8);
  });
});

test("priors count tied parameters once, each value of an array, and no fixed one", () => {
  const normal = { kind: "normal", mean: 0, deviation: 1 } as const;
  const density = (v: number) => -0.5 * v * v - 0.5 * Math.log(2 * Math.PI);
  const kernel = withPrior(two, "*.lengthscale", normal);
  const { value, gradient } = logPrior(kernel.parameters);
  expectClose([value], [density(0.5) + density(2) + density(3) + density(4)], 1e-14);
  expect(Array.from(gradient["1.lengthscale"]!)).toEqual([-3, -4]);
  expectClose([logPrior(tie(kernel, "*.lengthscale").parameters).value], [density(0.5) + density(2)], 1e-14);
  expectClose([logPrior(fix(kernel, "0.lengthscale").parameters).value], [density(3) + density(4)], 1e-14);
});

test("JSON carries values, bounds, priors, fixes and ties", () => {
  const kernel = tie(
    fix(
      withPrior(
        bound(sum(scaled(rbf({ lengthscale: [0.1 + 0.2, 2] }), 3), two), "1.variance", {
          lower: 0.5,
          upper: 2,
        }),
        "2.variance",
        { kind: "horseshoe", scale: 0.1 },
      ),
      "0.factor",
    ),
    "1.lengthscale",
    "2.lengthscale",
  );
  const back = kernelFromJson(JSON.parse(JSON.stringify(kernelToJson(kernel))));
  expect(back.parameters).toEqual(kernel.parameters);
  expect(back.gram(x)).toEqual(kernel.gram(x));
});

describe("what cannot be is refused in one line", () => {
  test.each<[string, () => unknown, RegExp]>([
    [
      "a lengthscale of 0",
      () => rbf({ lengthscale: [1, 0] }),
      /lengthscale should be positive and finite, got 0/,
    ],
    ["NaN", () => positive("v", Number.NaN), /v should be positive and finite, got NaN/],
    [
      "a path that is not there",
      () => fix(two, "0.lenghtscale"),
      /no parameter "0.lenghtscale"; did you mean "0.lengthscale"/,
    ],
    [
      "a value out of bounds",
      () => bound(two, "1.variance", { lower: 1, upper: 2 }),
      /1.variance should be between 1 and 2, got 0.7/,
    ],
    [
      "ties of different sizes",
      () => tie(two, "0.lengthscale", "0.variance"),
      /"0.lengthscale" has 2 value\(s\), "0.variance" 1/,
    ],
    [
      "a prior without width",
      () => withPrior(two, "0.variance", { kind: "normal", mean: 0, deviation: 0 }),
      /deviation should be positive, got 0/,
    ],
  ])("%s", (_name, make, message) => {
    expect(make).toThrow(message);
    expect(make).toThrow(UsageError);
  });

  test("JSON that does not fit", () => {
    const json = JSON.parse(JSON.stringify(kernelToJson(rbf())));
    json.parameters.lengthscale.value = [1, 2];
    expect(() => kernelFromJson(json)).toThrow(FormatError);
    expect(() => kernelFromJson(json)).toThrow(/"lengthscale" should have 1 value\(s\), got 2/);
  });
});
