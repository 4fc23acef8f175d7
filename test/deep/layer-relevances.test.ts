import { expect, it } from "vitest";
import { compose } from "../../src/deep/compose.ts";
import { gpLayer } from "../../src/deep/layer.ts";
import { layerRelevances } from "../../src/deep/layer-relevances.ts";
import { startDeep } from "../../src/deep/start.ts";
import { affine, rbf } from "../../src/kernels/index.ts";
import { matrix } from "../../src/linalg/index.ts";
import { likelihoods } from "../../src/processes/index.ts";
import { key } from "../../src/random/index.ts";
import { randomMatrix } from "../support/random.ts";

it("a plane's columns count as the squares of their slopes times their spreads", () => {
  const x = randomMatrix(50, 3, "x");
  for (let i = 0; i < x.rows; i++) x.data[3 * i + 1]! *= 10;
  const plane = affine(matrix(1, 3, Float64Array.of(1, 0.3, 0)), Float64Array.of(2));
  const model = startDeep(compose(plane, gpLayer(rbf())), x, {
    inducing: 5,
    likelihood: likelihoods.gaussian(0.1),
    targets: randomMatrix(50, 1, "y"),
    index: 0,
    key: key(0),
  });
  const [first, second] = layerRelevances(model, x);
  const spread = (c: number) => {
    const values = Array.from({ length: 50 }, (_, i) => x.data[3 * i + c]!);
    const mean = values.reduce((s, v) => s + v / 50, 0);
    return Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2 / 50, 0));
  };
  const [a, b] = [spread(0) ** 2, (0.3 * spread(1)) ** 2];
  expect(first![0]).toBeCloseTo(a / Math.max(a, b), 7);
  expect(first![1]).toBeCloseTo(b / Math.max(a, b), 7);
  expect(first![2]).toBeLessThan(1e-12);
  // Before any data the last layer is flat.
  expect(Array.from(second!)).toEqual([0]);
});
