import { describe, expect, it } from "vitest";
import {
  fitLatent,
  inferLatents,
  predictView,
  relevances,
  sharedNeighbours,
  usedBy,
} from "../../../src/deep/latent/index.ts";
import { affine, linear, rbf, sum } from "../../../src/kernels/index.ts";
import { type Matrix, matrix, rowRange } from "../../../src/linalg/index.ts";
import { key, normal, uniform } from "../../../src/random/index.ts";
import { runSync } from "../../../src/tasks/index.ts";
import { manifold, twoViews } from "../../support/manifolds.ts";

describe("fitLatent", () => {
  const { y } = manifold(key(1), 60, 10);
  const fitted = runSync(
    fitLatent([{ name: "y", y }], { dimensions: 4, inducing: 15, iterations: [100, 150] }),
  );

  it("finds the two dimensions of a surface in ten and switches the others off", () => {
    const relevance = relevances(fitted.posterior.views[0]!.mapping);
    expect(usedBy(fitted.posterior.model).filter((views) => views.length > 0)).toHaveLength(2);
    expect(Array.from(relevance).sort((a, b) => b - a)[2]).toBeLessThan(0.005);
    // The bound never falls within a phase, and the noise's sd is 0.05.
    fitted.history.forEach((v, i) => {
      if (i > 0 && i !== fitted.held) expect(v).toBeGreaterThanOrEqual(fitted.history[i - 1]!);
    });
    expect(Math.sqrt(fitted.posterior.views[0]!.mapping.noiseVariance)).toBeCloseTo(0.05, 1);
  });

  it("keeps the best of several starts, whatever the kernel", () => {
    const options = {
      dimensions: 3,
      inducing: 10,
      iterations: [15, 20],
      kernel: (q: number) => sum(rbf({ ard: q }), linear({ ard: q })),
    } as const;
    const view = [{ name: "y", y }];
    const { bounds, posterior, history } = runSync(fitLatent(view, { ...options, starts: 3 }));
    expect(bounds).toHaveLength(3);
    expect(new Set(bounds).size).toBe(3);
    expect(posterior.bound).toBeCloseTo(Math.max(...bounds), 8);
    expect(history.at(-1)).toBeCloseTo(Math.max(...bounds), 6);
    // The first start is the one that is taken alone.
    expect(runSync(fitLatent(view, options)).bounds[0]).toBe(bounds[0]);
    // Both kernels together: a sample's average is the mean, within five of its deviations over √100.
    const place = matrix(1, 3, Float64Array.of(0.2, -0.1, 0.3));
    const { mean, variance } = posterior.views[0]!.at({ mean: place, variance: matrix(1, 3) });
    const paths = posterior.views[0]!.sample(key(7), 100).map((f) => f.at(place).data[0]!);
    const average = paths.reduce((total, v) => total + v / 100, 0);
    expect(Math.abs(average - mean.data[0]!)).toBeLessThan(0.5 * Math.sqrt(variance.data[0]!) + 0.02);
    expect(() => runSync(fitLatent(view, { ...options, starts: 0 }))).toThrow(/starts/);
  });

  it("fills what was not seen of new rows far better than the columns' averages", () => {
    const { y: all } = manifold(key(1), 60, 10, 0);
    const partly = matrix(
      20,
      10,
      all.data.slice(0, 200).map((v, k) => (k % 10 >= 6 ? Number.NaN : v)),
    );
    const { mean, variance } = predictView(fitted.posterior, { y: partly }, "y");
    let [ours, averages] = [0, 0];
    for (let k = 0; k < 200; k++) {
      if (k % 10 < 6) continue;
      ours += (mean.data[k]! - all.data[k]!) ** 2;
      averages += (fitted.posterior.views[0]!.centre[k % 10]! - all.data[k]!) ** 2;
      expect(variance.data[k]).toBeGreaterThan(0);
    }
    expect(ours).toBeLessThan(0.05 * averages);
  });

  it("fits values of which some were not seen", () => {
    const u = uniform(key(2), y.data.length);
    const gaps = matrix(
      60,
      10,
      y.data.map((v, k) => (u[k]! < 0.1 && k % 10 < 5 ? Number.NaN : v)),
    );
    const { posterior } = runSync(
      fitLatent([{ name: "y", y: gaps, gaps: true }], { dimensions: 2, inducing: 12, iterations: [40, 40] }),
    );
    const { mean } = posterior.views[0]!.at(posterior.latents);
    let [ours, averages] = [0, 0];
    gaps.data.forEach((v, k) => {
      if (!Number.isNaN(v)) return;
      ours += (mean.data[k]! - y.data[k]!) ** 2;
      averages += (posterior.views[0]!.centre[k % 10]! - y.data[k]!) ** 2;
    });
    expect(ours).toBeLessThan(0.2 * averages);
    expect(() => runSync(fitLatent([{ name: "y", y: gaps }], { dimensions: 2 }))).toThrow(
      /y holds NaN at row/,
    );
  });

  it("takes an encoder, which then places new rows", () => {
    const w = normal(key(4), 10 * 4).map((v) => 0.1 * v);
    const encoder = affine(matrix(4, 10, w), new Float64Array(4));
    const { posterior } = runSync(
      fitLatent([{ name: "y", y }], { dimensions: 2, inducing: 12, iterations: [30, 40], encoder }),
    );
    const values = matrix(
      60,
      10,
      y.data.map((v, k) => v - posterior.views[0]!.centre[k % 10]!),
    );
    const placed = posterior.model.encoder!.at(values);
    for (let i = 0; i < 60; i++) {
      expect(placed.data[4 * i]).toBeCloseTo(posterior.latents.mean.data[2 * i]!, 10);
    }
  });

  it("fits a deep model whose bound is a bound too, and draws from its top", () => {
    const { posterior, history } = runSync(
      fitLatent([{ name: "y", y }], { dimensions: [3, 2], inducing: 12, iterations: [60, 80] }),
    );
    expect(posterior.model.links).toHaveLength(1);
    expect(posterior.bound).toBeGreaterThan(history[0]!);
    const [f] = posterior.sample("y", key(3), 1);
    expect(f!.inputs).toBe(2);
    expect(f!.at(matrix(5, 2, normal(key(5), 10)))).toMatchObject({ rows: 5, cols: 10 });
    // A row of the data is found again near its own latents' output.
    const latents = inferLatents(posterior, { y: rowRange(y, 0, 3) });
    const { mean } = posterior.views[0]!.at(latents);
    expect(distance(mean, rowRange(y, 0, 3))).toBeLessThan(0.15);
  });
});

it("finds one shared dimension and a private one a view, and predicts a view from the other", () => {
  const { cosine, sine } = twoViews(key(1), 100);
  const { posterior } = runSync(
    fitLatent(
      [
        { name: "cosine", y: cosine },
        { name: "sine", y: sine },
      ],
      { dimensions: 4, inducing: 15, iterations: [100, 200] },
    ),
  );
  const roles = usedBy(posterior.model).map((views) => views.join("+"));
  expect(roles.sort()).toEqual(["", "0", "0+1", "1"]);
  const prediction = predictView(posterior, { cosine: rowRange(cosine, 0, 10) }, "sine");
  // The columns that show the shared signal are known: to about the noise's sd of 0.1.
  let error = 0;
  for (let i = 0; i < 10; i++) {
    for (let c = 0; c < 5; c++)
      error += (prediction.mean.data[10 * i + c]! - sine.data[10 * i + c]!) ** 2 / 50;
  }
  expect(Math.sqrt(error)).toBeLessThan(0.2);
  const near = sharedNeighbours(posterior, prediction.latents, "cosine", "sine", 3);
  // Rows with the same cos² α, whichever of the four angles it came from.
  near.forEach((rows, i) => {
    for (const row of rows) {
      const signal = (r: number) => Math.cos((4 * Math.PI * r) / 99) ** 2;
      expect(Math.abs(signal(row) - signal(i))).toBeLessThan(0.3);
    }
  });
});

it("refuses views of different rows", () => {
  const views = [
    { name: "a", y: matrix(4, 2) },
    { name: "b", y: matrix(5, 2) },
  ];
  expect(() => runSync(fitLatent(views, { dimensions: 2 }))).toThrow(/a has 4 rows, b 5/);
});

function distance(a: Matrix, b: Matrix): number {
  return Math.sqrt(a.data.reduce((sum, v, k) => sum + (v - b.data[k]!) ** 2, 0) / a.data.length);
}
