import { describe, expect, it } from "vitest";
import type { Convolution } from "../../src/engine/index.ts";
import { reference } from "../../src/engine/index.ts";
import { expectClose, golden as read } from "../support/golden.ts";

interface Golden {
  readonly windows: Convolution;
  readonly [name: string]: unknown;
}
const cases: readonly (readonly [string, Golden])[] = Object.entries(read("images"));

/** All but the averages are whole numbers, whose sums are exact; averages are rounded once or twice. */
describe.each(cases)("the reference's images, %s", (_, golden) => {
  const c = golden.windows;
  const values = (name: string) => Float64Array.from(golden[name] as number[]);
  const run = (like: string, body: (out: Float64Array) => void) => {
    const out = values(like).fill(Number.NaN);
    body(out);
    return out;
  };
  const [images, weights, dy] = [values("images"), values("weights"), values("dy")];

  it("convolve as PyTorch does, and pull back", () => {
    expect(run("y", (y) => reference.convolve(c, images, weights, y))).toEqual(values("y"));
    expect(run("dimages", (dx) => reference.convolvePullbackImages(c, dy, weights, dx))).toEqual(
      values("dimages"),
    );
    expect(run("dweights", (dw) => reference.convolvePullbackWeights(c, images, dy, dw))).toEqual(
      values("dweights"),
    );
  });

  it.skipIf(c.groups > 1)("pull back a cotangent number by number as PyTorch does the whole", () => {
    const dyFrom = { from: Int32Array.from(dy, (_, k) => k), values: dy };
    expect(run("dimages", (dx) => reference.pickedPullbackImages(c, dyFrom, weights, dx))).toEqual(
      values("dimages"),
    );
    // Image by image, each filter's weights and then its bias.
    const gradients = new Float64Array(c.count * (weights.length + c.filters));
    reference.pickedPullbackWeights(c, images, dyFrom, gradients);
    const width = weights.length / c.filters + 1;
    const sums = new Float64Array(weights.length + c.filters);
    gradients.forEach((v, k) => {
      sums[k % sums.length]! += v;
    });
    expect(sums.filter((_, k) => k % width < width - 1)).toEqual(values("dweights"));
    const planes = dy.length / c.count / c.filters;
    const biases = new Float64Array(c.filters);
    dy.forEach((v, k) => {
      biases[Math.floor(k / planes) % c.filters]! += v;
    });
    expect(sums.filter((_, k) => k % width === width - 1)).toEqual(biases);
  });

  it("unfold and fold as PyTorch does", () => {
    const columns = run("columns", (out) => reference.im2col(c, images, out));
    expect(columns).toEqual(values("columns"));
    expect(run("folded", (out) => reference.col2im(c, columns, out))).toEqual(values("folded"));
  });

  it.skipIf(golden.max === undefined)("take maxima as PyTorch does", () => {
    const from = new Int32Array(values("max").length);
    expect(run("max", (y) => reference.maxPool(c, values("distinct"), y, from))).toEqual(values("max"));
    expect([...from]).toEqual(golden.source);
  });

  it.skipIf(golden.mean === undefined)("average as PyTorch does", () => {
    const factors = values("counts").map((count) => 1 / count);
    const close = (name: string, got: Float64Array) => expectClose(got, values(name), 1e-15);
    close(
      "mean",
      run("mean", (y) => reference.sumPool(c, factors, images, y)),
    );
    close(
      "meanPullback",
      run("meanPullback", (dx) => reference.sumPoolPullback(c, factors, values("dmean"), dx)),
    );
  });
});
