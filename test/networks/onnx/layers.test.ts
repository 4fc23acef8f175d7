import { describe, expect, it } from "vitest";
import {
  affineLayer,
  constantLayer,
  fanInMatmul,
  type Layer,
  logLayer,
  meanLayer,
  padLayer,
  powerLayer,
  repeatLayer,
  selectLayer,
  sliceLayer,
  transposeLayer,
} from "../../../src/networks/index.ts";
import { type CheckLayerOptions, checkLayer } from "../../../src/testing/index.ts";

const positive = { shape: [3, 4], data: Float64Array.from({ length: 12 }, (_, i) => 0.3 + i / 7) };

const layers: readonly (readonly [name: string, layer: Layer, options: CheckLayerOptions])[] = [
  ["affine", affineLayer({ weight: [3, 1], bias: [4] }), { inputShapes: [[2, 3, 4]] }],
  ["affine, a factor", affineLayer({ weight: [4] }), { inputShapes: [[3, 4]] }],
  ["affine, one number more", affineLayer({ bias: [1] }), { inputShapes: [[3, 4]] }],
  ["affine of buffers", affineLayer({ weight: [4], bias: [], trained: false }), { inputShapes: [[4]] }],
  ["constant", constantLayer([2, 2]), { inputShapes: [[3]] }],
  ["constant buffer", constantLayer([2, 2], false), { inputShapes: [[3]] }],
  ["power", powerLayer(-0.5), { inputShapes: [[4]], inputs: [positive] }],
  ["square", powerLayer(2), { inputShapes: [[4]] }],
  ["log", logLayer(), { inputShapes: [[4]], inputs: [positive] }],
  ["mean", meanLayer([0, 2]), { inputShapes: [[2, 3, 4]] }],
  ["mean of all", meanLayer([0]), { inputShapes: [[4]] }],
  ["transpose", transposeLayer([2, 0, 1]), { inputShapes: [[2, 3, 4]] }],
  ["slice", sliceLayer(1, 1, 2, 2), { inputShapes: [[2, 5]] }],
  ["slice, backwards", sliceLayer(0, 3, 4, -1), { inputShapes: [[4, 2]] }],
  ["select", selectLayer(1, [2, 0, 2]), { inputShapes: [[2, 3]] }],
  ["pad", padLayer([1, 0], [0, 2], 0.5), { inputShapes: [[2, 3]] }],
  ["repeat", repeatLayer([2, 3, 4]), { inputShapes: [[3, 1]] }],
  [
    "fanInMatmul",
    fanInMatmul(),
    {
      inputShapes: [
        [2, 3, 4],
        [2, 4, 2],
      ],
    },
  ],
];

describe("layers that graphs need pass checkLayer", () => {
  it.each(layers)("%s", (_name, layer, options) => {
    checkLayer(layer, options);
  });

  it("and refuse what does not fit them", () => {
    expect(() => affineLayer({ bias: [3] }).outputShape([4])).toThrow(/does not repeat/);
    expect(() => transposeLayer([0, 0])).toThrow(/each axis/);
    expect(() => sliceLayer(0, 3, 2).outputShape([4])).toThrow(/index 4/);
    expect(() => repeatLayer([2, 2]).outputShape([3])).toThrow(/sizes of 1/);
    expect(() => fanInMatmul().outputShape([2, 3], [2, 3])).toThrow(/inner/);
  });
});
