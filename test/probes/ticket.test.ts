import { describe, expect, it } from "vitest";
import { matrix } from "../../src/linalg/index.ts";
import { dense, glorotWeights, network, relu } from "../../src/networks/index.ts";
import {
  lotteryTickets,
  type Masks,
  pruneByMagnitude,
  remaining,
  shuffleMasks,
  wholeMasks,
  withMasks,
} from "../../src/probes/index.ts";
import { key } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { randomMatrix } from "../support/random.ts";

const net = network({ inputShape: [6], layers: [dense(20), relu(), dense(10), relu(), dense(3)], seed: 1 });
const ones = (masks: Masks, layer: number) =>
  Array.from(masks[layer]!.weight!.data).reduce((a, b) => a + b, 0);

describe("pruning", () => {
  it("takes the smallest surviving weights of each layer, a half as large share of the last", () => {
    const masks = pruneByMagnitude(net, wholeMasks(net), { rate: 0.2 });
    expect([0, 2, 4].map((l) => ones(masks, l))).toEqual([96, 160, 27]);
    const { data } = net.weights[0]!.weight!;
    const sizes = (of: number) =>
      Array.from(data, Math.abs).filter((_, k) => masks[0]!.weight!.data[k] === of);
    expect(Math.max(...sizes(0))).toBeLessThanOrEqual(Math.min(...sizes(1)));
    expect(masks[0]!.bias).toBeUndefined();
  });
  it("over all layers compares magnitudes between them", () => {
    const masks = pruneByMagnitude(net, wholeMasks(net), { rate: 0.5, scope: "global" });
    expect(remaining(masks)).toBeCloseTo(0.5, 10);
    // The first layer's weights are drawn from a wider interval (1/√6 against 1/√20): fewer of them go.
    expect(ones(masks, 0) / 120).toBeGreaterThan(ones(masks, 2) / 200);
  });
  it("shuffled masks keep as many", () => {
    const masks = pruneByMagnitude(net, wholeMasks(net), { rate: 0.4 });
    const shuffled = shuffleMasks(masks, key(3));
    expect(ones(shuffled, 2)).toBe(ones(masks, 2));
    expect(shuffled[2]!.weight!.data).not.toEqual(masks[2]!.weight!.data);
  });
  it("masked networks compute with zeros", () => {
    const nothing = wholeMasks(net).map((r) =>
      Object.fromEntries(Object.entries(r).map(([name, t]) => [name, { ...t, data: t.data.map(() => 0) }])),
    );
    const bias = Array.from(net.weights[4]!.bias!.data);
    expect(Array.from(withMasks(net, nothing).at(matrix(1, 6)).data)).toEqual(bias);
  });
});

describe("lottery tickets", () => {
  const x = randomMatrix(60, 6, "x");
  const y = matrix(60, 3, randomMatrix(60, 3, "y").data);
  const training = { epochs: 2, batchSize: 20, seed: 4 };
  it("put the survivors back to their first values, bit for bit, round by round", () => {
    const rounds = runSync(lotteryTickets(net, { x, y }, { rounds: 3, training, controlRounds: [3] }));
    expect(rounds.map((r) => r.round)).toEqual([0, 1, 2, 3]);
    for (const { round, masks, start, ticket, reinitialised, shuffled } of rounds) {
      const { data } = start.weights[0]!.weight!;
      const mask = masks[0]!.weight!.data;
      data.forEach((w, k) => {
        expect(w === (mask[k] === 1 ? net.weights[0]!.weight!.data[k] : 0)).toBe(true);
      });
      ticket.network.weights[2]!.weight!.data.forEach((w, k) => {
        if (masks[2]!.weight!.data[k] === 0) expect(w === 0).toBe(true);
      });
      // 0.8^k of a hidden layer, 0.9^k of the last, one weight a round left to rounding.
      expect(Math.abs(ones(masks, 0) - 120 * 0.8 ** round)).toBeLessThanOrEqual(round);
      expect(Math.abs(ones(masks, 4) - 30 * 0.9 ** round)).toBeLessThanOrEqual(round);
      expect(reinitialised !== undefined && shuffled !== undefined).toBe(round === 3);
    }
  });
  it("rewind to a later step", () => {
    const rounds = runSync(
      lotteryTickets(net, { x, y }, { rounds: 1, rewindStep: 2, training, controlRounds: [] }),
    );
    const start = rounds[0]!.start.weights[0]!.weight!.data;
    expect(start).not.toEqual(net.weights[0]!.weight!.data);
    rounds[1]!.start.weights[0]!.weight!.data.forEach((w, k) => {
      if (w !== 0) expect(w).toBe(start[k]);
    });
  });
  it("in one shot prune the dense network to what so many rounds leave", () => {
    const options = { rounds: 2, training, controlRounds: [], oneShot: true };
    const rounds = runSync(lotteryTickets(net, { x, y }, options));
    const expected = pruneByMagnitude(rounds[0]!.ticket.network, wholeMasks(net), {
      rate: 1 - 0.8 ** 2,
      lastRate: 1 - 0.9 ** 2,
    });
    expect(rounds[2]!.masks).toEqual(expected);
  });
  it("draw the reinitialised control as asked", () => {
    const seen: number[] = [];
    const draw = (seed: number) => {
      seen.push(seed);
      return glorotWeights(net, seed);
    };
    const rounds = runSync(
      lotteryTickets(net, { x, y }, { rounds: 1, training: { ...training, epochs: 0 }, draw }),
    );
    const { data } = rounds[1]!.reinitialised!.network.weights[0]!.weight!;
    const drawn = glorotWeights(net, seen[0]!).weights[0]!.weight!.data;
    expect(data).toEqual(drawn);
  });
});
