import { describe, expect, it } from "vitest";
import {
  averagePool2d,
  conv2d,
  dense,
  fanInConcatenate,
  fanInProduct,
  fanInSum,
  flattenLayer,
  globalAveragePool,
  globalMaxPool,
  type Layer,
  layerFrom,
  maxPool2d,
  reshapeLayer,
} from "../../src/networks/index.ts";
import { activations } from "../../src/networks/layers/from-definition.ts";
import { type CheckLayerOptions, checkLayer } from "../../src/testing/index.ts";

/** Every kind of layer with the shapes of its inputs, and what else the suite must know: append yours. */
const layers: readonly (readonly [name: string, layer: Layer, options: CheckLayerOptions])[] = [
  ["dense", dense(4), { inputShapes: [[5]] }],
  ["dense without bias", dense(4, { bias: false }), { inputShapes: [[5]] }],
  ["dense of tokens", dense(3), { inputShapes: [[6, 4]] }],
  ["dense of more axes, without bias", dense(20, { bias: false }), { inputShapes: [[2, 2, 30]] }],
  ["dense, ntk", dense(4, { parametrisation: "ntk" }), { inputShapes: [[5]] }],
  ["conv2d", conv2d(3, 3), { inputShapes: [[2, 5, 4]] }],
  [
    "conv2d, strided, dilated, unevenly padded, without bias",
    conv2d(3, [2, 3], { stride: [1, 2], dilation: [2, 1], padding: [1, 2, 0, 1], bias: false }),
    { inputShapes: [[2, 4, 5]] },
  ],
  ["conv2d in groups", conv2d(4, 2, { groups: 2, padding: 1 }), { inputShapes: [[4, 3, 3]] }],
  ["conv2d, depthwise, without bias", conv2d(6, 3, { groups: 3, bias: false }), { inputShapes: [[3, 4, 4]] }],
  // Many channels on few pixels, and few on many: the two ways to the tangent Gram.
  ["conv2d of one pixel", conv2d(8, 1), { inputShapes: [[8, 1, 1]] }],
  ["conv2d of many pixels", conv2d(1, 1), { inputShapes: [[1, 7, 7]] }],
  ["conv2d, ntk", conv2d(3, 2, { parametrisation: "ntk" }), { inputShapes: [[2, 3, 3]] }],
  [
    "conv2d in groups, mup",
    conv2d(4, 2, { groups: 2, parametrisation: "mup", role: "input", baseWidth: 2, biasDeviation: 0.5 }),
    { inputShapes: [[2, 3, 3]] },
  ],
  ["maxPool2d", maxPool2d(2), { inputShapes: [[2, 4, 5]] }],
  [
    "maxPool2d, overlapping, padded, ceil",
    maxPool2d([3, 2], { stride: 2, padding: [1, 0, 1, 1], dilation: [1, 2], ceil: true }),
    { inputShapes: [[2, 6, 5]] },
  ],
  ["averagePool2d", averagePool2d(2), { inputShapes: [[2, 4, 5]] }],
  [
    "averagePool2d, padded, ceil",
    averagePool2d(3, { stride: 2, padding: 1, ceil: true }),
    { inputShapes: [[2, 6, 6]] },
  ],
  [
    "averagePool2d of the image's pixels alone",
    averagePool2d([3, 2], { stride: 2, padding: [1, 0, 0, 1], ceil: true, countPadding: false }),
    { inputShapes: [[2, 6, 5]] },
  ],
  ["globalAveragePool", globalAveragePool(), { inputShapes: [[3, 2, 4]] }],
  ["globalMaxPool", globalMaxPool(), { inputShapes: [[3, 5]] }],
  ["flatten", flattenLayer(), { inputShapes: [[2, 3, 2]] }],
  ["reshape", reshapeLayer([3, -1]), { inputShapes: [[2, 3, 2]] }],
  [
    "fanInConcatenate",
    fanInConcatenate(),
    {
      inputShapes: [
        [1, 2, 2],
        [3, 2, 2],
        [2, 2, 2],
      ],
    },
  ],
  [
    "fanInConcatenate, last axis",
    fanInConcatenate(-1),
    {
      inputShapes: [
        [2, 2, 1],
        [2, 2, 3],
      ],
    },
  ],
  [
    "fanInProduct",
    fanInProduct(),
    {
      inputShapes: [
        [2, 3],
        [2, 3],
        [2, 3],
      ],
    },
  ],
  [
    "fanInSum",
    fanInSum(),
    {
      inputShapes: [
        [2, 3],
        [2, 3],
        [2, 3],
      ],
    },
  ],
  ...Object.entries(activations).map(([name, make]) => [name, make(), { inputShapes: [[2, 3]] }] as const),
];

describe("layers pass checkLayer", () => {
  it.each(layers)("%s", (_name, layer, options) => {
    checkLayer(layer, options);
  });
});

/** tanh with one reading replaced. */
function wrong(change: Partial<Layer>): Layer {
  return { ...layerFrom({ kind: "tanh" }), ...change };
}

describe("checkLayer finds", () => {
  const tanh = layerFrom({ kind: "tanh" });
  const options = { inputShapes: [[3]] };

  it.each([
    ["a wrong shape", wrong({ outputShape: () => [4] }), "the output should be 3 × 4, is 3 × 3"],
    [
      "a wrong pull-back",
      wrong({ vjp: (_w, _t, dy) => ({ dx: () => dy, dweights: () => ({}) }) }),
      "the pull-back to input 0 and differences differ",
    ],
    [
      "a wrong push-forward",
      wrong({ jvp: (_w, _t, dx) => dx! }),
      "the push-forward along input 0 and differences differ",
    ],
    [
      "a definition of another layer",
      wrong({ definition: { kind: "relu" } }),
      "outputs of the layer and of its definition's differ",
    ],
    [
      "an output that depends on the other examples",
      wrong({
        forward(w, x) {
          const { y, tape } = tanh.forward(w, x);
          return { y: { shape: y.shape, data: y.data.map((v) => v + x.data[0]!) }, tape };
        },
      }),
      "the output of example 1 alone and among others differ",
    ],
  ])("%s", (_name, layer, message) => {
    expect(() => checkLayer(layer, options)).toThrow(message);
  });

  it("numbers that are not the ones picked", () => {
    const pool = maxPool2d(2);
    const picked = (tape: unknown) => {
      const honest = pool.picked!(tape);
      return { ...honest, from: honest.from.map((k) => (k + 1) % 9) };
    };
    expect(() => checkLayer({ ...pool, picked }, { inputShapes: [[1, 3, 3]] })).toThrow(
      "the picked numbers and the output differ",
    );
  });

  it("wrong tangents of weights", () => {
    const exact = dense(2);
    for (const [change, message] of [
      [
        { addTangentGram: (a, b, scale, out) => exact.addTangentGram!(a, b, 2 * scale, out) },
        "addTangentGram",
      ],
      [{ addTangentDiagonal: () => {} }, "addTangentDiagonal"],
      [{ writeJacobian: (side, out) => exact.writeJacobian!(side, out, 0) }, "writeJacobian"],
      [{ addTangentGram: undefined }, "has addTangentGram"],
      [{ joinTapes: (tapes) => exact.joinTapes!([...tapes].reverse()) }, "writeJacobian"],
    ] as [Partial<Layer>, string][]) {
      expect(() => checkLayer({ ...exact, ...change }, options)).toThrow(message);
    }
  });
});
