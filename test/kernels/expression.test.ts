import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/errors/index.ts";
import {
  affine,
  after,
  families,
  formatKernel,
  linear,
  matern52,
  on,
  parseKernel,
  periodic,
  polynomial,
  power,
  product,
  rbf,
  scaled,
  sum,
} from "../../src/kernels/index.ts";
import { matrix } from "../../src/linalg/index.ts";
import { randomMatrix } from "../support/random.ts";

const x = randomMatrix(6, 3, "x");

describe("a text is the kernel that the functions make", () => {
  test.each([
    [
      "rbf(ard) + linear * periodic(period=12)",
      sum(rbf({ ard: 3 }), product(linear(), periodic({ period: 12 }))),
    ],
    ["2.5 * RBF", scaled(rbf(), 2.5)],
    ["2 * rbf * linear", scaled(product(rbf(), linear()), 2)],
    ["(2 * rbf) * linear", product(scaled(rbf(), 2), linear())],
    ["(rbf + linear)^2", power(sum(rbf(), linear()), 2)],
    ["matern52(ard)[0, 2]", on(matern52({ ard: 2 }), [0, 2])],
    ["rbf(lengthscale=[1, 2e-1, .3], variance=4.)", rbf({ lengthscale: [1, 0.2, 0.3], variance: 4 })],
    ["rbf[c, a] ^ 2", power(on(rbf(), [2, 0]), 2)],
    ["additive(rbf)", sum(on(rbf(), [0]), on(rbf(), [1]), on(rbf(), [2]))],
    ["polynomial(degree=3, ard)", polynomial({ degree: 3, ard: 3 })],
  ])("%s", (text, kernel) => {
    const parsed = parseKernel(text, { columns: ["a", "b", "c"] });
    expect(parsed.gram(x)).toEqual(kernel.gram(x));
    expect(parsed.parameters).toEqual(kernel.parameters);
  });
});

describe("a kernel's text gives the kernel back", () => {
  const strange = Math.PI / 7;
  test.each([
    ...Object.keys(families),
    "rbf(lengthscale=0.1) * (linear + 3 * periodic) ^ 2",
    "(rbf * linear)[0, 1] + additive(matern32)",
    "2 * (rbf + linear) * periodic",
    "2 * (3 * rbf)",
    "(rbf ^ 2) ^ 3",
    "rbf[1][2, 0]",
    "(rbf ^ 2)[0]",
    "spectralMixture(components=2, ard)",
    "gibbs(ard)",
    "coregion(levels=3, rank=2)",
    "arcCosine(order=0)",
  ])("%s", (text) => {
    const start = parseKernel(text, { inputs: /ard|additive|\[/.test(text) ? 3 : 1 });
    const parameters = Object.fromEntries(
      Object.entries(start.parameters).map(([path, p]) => [
        path,
        { ...p, value: p.value.map((v) => v + strange) },
      ]),
    );
    const kernel = start.with(parameters);
    const back = parseKernel(formatKernel(kernel));
    expect(Object.keys(back.parameters)).toEqual(Object.keys(kernel.parameters));
    for (const [path, { value }] of Object.entries(kernel.parameters)) {
      expect(back.parameters[path]!.value, path).toEqual(value);
    }
    expect(formatKernel(back)).toBe(formatKernel(kernel));
  });

  test("is short when asked", () => {
    expect(formatKernel(sum(rbf({ lengthscale: [1 / 3, 2] }), linear()), 3)).toBe(
      "rbf(lengthscale=[0.333, 2], variance=1) + linear(variance=1)",
    );
  });

  test("names columns, where their names can be read back", () => {
    const columns = ["price", "month of year", "month"];
    const kernel = parseKernel("rbf[0, 1] * linear[2]", { columns });
    const text = "rbf(lengthscale=1, variance=1)[price, 1] * linear(variance=1)[month]";
    expect(formatKernel(kernel, undefined, columns)).toBe(text);
    expect(formatKernel(parseKernel(text, { columns }))).toBe(formatKernel(kernel));
  });
});

describe("an error points at the place", () => {
  test.each<[string, number, RegExp]>([
    ["rbf + lineer", 6, /no kernel "lineer"; did you mean "linear"\?/],
    ["periodic(perod=12)", 9, /periodic has no option "perod"; did you mean "period"\?/],
    ["rbf(lengthscale=-2) + white", 0, /lengthscale should be positive and finite, got -2/],
    ["rbf +", 5, /expected a kernel, got the end/],
    ["rbf * (linear + white", 21, /expected "\)", got the end/],
    ["rbf linear", 4, /expected \+, \*, \^ or \[columns\], got "linear"/],
    ["rbf & linear", 4, /"&" has no meaning here/],
    ["2 * 3", 0, /a number alone is no kernel/],
    ["rbf(variance=two)", 13, /expected a number, got "two"/],
    ["rbf(variance=1, variance=2)", 16, /"variance" is given twice/],
    ["rbf(variance=[1, 2])", 0, /variance takes 1 value\(s\), got 2/],
    ["linear + rbf[7]", 12, /there is no column 7: there are 3, counted from 0/],
    ["rbf[hieght]", 4, /there is no column "hieght"; did you mean "height"\?/],
    ["rbf ^ 0.5", 4, /the exponent is a whole number/],
    ["polynomial(degree=0)", 0, /the degree is a whole number of at least 1, got 0/],
    ["linear + rbf(lengthscale=[1, 2])", 9, /this rbf takes 2 column\(s\), there are 3/],
    ["linear * brownian", 9, /this brownian takes 1 column\(s\), there are 3; choose some: brownian\[0\]/],
    ["", 0, /expected a kernel, got the end/],
  ])("%s", (text, offset, message) => {
    const parse = () => parseKernel(text, { columns: ["age", "height", "mass"] });
    expect(parse).toThrow(message);
    try {
      parse();
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
      expect((error as FormatError).offset).toBe(offset);
      expect((error as FormatError).message.split("\n").length).toBe(1);
    }
  });

  test("parts that do not go together", () => {
    expect(() => parseKernel("white + rbf(lengthscale=[1, 2]) * linear(variance=[1, 2, 3])")).toThrow(
      /at 8: product: kernels on 2 and 3 columns do not go together/,
    );
  });

  test("ard needs the number of columns", () => {
    expect(() => parseKernel("rbf(ard)")).toThrow(/at 4: ard needs to know the number of columns/);
  });

  test("a kernel on a function has no text", () => {
    const kernel = after(rbf(), affine(matrix(1, 1, Float64Array.of(1)), Float64Array.of(0)));
    expect(() => formatKernel(kernel)).toThrow(/no text form/);
  });
});
