import { describe, expect, it } from "vitest";
import { type InfiniteOptions, infinite, wideNetwork } from "../../src/infinite/index.ts";
import { eigh, type Matrix, rowRange, subtract, transpose } from "../../src/linalg/index.ts";
import {
  abs,
  averagePool2d,
  batchNorm,
  conv2d,
  cos,
  dense,
  dropout,
  erf,
  exp,
  fanInConcatenate,
  fanInProduct,
  fanInSum,
  flattenLayer,
  gelu,
  globalAveragePool,
  type Layer,
  layerNorm,
  leakyRelu,
  maxPool2d,
  meanLayer,
  multiHeadAttention,
  type NetworkPart,
  network,
  parallel,
  powerLayer,
  relu,
  residual,
  type Shape,
  sin,
  softplus,
  tanh,
} from "../../src/networks/index.ts";
import { key, split } from "../../src/random/index.ts";
import { tangentKernel } from "../../src/tangent/index.ts";
import { golden, rows } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const g = golden("infinite");
const of = (layers: readonly NetworkPart[], inputShape: Shape = [4]) =>
  network({ inputShape, layers, seed: 0 });
const twice = (phi: () => Layer) => of([dense(3), phi(), dense(3), phi(), dense(1)]);
const variances = { weightVariance: 1.3 ** 2, biasVariance: 0.4 ** 2 };
const norm = () => layerNorm({ epsilon: 1e-12 });
const conv = (size = 3, options = {}) => conv2d(3, size, { padding: 1, ...options });
const image = (layers: readonly NetworkPart[]) => of(layers, [2, 5, 5]);
const attentive = of(
  [dense(4), norm(), multiHeadAttention(2), relu(), multiHeadAttention(2), meanLayer([0]), dense(1)],
  [4, 5],
);
const attention = (form: NonNullable<InfiniteOptions["attention"]>): InfiniteOptions => ({
  // Values and outputs of the golden networks have deviations 1.3 and 1, queries and keys 1 and 1.1.
  ...variances,
  attention: form,
  scoreVariance: 1.1 ** 2,
});

const networks = {
  relu: twice(relu),
  leakyRelu: twice(() => leakyRelu(0.2)),
  abs: twice(abs),
  erf: twice(erf),
  gelu: twice(gelu),
  sin: twice(sin),
  cos: twice(cos),
  tanh: twice(tanh),
  power: of([dense(3), powerLayer(3), dense(1)]),
  residual: of([dense(3), residual([relu(), dense(3)]), relu(), dense(1)]),
  layerNorm: of([dense(3), norm(), relu(), dense(3), norm(), erf(), dense(1)]),
  product: of([
    parallel(
      [
        [dense(3), relu()],
        [dense(3), erf()],
      ],
      fanInProduct(),
    ),
    dense(1),
  ]),
  concatenate: of([
    parallel(
      [
        [dense(3), relu()],
        [dense(5), erf()],
      ],
      fanInConcatenate(),
    ),
    dense(1),
  ]),
  conv: image([
    conv(),
    relu(),
    conv(3, { stride: 2 }),
    relu(),
    conv(2, { padding: 0 }),
    erf(),
    flattenLayer(),
    dense(1),
  ]),
  globalPool: image([conv(), relu(), conv(), dropout(0.5), relu(), globalAveragePool(), dense(1)]),
  averagePool: image([
    conv(),
    erf(),
    averagePool2d(2),
    conv(),
    relu(),
    flattenLayer(),
    dense(3),
    relu(),
    dense(1),
  ]),
  convResidual: image([
    conv(),
    residual([layerNorm({ axes: 3, epsilon: 1e-12 }), relu(), conv()]),
    gelu(),
    globalAveragePool(),
    dense(1),
  ]),
} as const;

describe("infinite-width kernels equal neural-tangents'", () => {
  const tolerances: Readonly<Record<string, number>> = {
    // A series here, 200 × 200 nodes there: slowest where a point meets itself.
    tanh: 1e-8,
  };
  const compare = (name: string, net: ReturnType<typeof of>, options: InfiniteOptions, inputs: string) => {
    const [x, z] = [rows(g[`${inputs}x`]), rows(g[`${inputs}z`])];
    const limit = infinite(net, options);
    const tolerance = tolerances[name] ?? 1e-12;
    const close = (a: Matrix, b: number[][], within: number) => {
      const size = Math.max(...b.flat().map(Math.abs));
      a.data.forEach((v, k) => {
        expect(Math.abs(v - b.flat()[k]!) / size).toBeLessThan(within);
      });
    };
    const cross = limit.both(x, z);
    const own = limit.both(x);
    close(cross.nngp, g[name].nngp, tolerance);
    close(cross.ntk, g[name].ntk, tolerance);
    close(own.nngp, g[name].nngp_xx, tolerance);
    // Where a point meets itself neural-tangents' rectifiers have a rounding of 1e-8 in the angle.
    close(own.ntk, g[name].ntk_xx, Math.max(tolerance, 1e-7));
    for (const which of ["nngp", "ntk"] as const) {
      limit[which].diagonal(x).forEach((v, i) => {
        const full = own[which].data[i * (x.rows + 1)]!;
        expect(Math.abs(v - full)).toBeLessThan(1e-12 * full);
      });
      expect(limit[which].gram(x).data).toEqual(own[which].data);
    }
  };
  it.each(Object.keys(networks) as (keyof typeof networks)[])("%s", (name) => {
    const net = networks[name];
    compare(name, net, variances, net.inputShape.length === 3 ? "images_" : "");
  });
  it("exp", () => {
    const net = of([dense(3), exp(), dense(1)]);
    const limit = infinite(net, { weightVariance: 0.49, biasVariance: 0.16 });
    const { ntk } = limit.both(rows(g.x), rows(g.z));
    const expected: number[] = g.exp.ntk.flat();
    ntk.data.forEach((v, k) => {
      expect(Math.abs(v / expected[k]! - 1)).toBeLessThan(1e-11);
    });
  });
  it.each([
    ["softmax", "tiedSoftmax"],
    ["identity", "identity"],
    ["tiedIdentity", "tiedIdentity"],
    ["tiedRelu", "tiedRelu"],
  ] as const)("attention: %s", (name, form) => {
    compare(`attention_${name}`, attentive, attention(form), "tokens_");
  });
});

describe("infinite-width kernels", () => {
  const cases: [string, ReturnType<typeof of>, InfiniteOptions][] = [
    ["a series", twice(softplus), variances],
    [
      "layer norm among branches",
      of([dense(3), norm(), residual([erf(), dense(3)]), sin(), dense(1)]),
      variances,
    ],
    ...(["relu", "abs", "product", "concatenate", "conv", "averagePool", "convResidual"] as const).map(
      (name): [string, ReturnType<typeof of>, InfiniteOptions] => [name, networks[name], variances],
    ),
    ...(["identity", "tiedSoftmax", "tiedIdentity"] as const).map(
      (form): [string, ReturnType<typeof of>, InfiniteOptions] => [
        `attention, ${form}`,
        attentive,
        attention(form),
      ],
    ),
  ];
  it.each(cases)(
    "have gradients in every layer's variances that agree with differences: %s",
    (_, net, options) => {
      const [x, z] = [randomMatrix(4, net.inputs, "x"), randomMatrix(3, net.inputs, "z")];
      for (const which of ["nngp", "ntk"] as const) {
        for (const other of [z, undefined]) {
          const kernel = infinite(net, options)[which];
          const bar = randomMatrix(4, other ? 3 : 4, "bar");
          if (!other) {
            for (let i = 0; i < 4; i++)
              for (let j = 0; j < i; j++) bar.data[j * 4 + i] = bar.data[i * 4 + j]!;
          }
          const gradient = kernel.pullback(x, other, bar);
          expect(Object.keys(gradient).sort()).toEqual(Object.keys(kernel.parameters).sort());
          for (const [name, parameter] of Object.entries(kernel.parameters)) {
            const value = (by: number) => {
              const moved = { ...parameter, value: Float64Array.of(parameter.value[0]! + by) };
              const at = kernel.with({ ...kernel.parameters, [name]: moved });
              const k = other ? at.cross(x, other) : at.gram(x);
              return k.data.reduce((s, v, i) => s + v * bar.data[i]!, 0);
            };
            // Fourth-order differences: their error is of order 1e-10 of the value.
            const h = 1e-3;
            const slope = (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h);
            expect(Math.abs(gradient[name]![0]! - slope)).toBeLessThan(1e-6 * (1 + Math.abs(slope)));
          }
        }
      }
    },
  );

  it("are symmetric and positive semi-definite", () => {
    const points = randomMatrix(6, 4, "points");
    const { nngp, ntk } = infinite(networks.relu);
    for (const kernel of [nngp, ntk]) {
      const k = kernel.gram(points);
      expect(k.data).toEqual(transpose(k).data);
      expect(eigh(k).values[0]!).toBeGreaterThan(-1e-10);
    }
  });

  it("are the same in blocks of points as all at once", () => {
    // Enough points for several blocks on each side, of different sizes.
    for (const [net, n, m] of [
      [networks.relu, 1100, 700],
      [networks.globalPool, 45, 23],
    ] as const) {
      const [a, b] = [randomMatrix(n, net.inputs, "a"), randomMatrix(m, net.inputs, "b")];
      const limit = infinite(net);
      const whole = limit.both(a);
      const cross = limit.both(a, b);
      for (const i of [0, 17, n - 1]) {
        const one = rowRange(a, i, i + 1);
        const [row, other] = [limit.both(one, a), limit.both(one, b)];
        for (const which of ["nngp", "ntk"] as const) {
          for (let j = 0; j < n; j++) {
            // With itself a point's correlation is exactly 1 in the Gram matrix alone.
            const within = i === j ? 1e-6 : 1e-10;
            expect(Math.abs(row[which].data[j]! - whole[which].data[i * n + j]!)).toBeLessThan(within);
          }
          for (let j = 0; j < m; j++) {
            expect(Math.abs(other[which].data[j]! - cross[which].data[i * m + j]!)).toBeLessThan(1e-10);
          }
        }
      }
    }
  });

  it("are where finite networks tend to, at the rate 1/√width", () => {
    // Design facts, check 4 (c): relative Frobenius error of single networks, averaged over several of each width.
    const shallow = of([dense(3), erf(), dense(1)], [10]);
    const convolutional = of(
      [conv2d(3, 3, { padding: 1 }), relu(), globalAveragePool(), dense(1)],
      [2, 4, 4],
    );
    const norm = (a: Matrix) => Math.sqrt(a.data.reduce((s, v) => s + v * v, 0));
    for (const [net, largest] of [
      [shallow, 1024],
      [convolutional, 256],
    ] as const) {
      const points = randomMatrix(12, net.inputs, "points");
      const limit = infinite(net);
      const exact = limit.ntk.gram(points);
      const errors = [largest / 16, largest / 4, largest].map((width) => {
        let total = 0;
        for (let t = 0; t < 10; t++) {
          const wide = wideNetwork(net, limit.ntk.parameters, width, split(key(1), t));
          total += norm(subtract(tangentKernel(wide).gram(points), exact)) / norm(exact) / 10;
        }
        return total;
      });
      expect(errors[2]!).toBeLessThan(3.2 / Math.sqrt(largest));
      const slope = Math.log(errors[2]! / errors[0]!) / Math.log(16);
      expect(slope).toBeGreaterThan(-0.75);
      expect(slope).toBeLessThan(-0.35);
    }
  });

  it.each<[string, readonly NetworkPart[], Shape, string]>([
    ["no dense layer at the end", [dense(3), relu()], [4], "last layer should be dense"],
    [
      "max pooling",
      [conv(), maxPool2d(2), flattenLayer(), dense(1)],
      [2, 5, 5],
      "layer 1 (maxPool2d): the maximum",
    ],
    ["batch norm", [dense(3), batchNorm(), dense(1)], [4], "layer 1 (batchNorm)"],
    ["attention", [multiHeadAttention(1), meanLayer([0]), dense(1)], [3, 4], "no integral is known"],
    [
      "activations of activations",
      [dense(3), relu(), erf(), dense(1)],
      [4],
      "layer 2 (erf): it needs Gaussian",
    ],
    [
      "norms of activations",
      [dense(3), relu(), layerNorm(), dense(1)],
      [4],
      "layer 2 (layerNorm): it needs Gaussian",
    ],
    [
      "branches that share weights",
      [dense(3), parallel([[], [erf()]], fanInSum()), dense(1)],
      [4],
      "what layer 0 made",
    ],
    ["dense layers across an image", [conv(), relu(), dense(1)], [2, 5, 5], "put flattenLayer"],
    [
      "groups",
      [conv2d(4, 3, { groups: 2 }), flattenLayer(), dense(1)],
      [2, 5, 5],
      "layer 0 (conv2d): groups",
    ],
  ])("refuse %s, saying which layer and why", (_, layers, shape, message) => {
    expect(() => infinite(of(layers, shape))).toThrow(message);
  });
});
