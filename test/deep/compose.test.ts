import { describe, expect, it } from "vitest";
import { compose } from "../../src/deep/compose.ts";
import { jacobianSpectrum } from "../../src/deep/jacobian-spectrum.ts";
import { gpLayer } from "../../src/deep/layer.ts";
import { affine, rbf } from "../../src/kernels/index.ts";
import { columnVector, matrix } from "../../src/linalg/index.ts";
import { dense, network, tanh } from "../../src/networks/index.ts";
import { gp } from "../../src/processes/index.ts";
import { key } from "../../src/random/index.ts";
import { randomMatrix } from "../support/random.ts";

describe("a composition of processes", () => {
  it("of one is that process", () => {
    const x = columnVector([0, 0.4, 1.1]);
    const [one, process] = [compose(gp(rbf())), gp(rbf())];
    expect(one.at(x).mean).toEqual(process.at(x).mean);
    expect(one.at(x).logDensity(x)).toBeCloseTo(process.at(x).logDensity(x), 12);
  });

  it("is drawn layer by layer: a function whose values are those of its layers in turn", () => {
    const deep = compose(
      gpLayer(rbf(), { width: 3, inputs: 2, mean: "identity" }),
      gpLayer(rbf(), { width: 2, skip: true }),
      gp(rbf()),
    );
    expect([deep.inputs, deep.outputs]).toEqual([2, 1]);
    expect(deep.layers.map((l) => l.inputs)).toEqual([2, 5, 2]);
    const x = randomMatrix(5, 2, "x");
    const [f] = deep.sample(key(4), 1);
    const [links] = deep.sampleLayers(key(4), 1);
    const first = links![0]!.fn.at(x);
    const joined = matrix(5, 5);
    for (let i = 0; i < 5; i++) {
      joined.data.set(first.data.subarray(3 * i, 3 * i + 3), 5 * i);
      joined.data.set(x.data.subarray(2 * i, 2 * i + 2), 5 * i + 3);
    }
    expect(f!.at(x)).toEqual(links![2]!.fn.at(links![1]!.fn.at(joined)));
    // Any part of the points has the values it has among the others, up to the engine's tiles.
    const some = f!.at(matrix(2, 2, x.data.slice(0, 4))).data;
    some.forEach((v, i) => {
      expect(Math.abs(v - f!.at(x).data[i]!)).toBeLessThan(1e-9);
    });
  });

  it("has the variance of its last kernel, whatever its depth", () => {
    const x = columnVector([0.3]);
    const deep = compose(gp(rbf()), gp(rbf()), gp(rbf({ variance: 2 })));
    const { mean, variance } = deep.at(x, 3);
    expect(mean.data[0]!).toBe(0);
    expect(variance.data[0]!).toBeCloseTo(2, 12);
  });

  it("differentiates its samples: the Jacobian's spectrum is that of finite differences", () => {
    const deep = compose(gpLayer(rbf(), { width: 2, inputs: 2 }), gpLayer(rbf(), { width: 2, skip: true }));
    const [f] = deep.sample(key(2), 1);
    const x = randomMatrix(3, 2, "x");
    const spectrum = jacobianSpectrum(f!, x);
    for (let i = 0; i < 3; i++) {
      const row = (c: number, by: number) => {
        const data = x.data.slice(2 * i, 2 * i + 2);
        data[c]! += by;
        return f!.at(matrix(1, 2, data)).data;
      };
      const [a, b, c, d] = [0, 1].flatMap((col) => {
        const [up, down] = [row(col, 1e-6), row(col, -1e-6)];
        return [(up[0]! - down[0]!) / 2e-6, (up[1]! - down[1]!) / 2e-6];
      }) as [number, number, number, number];
      const [sum, det] = [a * a + b * b + c * c + d * d, Math.abs(a * d - b * c)];
      const [s1, s2] = [spectrum.data[2 * i]!, spectrum.data[2 * i + 1]!];
      expect(s1 * s1 + s2 * s2).toBeCloseTo(sum, 5);
      expect(s1 * s2).toBeCloseTo(det, 5);
    }
  });

  it("loses directions with depth, and keeps them where every layer sees the input (Duvenaud et al. 2014)", () => {
    const x = randomMatrix(20, 2, "x");
    const ratio = (skip: boolean) => {
      const layers = Array.from({ length: 6 }, (_, l) =>
        gpLayer(rbf(), { width: 2, ...(l === 0 ? { inputs: 2 } : { skip }) }),
      );
      const ratios = compose(...layers)
        .sample(key(1), 4)
        .flatMap((f) => {
          const { data } = jacobianSpectrum(f, x);
          return Array.from({ length: 20 }, (_, i) => data[2 * i + 1]! / data[2 * i]!);
        });
      return ratios.toSorted((a, b) => a - b)[ratios.length >> 1]!;
    };
    expect(ratio(false)).toBeLessThan(0.5 * ratio(true));
  });

  it("takes networks and functions, and refuses what does not fit", () => {
    const net = network({ inputShape: [3], layers: [dense(4), tanh(), dense(2)], seed: 0 });
    const deep = compose(net, gpLayer(rbf({ ard: 2 })));
    expect([deep.inputs, deep.outputs]).toEqual([3, 1]);
    expect(deep.sample(key(0), 1)[0]!.at(randomMatrix(2, 3, "x")).rows).toBe(2);
    expect(() => compose(gp(rbf()), net)).toThrow(/layer 2 takes 3/);
    expect(() => compose(gpLayer(rbf({ ard: 3 }), { inputs: 2 }))).toThrow(/layer 1 takes 3/);
    expect(() => compose(net)).toThrow(/last layer/);
    expect(() => compose()).toThrow(/at least one/);
    expect(() => gpLayer(rbf(), { width: 0 })).toThrow(/width/);
    const opaque = { inputs: 1, outputs: 1, at: affine(matrix(1, 1), Float64Array.of(1)).at };
    expect(() => compose(gp(rbf()), gp(rbf(), { mean: opaque, inputs: 1 }))).toThrow(/without slopes/);
  });
});
