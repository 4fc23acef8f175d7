import { expect, it } from "vitest";
import { fromLowest, knots } from "../../src/plot/index.ts";

it("puts values on their own scale, lowest first", () => {
  expect(Array.from(fromLowest([3, 1, 2]))).toEqual([0, 1, 0.5]);
  expect(Array.from(fromLowest([5, 5]))).toEqual([0, 0]);
});

it("draws a density a layer, named", () => {
  const values = Array.from({ length: 40 }, (_, i) => (i < 20 ? -1 : 1));
  const { svg } = knots({
    title: "Knots",
    layers: [
      { name: "layer 1", values: values.map((v, i) => v + 0.01 * i) },
      { name: "layer 2", values },
    ],
  });
  for (const name of ["Knots", "layer 1", "layer 2", "density"]) expect(svg).toContain(name);
  expect(() => knots({ title: "none", layers: [{ name: "layer 1", values: [] }] })).toThrow(/no values/);
});
