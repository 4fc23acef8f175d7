import { describe, expect, it } from "vitest";
import { type Matrix, toTensor } from "../../src/linalg/index.ts";
import {
  dense,
  forward,
  type Network,
  network,
  networkOf,
  relu,
  residual,
  tanh,
} from "../../src/networks/index.ts";
import {
  ablate,
  ablatePairs,
  dataMeasure,
  distance,
  unitLayers,
  whereChanged,
} from "../../src/probes/index.ts";
import { randomMatrix } from "../support/random.ts";

const net = network({
  inputShape: [3],
  layers: [dense(7), relu(), dense(5), tanh(), dense(2)],
  seed: 1,
  precision: "f64",
});
const x = randomMatrix(40, 3, "x");

/** The network with a hidden unit's outgoing weights put to zero: removed, found another way. */
function without(of: Network, dense: number, unit: number): Network {
  const weights = of.weights.map((record, i) => {
    if (i !== dense) return record;
    const { weight } = record;
    const units = weight!.shape[1]!;
    return {
      ...record,
      weight: { ...weight!, data: weight!.data.map((w, k) => (k % units === unit ? 0 : w)) },
    };
  });
  return networkOf(of, weights);
}

describe("ablate", () => {
  it("finds hidden units at the activations", () => {
    expect(unitLayers(net)).toEqual([1, 3]);
  });

  it("gives every unit's effect as the distance to the network without it, largest first", () => {
    const effects = ablate(net, x);
    expect(effects).toHaveLength(12);
    for (const { layer, unit, effect } of effects) {
      const removed = without(net, layer + 1, unit);
      expect(effect).toBeCloseTo(distance(net, removed, dataMeasure(x)).value, 12);
    }
    const sizes = effects.map(({ effect }) => effect);
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
  });

  it("of the last hidden layer is the unit's root mean square times the norm of its outgoing weights", () => {
    // FACTS.md, acceptance check 10 (a).
    const last = networkOf(
      { inputShape: [3], layers: net.layers.slice(0, 4), precision: "f64" },
      net.weights.slice(0, 4),
    ).at(x);
    for (const { unit, effect } of ablate(net, x, { layers: [3] })) {
      let square = 0;
      for (let i = 0; i < 40; i++) square += last.data[i * 5 + unit]! ** 2 / 40;
      const out = Math.hypot(...[0, 1].map((o) => net.weights[4]!.weight!.data[o * 5 + unit]!));
      expect(Math.abs(effect - Math.sqrt(square) * out)).toBeLessThan(1e-10);
    }
  });

  it("puts units to their mean or to another point's value", () => {
    const byMean = ablate(net, x, { replacement: "mean", layers: [1] });
    const byZero = ablate(net, x, { layers: [1] });
    const byPoint = ablate(net, x, { replacement: "resample", layers: [1] });
    // A unit that is constant over the points is not missed when its mean stands in.
    const constant = networkOf(
      net,
      net.weights.map((r, i) =>
        i === 0
          ? {
              weight: { ...r.weight!, data: r.weight!.data.map((w, k) => (k < 3 ? 0 : w)) },
              bias: { ...r.bias!, data: r.bias!.data.map(() => 1) },
            }
          : r,
      ),
    );
    const missed = ablate(constant, x, { replacement: "mean", layers: [1] }).find(({ unit }) => unit === 0)!;
    expect(missed.effect).toBeLessThan(1e-12);
    const total = (all: typeof byMean) => all.reduce((s, { effect }) => s + effect ** 2, 0);
    expect(total(byMean)).toBeLessThan(total(byZero));
    expect(total(byPoint)).toBeGreaterThan(total(byMean));
  });

  it("removes pairs, with nothing left over where the rest is linear", () => {
    const pairs = [
      [0, 1],
      [2, 4],
    ] as const;
    for (const { units, effect, interaction } of ablatePairs(net, x, 3, pairs)) {
      const removed = without(without(net, 4, units[0]), 4, units[1]);
      expect(effect).toBeCloseTo(distance(net, removed, dataMeasure(x)).value, 12);
      expect(interaction).toBeLessThan(1e-12);
    }
    const [first] = ablatePairs(net, x, 1, [[0, 3]]);
    const both = without(without(net, 2, 0), 2, 3);
    expect(first!.effect).toBeCloseTo(distance(net, both, dataMeasure(x)).value, 12);
  });

  it("goes through branches", () => {
    const branched = network({
      inputShape: [3],
      layers: [dense(4), tanh(), residual([dense(4), tanh()]), dense(2)],
      seed: 3,
      precision: "f64",
    });
    expect(unitLayers(branched)).toEqual([1, 3]);
    const [some] = ablate(branched, x, { layers: [1] });
    const whole = (points: Matrix) => forward(branched, toTensor(points, [3], "f64")).y.data;
    expect(some!.changes).toHaveLength(40);
    expect(some!.effect).toBeGreaterThan(0);
    expect(whole(x)).toHaveLength(80);
  });

  it("says where the change lies", () => {
    const changes = x.data.filter((_, k) => k % 3 === 1).map((v) => (v > 0 ? v : 0));
    const where = whereChanged(x, changes);
    expect(where[1]).toBeGreaterThan(0.5);
    expect(Math.abs(where[0]!)).toBeLessThan(0.5);
  });
});
