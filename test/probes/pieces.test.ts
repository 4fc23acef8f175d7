import { describe, expect, it } from "vitest";
import { rbf } from "../../src/kernels/index.ts";
import { type Fn, matrix } from "../../src/linalg/index.ts";
import { dense, flatten, network, networkOf, residual, tanh, unflatten } from "../../src/networks/index.ts";
import {
  attribute,
  composition,
  cut,
  dataMeasure,
  distance,
  functionMap,
  linearisation,
  onLine,
} from "../../src/probes/index.ts";
import { gp } from "../../src/processes/index.ts";
import { tangentKernel } from "../../src/tangent/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const net = network({
  inputShape: [3],
  layers: [dense(5), tanh(), residual([dense(5), tanh()]), dense(2)],
  seed: 1,
  precision: "f64",
});
const x = randomMatrix(12, 3, "x");

describe("sub-functions", () => {
  it("cut apart and composed are the network", () => {
    const parts = cut(net, [1, 4]);
    expect(parts.map((p) => [p.inputs, p.outputs])).toEqual([
      [3, 5],
      [5, 5],
      [5, 2],
    ]);
    expect(composition(...parts).at(x).data).toEqual(net.at(x).data);
  });
  it("a cut through a branch is refused", () => {
    expect(() => cut(net, [2])).toThrow("runs through a branch");
    expect(() => cut(net, [9])).toThrow("ascending");
    expect(() => composition(net, net)).toThrow("2 outputs");
  });
});

describe("the line between two networks", () => {
  const other = network({
    inputShape: [3],
    layers: [dense(5), tanh(), residual([dense(5), tanh()]), dense(2)],
    seed: 2,
    precision: "f64",
  });
  it("starts at one and ends at the other", () => {
    expect(onLine(net, other, 0).at(x).data).toEqual(net.at(x).data);
    expectClose(onLine(net, other, 1).at(x).data, Array.from(other.at(x).data), 1e-13);
  });
  it("linearisation departs from it at second order", () => {
    const gap = (t: number) => {
      const moved = onLine(net, other, t);
      return distance(moved, linearisation(net, moved), dataMeasure(x)).value;
    };
    // Halving a small step quarters the gap.
    expect(gap(0.01) / gap(0.005)).toBeGreaterThan(3.8);
    expect(gap(0.01) / gap(0.005)).toBeLessThan(4.2);
  });
});

describe("functionMap", () => {
  it("finds points in the plane again from their distances, up to rotation", () => {
    const places = randomMatrix(9, 2, "places");
    const apart = (a: typeof places) => {
      const out = matrix(9, 9);
      for (let i = 0; i < 9; i++) {
        for (let j = 0; j < 9; j++) {
          out.data[i * 9 + j] = Math.hypot(
            a.data[2 * i]! - a.data[2 * j]!,
            a.data[2 * i + 1]! - a.data[2 * j + 1]!,
          );
        }
      }
      return out;
    };
    const map = functionMap(apart(places));
    expect(map.stress).toBeLessThan(1e-10);
    expectClose(apart(map.places).data, Array.from(apart(places).data), 1e-9);
  });
  it("lowers the stress below that of classical scaling where the plane is too small", () => {
    const tetrahedron = matrix(
      4,
      4,
      Float64Array.from({ length: 16 }, (_, k) => (k % 5 === 0 ? 0 : 1)),
    );
    // The best plane figure of four points one apart is a square: its stress is 0.1716 (six distances, √2 apart in ratio).
    const side = (4 + 2 * Math.SQRT2) / (4 + 4);
    const square = Math.sqrt((4 * (1 - side) ** 2 + 2 * (1 - side * Math.SQRT2) ** 2) / 6);
    expect(functionMap(tetrahedron).stress).toBeLessThan(square + 1e-6);
  });
});

describe("attribution", () => {
  const train = { x: randomMatrix(10, 3, "train x"), y: randomMatrix(10, 2, "train y") };
  const kernel = tangentKernel(net);
  const noiseVariance = 0.1;
  const result = attribute({ kernel, mean: net, noiseVariance }, train, x);
  const without = (gone: number) => {
    const kept = [...Array(10).keys()].filter((i) => i !== gone);
    const pick = (m: typeof x) =>
      matrix(
        kept.length,
        m.cols,
        Float64Array.from(kept.flatMap((i) => [...m.data.subarray(i * m.cols, (i + 1) * m.cols)])),
      );
    return gp(kernel, { mean: net })
      .condition({ x: pick(train.x), y: pick(train.y), noiseVariance })
      .at(x).mean;
  };
  const whole = gp(kernel, { mean: net })
    .condition({ ...train, noiseVariance })
    .at(x).mean;

  it("contributions add up to the prediction less the mean", () => {
    const base = net.at(x);
    whole.data.forEach((v, r) => {
      const sum = result.contributions.data.subarray(r * 10, r * 10 + 10).reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(v - base.data[r]!, 8);
    });
  });
  it("leave-one-out effects equal refits without the example", () => {
    for (let i = 0; i < 10; i++) {
      const less = without(i);
      whole.data.forEach((v, r) => {
        expect(Math.abs(result.leaveOneOut.data[r * 10 + i]! - (v - less.data[r]!))).toBeLessThan(1e-8);
      });
    }
  });
  it("influence is the slope of the prediction in an example's count", () => {
    const plain: Fn = { inputs: 1, outputs: 1, at: (p) => matrix(p.rows, 1) };
    const one = { x: randomMatrix(6, 1, "one x"), y: randomMatrix(6, 1, "one y") };
    const points = randomMatrix(4, 1, "one points");
    const k = rbf({ lengthscale: 0.8 });
    const { influence } = attribute({ kernel: k, mean: plain, noiseVariance: 0.2 }, one, points);
    // Counting example 2 a share of 1 − ε: its noise variance is 0.2/(1 − ε).
    const at = (epsilon: number) => {
      const rest = [0, 1, 3, 4, 5];
      const first = gp(k).condition({
        x: matrix(
          5,
          1,
          Float64Array.from(rest, (i) => one.x.data[i]!),
        ),
        y: matrix(
          5,
          1,
          Float64Array.from(rest, (i) => one.y.data[i]!),
        ),
        noiseVariance: 0.2,
      });
      return first
        .condition({
          x: matrix(1, 1, one.x.data.slice(2, 3)),
          y: matrix(1, 1, one.y.data.slice(2, 3)),
          noiseVariance: 0.2 / (1 - epsilon),
        })
        .at(points).mean.data;
    };
    const h = 1e-4;
    const [up, down] = [at(h), at(-h)];
    points.data.forEach((_, r) => {
      expect(influence.data[r * 6 + 2]).toBeCloseTo(-(up[r]! - down[r]!) / (2 * h), 6);
    });
  });
});

it("flatten and unflatten go round for branched networks", () => {
  const w = flatten(net.weights);
  const again = networkOf(net, unflatten(w, net.weights, "f64"));
  expect(again.at(x).data).toEqual(net.at(x).data);
});
