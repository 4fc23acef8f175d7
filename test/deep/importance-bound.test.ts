import { describe, expect, it } from "vitest";
import { compose } from "../../src/deep/compose.ts";
import { estimateBound } from "../../src/deep/estimate.ts";
import { importanceBound } from "../../src/deep/importance-bound.ts";
import { gpLayer } from "../../src/deep/layer.ts";
import { startDeep } from "../../src/deep/start.ts";
import { rbf } from "../../src/kernels/index.ts";
import { columnVector, type Matrix } from "../../src/linalg/index.ts";
import { gp, likelihoods, logSumExp } from "../../src/processes/index.ts";
import { key } from "../../src/random/index.ts";
import { randomMatrix } from "../support/random.ts";

const noise = 0.1;

function started(
  process: ReturnType<typeof compose>,
  x: Matrix,
  y: Matrix,
  likelihood = likelihoods.gaussian(noise),
) {
  const inducing = Math.min(8, x.rows);
  const model = startDeep(process, x, { inducing, likelihood, targets: y, index: 0, key: key(1) });
  const layers = model.layers.map((layer, l) => {
    if (layer.kind === "fn") return layer;
    const roots = { ...layer.roots, data: layer.roots.data.map((v) => (v === 0 ? 0 : l === 0 ? 0.6 : 0.8)) };
    return { ...layer, roots };
  });
  return { ...model, layers };
}

describe("the importance-weighted bound", () => {
  it("of one layer is the exact log evidence", () => {
    const x = randomMatrix(12, 2, "x");
    const y = { ...randomMatrix(12, 1, "y") };
    const model = started(compose(gpLayer(rbf(), { inputs: 2 })), x, y);
    const [layer] = model.layers;
    if (layer!.kind !== "gp") throw new Error("a layer of processes");
    const exact = gp(layer!.kernel, { inputs: 2 }).condition({ x, y, noiseVariance: noise }).logEvidence;
    expect(importanceBound(model, { x, y }, { key: key(0), draws: 3, rounds: 2 }).value).toBeCloseTo(
      exact,
      9,
    );
  });

  it("of two layers rises with its draws to the evidence, found by quadrature over both hidden values", () => {
    const x = columnVector([-0.4, 0.7]);
    const y = columnVector([-0.8, 0.6]);
    const model = started(compose(gpLayer(rbf(), { mean: "identity" }), gpLayer(rbf())), x, y);
    const [first, second] = model.layers;
    if (first!.kind !== "gp" || second!.kind !== "gp") throw new Error("layers of processes");
    // Simpson's rule over ±7 standard deviations of whitened hidden values: smooth, so exact to many digits.
    const gram = first!.kernel.gram(x).data;
    const [l11, l21] = [Math.sqrt(gram[0]!), gram[2]! / Math.sqrt(gram[0]!)];
    const l22 = Math.sqrt(gram[3]! - l21 * l21);
    const steps = 60;
    const width = 14 / steps;
    const terms: number[] = [];
    for (let i = 0; i <= steps; i++) {
      for (let j = 0; j <= steps; j++) {
        const [a, b] = [-7 + width * i, -7 + width * j];
        const weight = [i, j].reduce(
          (w, k) => w * (k === 0 || k === steps ? 1 : k % 2 === 1 ? 4 : 2) * (width / 3),
          1,
        );
        const h = columnVector([x.data[0]! + l11 * a, x.data[1]! + l21 * a + l22 * b]);
        const density = gp(second!.kernel, { inputs: 1 }).at(h).withNoise(noise).logDensity(y);
        terms.push(Math.log(weight / (2 * Math.PI)) - 0.5 * (a * a + b * b) + density);
      }
    }
    const evidence = logSumExp(Float64Array.from(terms));
    const [one, ten, many] = [1, 10, 2000].map((draws) =>
      importanceBound(model, { x, y }, { key: key(3), draws, rounds: draws > 100 ? 4 : 400 }),
    );
    const plain = estimateBound(model, { x, y }, { key: key(4), rounds: 400 });
    // Four standard errors; the 2,000 draws' own bias is of the order of their variance over their number.
    const apart = (a: { error: number }, b: { error: number }) => 4 * Math.hypot(a.error, b.error);
    expect(one!.value).toBeGreaterThan(plain.value - apart(one!, plain));
    expect(ten!.value - one!.value).toBeGreaterThan(apart(one!, ten!));
    expect(ten!.value).toBeLessThan(evidence + 4 * ten!.error);
    expect(Math.abs(many!.value - evidence)).toBeLessThan(0.05);
  });

  it("takes other likelihoods, and stays above the plain bound", () => {
    const x = randomMatrix(10, 1, "points");
    const labels = { ...x, data: x.data.map((v) => (v > 0 ? 1 : 0)) };
    const model = started(
      compose(gpLayer(rbf(), { mean: "identity" }), gpLayer(rbf())),
      x,
      labels,
      likelihoods.bernoulli(),
    );
    const plain = estimateBound(model, { x, y: labels }, { key: key(4), rounds: 200 });
    const weighted = importanceBound(model, { x, y: labels }, { key: key(5), draws: 20, rounds: 50 });
    expect(weighted.value).toBeGreaterThan(plain.value);
    expect(weighted.value).toBeLessThan(0);
  });
});
