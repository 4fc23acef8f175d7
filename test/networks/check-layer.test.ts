import { describe, expect, it } from "vitest";
import { dense, fanInSum, type Layer, layerFrom } from "../../src/networks/index.ts";
import { activations } from "../../src/networks/layers/from-definition.ts";
import { type CheckLayerOptions, checkLayer } from "../../src/testing/index.ts";

/** Every kind of layer with the shapes of its inputs, and what else the suite must know: append yours. */
const layers: readonly (readonly [name: string, layer: Layer, options: CheckLayerOptions])[] = [
  ["dense", dense(4) as Layer, { inputShapes: [[5]] }],
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

  it("wrong tangents of weights", () => {
    const exact = dense(2) as Layer;
    for (const [change, message] of [
      [
        { addTangentGram: (a, b, scale, out) => exact.addTangentGram!(a, b, 2 * scale, out) },
        "addTangentGram",
      ],
      [{ addTangentDiagonal: () => {} }, "addTangentDiagonal"],
      [{ writeJacobian: (side, out) => exact.writeJacobian!(side, out, 0) }, "writeJacobian"],
      [{ addTangentGram: undefined }, "has addTangentGram"],
    ] as [Partial<Layer>, string][]) {
      expect(() => checkLayer({ ...exact, ...change }, options)).toThrow(message);
    }
  });
});
