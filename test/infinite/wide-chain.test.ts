import { describe, expect, it } from "vitest";
import { infinite } from "../../src/infinite/index.ts";
import { inputState, sideOf } from "../../src/infinite/input-state.ts";
import { planLimit } from "../../src/infinite/limit-plan.ts";
import {
  abs,
  averagePool2d,
  conv2d,
  dense,
  dropout,
  erf,
  flattenLayer,
  globalAveragePool,
  leakyRelu,
  type NetworkPart,
  network,
  relu,
  residual,
  type Shape,
} from "../../src/networks/index.ts";
import { randomMatrix } from "../support/random.ts";

const nets: readonly [name: string, inputShape: Shape, layers: readonly NetworkPart[]][] = [
  ["dense layers", [5], [dense(1), leakyRelu(0.2), dropout(0.5), dense(1), abs(), dense(1)]],
  ["one linear layer", [5], [dense(1)]],
  ["dense layers at each of several positions", [3, 4], [dense(1), relu(), flattenLayer(), dense(1)]],
  [
    "convolutions, flattened",
    [2, 5, 4],
    [conv2d(1, 3, { padding: 1 }), relu(), conv2d(1, 3, { stride: 2 }), relu(), flattenLayer(), dense(1)],
  ],
  [
    "pools between convolutions and at the end",
    [2, 6, 6],
    [
      conv2d(1, 3, { padding: 1 }),
      relu(),
      averagePool2d(2),
      conv2d(1, 3, { padding: 1 }),
      abs(),
      globalAveragePool(),
      dense(1),
      relu(),
      dense(1),
    ],
  ],
];

describe("a chain of wide layers", () => {
  it.each(nets)("is at once what its layers are one by one: %s", (_name, inputShape, layers) => {
    const net = network({ inputShape, layers });
    const plan = planLimit(net, undefined);
    expect(plan.chain).toBeDefined();
    const limit = infinite(net, { weightVariance: 1.7, biasVariance: 0.3 });
    const inputs = inputShape.reduce((a, b) => a * b, 1);
    const [x, z] = [randomMatrix(7, inputs, "rows"), randomMatrix(6, inputs, "columns")];
    const variance = (name: string, layer: number) => limit.ntk.parameters[`${name}.${layer}`]!.value[0]!;
    for (const other of [x, z]) {
      const rows = sideOf(x, plan.input);
      const cols = other === x ? rows : sideOf(other, plan.input);
      const state = plan.forward(inputState(plan.input, plan.fullInput, true, rows, cols), variance);
      const { nngp, ntk } = limit.both(x, other);
      for (const [found, wanted] of [
        [nngp.data, state.nngp],
        [ntk.data, state.ntk!],
        [limit.nngp.cross(x, other).data, state.nngp],
      ] as const) {
        const size = Math.max(...wanted);
        found.forEach((v, k) => {
          expect(Math.abs(v - wanted[k]!)).toBeLessThan(1e-13 * size);
        });
      }
    }
  });

  it("is none where branches meet or a layer has another closed form", () => {
    const plan = (layers: readonly NetworkPart[]) =>
      planLimit(network({ inputShape: [4], layers }), undefined).chain;
    expect(plan([dense(4), residual([relu(), dense(4)]), dense(1)])).toBeUndefined();
    expect(plan([dense(1), erf(), dense(1)])).toBeUndefined();
  });
});
