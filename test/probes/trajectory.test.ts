import { describe, expect, it } from "vitest";
import { columnVector } from "../../src/linalg/index.ts";
import { adam, dense, evaluate, flatten, mse, network, tanh } from "../../src/networks/index.ts";
import {
  copyLayers,
  cut,
  dataMeasure,
  distance,
  drifts,
  inTurn,
  stitch,
  trainTrajectory,
} from "../../src/probes/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { randomMatrix } from "../support/random.ts";

const x = randomMatrix(80, 2, "x");
const y = columnVector(
  Array.from({ length: 80 }, (_, i) => Math.sin(2 * x.data[2 * i]!) * x.data[2 * i + 1]!),
);
const start = (width: number, seed = 1) =>
  network({
    inputShape: [2],
    layers: [dense(width), tanh(), dense(width), tanh(), dense(1)],
    seed,
    precision: "f64",
  });
const measure = dataMeasure(randomMatrix(200, 2, "measure"));
const points = randomMatrix(20, 2, "points");

describe("trajectories", () => {
  const { checkpoints, training } = runSync(
    trainTrajectory(
      start(16),
      { x, y },
      { epochs: 60, optimizer: adam({ learningRate: 0.01 }), keep: [0, 1, 5, 60] },
    ),
  );
  it("keep the epochs asked for", () => {
    expect(checkpoints.map((c) => c.epoch)).toEqual([0, 1, 5, 60]);
    expect(flatten(checkpoints.at(-1)!.network.weights)).toEqual(flatten(training.network.weights));
  });
  it("come nearer to where they end", () => {
    const end = checkpoints.at(-1)!.network;
    const left = checkpoints.map(({ network: net }) => distance(net, end, measure).value);
    expect(left[2]!).toBeLessThan(left[0]!);
    expect(left[3]).toBe(0);
  });
  it("a short step of a network is nearly one of a kernel machine, a long one is not", () => {
    const all = drifts(checkpoints, measure, points);
    expect(all.map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [1, 5],
      [5, 60],
    ]);
    expect(all[0]!.linearisationGap).toBeLessThan(0.2);
    expect(all[0]!.kernelChange).toBeLessThan(all[2]!.kernelChange);
    expect(all[0]!.kernelAlignment).toBeGreaterThan(all[2]!.kernelAlignment);
  });
});

describe("transfer", () => {
  const examples = { x, y };
  const trained = [1, 2].map(
    (seed) =>
      runSync(
        trainTrajectory(start(24, seed), examples, {
          epochs: 150,
          optimizer: adam({ learningRate: 0.01 }),
          keep: [],
        }),
      ).training.network,
  );
  const [a, b] = [trained[0]!, trained[1]!];
  const loss = (net: typeof a) => evaluate(net, examples, mse());
  it("copied layers are the other network's", () => {
    const mixed = copyLayers(a, b, [0, 2]);
    expect(mixed.weights[0]).toEqual(a.weights[0]);
    expect(mixed.weights[4]).toEqual(b.weights[4]);
    expect(copyLayers(a, b, [0, 1, 2, 3, 4]).at(points).data).toEqual(a.at(points).data);
    expect(() => copyLayers(start(8), b, [0])).toThrow("layer 0 is dense");
  });
  it("cut apart and put in turn is the network", () => {
    expect(inTurn(cut(a, [1, 3])).at(points).data).toEqual(a.at(points).data);
  });
  it("a stitch of a network with itself is the network, of two costs far less than a bare swap", () => {
    expect(distance(stitch(a, a, 3, x), a, measure).value).toBeLessThan(1e-3);
    const swapped = copyLayers(a, b, [0, 2]);
    expect(loss(stitch(a, b, 3, x))).toBeLessThan(0.2 * loss(swapped));
  });
});
