import { describe, expect, it } from "vitest";
import {
  drawFunctions,
  gaussianGap,
  infinite,
  matchPrior,
  monteCarloKernels,
} from "../../src/infinite/index.ts";
import { rbf } from "../../src/kernels/index.ts";
import { cholesky, type Matrix, matrix, multiply, subtract } from "../../src/linalg/index.ts";
import {
  conv2d,
  dense,
  flattenLayer,
  layerNorm,
  meanLayer,
  multiHeadAttention,
  type NetworkPart,
  network,
  relu,
  type Shape,
  tanh,
} from "../../src/networks/index.ts";
import { key, normal } from "../../src/random/index.ts";
import { randomMatrix } from "../support/random.ts";

const of = (layers: readonly NetworkPart[], inputShape: Shape = [3]) => network({ inputShape, layers });

describe("kernels of random networks", () => {
  it.each<[string, readonly NetworkPart[], Shape]>([
    ["dense, with a norm", [dense(3), layerNorm({ epsilon: 1e-12 }), relu(), dense(1)], [3]],
    ["conv", [conv2d(3, 3, { padding: 1 }), relu(), flattenLayer(), dense(1)], [1, 4, 4]],
  ])("average to those of infinite width within their errors: %s", (_, layers, shape) => {
    const net = of(layers, shape);
    const limit = infinite(net);
    const [x, z] = [randomMatrix(4, net.inputs, "x"), randomMatrix(3, net.inputs, "z")];
    const width = 300;
    const { parameters } = limit.nngp;
    const found = monteCarloKernels(net, parameters, { width, draws: 60, key: key(1) }, x, z);
    const exact = limit.both(x, z);
    for (const which of ["nngp", "ntk"] as const) {
      const { mean, standardError } = found[which];
      const size = Math.max(...exact[which].data);
      mean.data.forEach((v, k) => {
        // Four errors of the draws, and the norm's bias of order 1/width.
        const allowed = 4 * standardError.data[k]! + (2 * size) / width;
        expect(Math.abs(v - exact[which].data[k]!)).toBeLessThan(allowed);
      });
    }
  });
});

describe("kernels of random networks with attention", () => {
  const net = of([dense(1), relu(), multiHeadAttention(1), meanLayer([0]), dense(1)], [3, 4]);
  const x = randomMatrix(3, 12, "x");
  it.each(["identity", "tiedSoftmax", "tiedIdentity", "tiedRelu"] as const)(
    "tend to the limit of its form: %s",
    (attention) => {
      const limit = infinite(net, { attention, weightVariance: 1.2, biasVariance: 0.1, scoreVariance: 0.8 });
      const exact = limit.both(x);
      const norm = ({ data }: Matrix) => Math.sqrt(data.reduce((sum, v) => sum + v * v, 0));
      const found = (width: number, draws: number) =>
        monteCarloKernels(net, limit.nngp.parameters, { width, draws, key: key(2), attention }, x);
      const [few, many] = [found(9, 100), found(100, 30)];
      for (const which of ["nngp", "ntk"] as const) {
        const gap = (kernels: typeof few) => norm(subtract(kernels[which].mean, exact[which]));
        // √width heads with √width features: the bias of 3 and of 10 is of the order of their reciprocals.
        const noise = norm(many[which].standardError);
        expect(gap(many)).toBeLessThan(gap(few) / 2 + 3 * noise);
        expect(noise).toBeLessThan(0.25 * norm(exact[which]));
        expect(gap(many)).toBeLessThan(0.75 * norm(exact[which]));
      }
    },
  );

  it("are refused without a form", () => {
    const { parameters } = infinite(net, { attention: "identity" }).nngp;
    expect(() => monteCarloKernels(net, parameters, { width: 4, draws: 1, key: key(1) }, x)).toThrow(
      "name it: identity",
    );
  });
});

describe("the distance of drawn functions to a Gaussian process", () => {
  const points = randomMatrix(4, 3, "points");
  it("is nothing for draws from it", () => {
    const covariance = rbf().gram(points);
    const count = 2000;
    const draws = multiply(matrix(count, 4, normal(key(5), count * 4)), cholesky(covariance).lower, {
      b: true,
    });
    const gap = gaussianGap(draws, covariance, key(6));
    // One of twenty exceeds 1.358 / √count; one of two thousand 1.95.
    for (const v of gap.kolmogorov) expect(v).toBeLessThan(1.95 / Math.sqrt(count));
    for (const v of gap.wasserstein) expect(v).toBeLessThan(0.1);
    expect(Math.abs(gap.energy.value)).toBeLessThan(4 * gap.energy.standardError);
    expect(Math.abs(gap.fourthMoment.value)).toBeLessThan(4 * gap.fourthMoment.standardError);
  });

  it("falls with the width of a network as its fourth moment does in closed form", () => {
    const net = of([dense(3), relu(), dense(1)]);
    const weightVariance = 2;
    const biasVariance = 0.1;
    const limit = infinite(net, { weightVariance, biasVariance });
    const covariance = limit.nngp.gram(points);
    const gaps = [1, 4, 32].map((width) => {
      const options = { width, count: 2000, key: key(width) };
      const draws = drawFunctions(net, limit.nngp.parameters, points, options);
      const gap = gaussianGap(draws, covariance, key(9));
      // E f⁴ = 3 E K̂², K̂ the covariance given the hidden layer: relu² has variance 5 q² / 4 for u of variance q.
      let exact = 0;
      for (let i = 0; i < 4; i++) {
        const k = covariance.data[i * 5]!;
        const q = ((k - biasVariance) * 2) / weightVariance;
        exact += (weightVariance ** 2 * 1.25 * q * q) / (width * k * k) / 4;
      }
      expect(Math.abs(gap.fourthMoment.value - exact)).toBeLessThan(5 * gap.fourthMoment.standardError);
      return gap;
    });
    const [narrow, middle, wide] = gaps;
    expect(narrow!.energy.value).toBeGreaterThan(4 * narrow!.energy.standardError);
    expect(Math.max(...narrow!.kolmogorov)).toBeGreaterThan(5 * narrow!.kolmogorovNoise);
    expect(middle!.energy.value).toBeLessThan(narrow!.energy.value);
    expect(wide!.wasserstein[0]!).toBeLessThan(narrow!.wasserstein[0]! / 2);
  });

  it("asks for enough draws", () => {
    expect(() => gaussianGap(matrix(10, 4), rbf().gram(points), key(0))).toThrow("100 draws or more");
  });
});

describe("a functional prior matched by the weights' variances", () => {
  const points = randomMatrix(10, 3, "matched");
  it("finds the network that a target is the prior of", () => {
    const net = of([dense(3), relu(), dense(1)]);
    const target = infinite(net, { weightVariance: [1.5, 0.7], biasVariance: [0.4, 0.2] }).nngp.gram(points);
    const { kernel, divergence } = matchPrior(infinite(net).nngp, target, points);
    expect(divergence.before).toBeGreaterThan(1);
    expect(divergence.after).toBeLessThan(1e-4);
    kernel.gram(points).data.forEach((v, k) => {
      expect(Math.abs(v - target.data[k]!)).toBeLessThan(0.02);
    });
  });
  it("comes nearer to another process", () => {
    const net = of([dense(3), tanh(), dense(1)]);
    const target = rbf({ lengthscale: 2 }).gram(points);
    const { divergence } = matchPrior(infinite(net).nngp, target, points, { noiseVariance: 0.01 });
    expect(divergence.after).toBeLessThan(0.5 * divergence.before);
    expect(divergence.after).toBeGreaterThan(0);
  });
});
