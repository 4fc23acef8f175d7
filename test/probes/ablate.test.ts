import { describe, expect, it } from "vitest";
import { type Matrix, toTensor } from "../../src/linalg/index.ts";
import {
  dense,
  flattenLayer,
  forward,
  multiHeadAttention,
  type Network,
  network,
  networkOf,
  relu,
  residual,
  tanh,
  weightedLayers,
} from "../../src/networks/index.ts";
import {
  ablate,
  ablateHeads,
  ablateLayers,
  ablatePairs,
  dataMeasure,
  distance,
  layerFeatures,
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

describe("ablateHeads", () => {
  const attentive = network({
    inputShape: [3, 4],
    layers: [residual([multiHeadAttention(2)]), dense(2), flattenLayer()],
    seed: 4,
    precision: "f64",
  });
  const layer = attentive.layers.findIndex(({ definition }) => definition.kind === "multiHeadAttention");
  const tokens = randomMatrix(30, 12, "tokens");

  it("by zero is the network without the head's columns of the output projection", () => {
    const effects = ablateHeads(attentive, tokens);
    expect(effects.map(({ head }) => head).sort()).toEqual([0, 1]);
    for (const { head, effect } of effects) {
      const removed = networkOf(
        attentive,
        attentive.weights.map((r, i) => {
          if (i !== layer) return r;
          const out = r.out_proj_weight!;
          const data = out.data.map((w, k) => (Math.floor((k % 4) / 2) === head ? 0 : w));
          return { ...r, out_proj_weight: { ...out, data } };
        }),
      );
      expect(effect).toBeCloseTo(distance(attentive, removed, dataMeasure(tokens)).value, 12);
    }
  });

  it("by mean moves the mean over the points of a linear remainder nowhere", () => {
    const zero = ablateHeads(attentive, tokens);
    const mean = ablateHeads(attentive, tokens, { replacement: "mean" });
    for (const { head, effect } of mean) {
      // Here the rest is linear: ‖Δ‖² by zero is ‖Δ‖² by mean and the square of what the mean adds.
      expect(effect).toBeLessThan(zero.find((z) => z.head === head)!.effect);
    }
  });

  it("asks for attention", () => {
    expect(() => ablateHeads(net, x)).toThrow("no layer of attention");
    expect(() => ablateHeads(attentive, tokens, { layers: [layer + 1] })).toThrow("which has no heads");
  });

  it("units of a value with positions are its features", () => {
    const units = ablate(attentive, tokens, { layers: [layer] });
    expect(units.map(({ unit }) => unit).sort()).toEqual([0, 1, 2, 3]);
    for (const { unit, effect } of units) {
      const removed = networkOf(
        attentive,
        attentive.weights.map((r, i) => {
          if (i !== layer) return r;
          const weight = r.out_proj_weight!;
          const bias = r.out_proj_bias!;
          return {
            ...r,
            out_proj_weight: {
              ...weight,
              data: weight.data.map((w, k) => (Math.floor(k / 4) === unit ? 0 : w)),
            },
            out_proj_bias: { ...bias, data: bias.data.map((b, k) => (k === unit ? 0 : b)) },
          };
        }),
      );
      expect(effect).toBeCloseTo(distance(attentive, removed, dataMeasure(tokens)).value, 12);
    }
  });
});

describe("ablateLayers", () => {
  const square = network({
    inputShape: [3],
    layers: [dense(4), dense(4), tanh(), residual([dense(4), tanh()]), dense(2)],
    seed: 5,
    precision: "f64",
  });
  /** The network with a dense layer's weight and bias as given. */
  const withLayer = (at: number, weight: (k: number) => number, bias: (k: number) => number) =>
    networkOf(
      square,
      square.weights.map((r, i) =>
        i === at
          ? {
              weight: { ...r.weight!, data: r.weight!.data.map((_, k) => weight(k)) },
              bias: { ...r.bias!, data: r.bias!.data.map((_, k) => bias(k)) },
            }
          : r,
      ),
    );
  const effectOf = (effects: ReturnType<typeof ablateLayers>, layer: number) =>
    effects.find((e) => e.layer === layer)!.effect;

  it("by zero, mean and identity is the network with such weights", () => {
    const measure = dataMeasure(x);
    const zero = ablateLayers(square, x);
    expect(zero.map(({ layer }) => layer).sort()).toEqual(weightedLayers(square));
    for (const { layer, effect } of zero) {
      const removed = withLayer(
        layer,
        () => 0,
        () => 0,
      );
      expect(effect).toBeCloseTo(distance(square, removed, measure).value, 12);
    }
    const means = new Float64Array(4);
    const second = layerFeatures(square, x, 1);
    second.data.forEach((v, k) => {
      means[k % 4]! += v / x.rows;
    });
    const constant = withLayer(
      1,
      () => 0,
      (k) => means[k]!,
    );
    expect(effectOf(ablateLayers(square, x, { replacement: "mean" }), 1)).toBeCloseTo(
      distance(square, constant, measure).value,
      12,
    );
    const same = withLayer(
      1,
      (k) => (k % 5 === 0 ? 1 : 0),
      () => 0,
    );
    const identity = ablateLayers(square, x, { replacement: "identity" });
    expect(effectOf(identity, 1)).toBeCloseTo(distance(square, same, measure).value, 12);
    // The first and last layers make other numbers than they take of values.
    expect(identity.map(({ layer }) => layer).sort()).toEqual(weightedLayers(square).slice(1, -1));
  });

  it("says where a layer's input cannot stand in", () => {
    expect(() => ablateLayers(square, x, { replacement: "identity", layers: [0] })).toThrow("makes 4 of 3");
  });
});
