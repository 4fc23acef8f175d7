import { describe, expect, it } from "vitest";
import { gramOf, identity, type Matrix, matrix, multiply } from "../../src/linalg/index.ts";
import { dense, network, relu } from "../../src/networks/index.ts";
import {
  dataMeasure,
  distance,
  featureGradientKernel,
  featuresAndGradients,
  inputGradients,
  kernelSimilarity,
  layerFeatures,
  permuteUnits,
  rescaleUnits,
  rowSketch,
  type SimilarityIndex,
  similarity,
  similarityMatrix,
  sketchedFeatureGradientKernel,
  weightDistance,
} from "../../src/probes/index.ts";
import { key } from "../../src/random/index.ts";
import { golden, rows } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const g = golden("similarity");
const [x, y] = [rows(g.x), rows(g.y)];
const withIdentity = (a: Matrix) => {
  const k = gramOf(a);
  for (let i = 0; i < k.rows; i++) k.data[i * k.rows + i]! += 0.5;
  return k;
};

describe("similarity indices", () => {
  it.each(["cka", "cca", "svcca", "procrustes"] as const)("%s equals numpy's", (index) => {
    // Singular values by eigenvalues of a product lose a few digits.
    expect(similarity(index, x, y)).toBeCloseTo(g[index], 10);
  });
  it.each(["cka", "bures", "euclidean"] as const)("%s of kernels equals scipy's", (index) => {
    expect(kernelSimilarity(index, withIdentity(x), withIdentity(y))).toBeCloseTo(g.kernel[index], 9);
  });

  const rotation = (n: number) => {
    const a = randomMatrix(n, n, "rotation");
    // Cayley: (I − S)(I + S)⁻¹ of a skew S; here by Gram–Schmidt.
    const out = matrix(n, n);
    for (let i = 0; i < n; i++) {
      const row = a.data.slice(i * n, (i + 1) * n);
      for (let j = 0; j < i; j++) {
        const other = out.data.subarray(j * n, (j + 1) * n);
        const overlap = row.reduce((s, v, k) => s + v * other[k]!, 0);
        row.forEach((_, k) => {
          row[k]! -= overlap * other[k]!;
        });
      }
      const norm = Math.hypot(...row);
      out.data.set(
        row.map((v) => v / norm),
        i * n,
      );
    }
    return out;
  };
  const indices: SimilarityIndex[] = ["cka", "cca", "svcca", "procrustes", "bures"];
  it.each(indices)("%s is 1 to itself, symmetric, and does not see rotation, scale and shift", (index) => {
    expect(similarity(index, x, x)).toBeCloseTo(1, 10);
    expect(similarity(index, x, y)).toBeCloseTo(similarity(index, y, x), 10);
    const turned = multiply(x, rotation(6));
    const moved = { ...turned, data: turned.data.map((v, k) => 3 * v + (k % 6)) };
    expect(similarity(index, moved, y)).toBeCloseTo(similarity(index, x, y), 10);
    const all = similarityMatrix(index, [x, y]);
    expect(all.data[1]).toBe(all.data[2]);
  });
  it("cca does not see an invertible linear map, cka does", () => {
    const bent = multiply(x, randomMatrix(6, 6, "map"));
    expect(similarity("cca", bent, y)).toBeCloseTo(similarity("cca", x, y), 8);
    expect(Math.abs(similarity("cka", bent, y) - similarity("cka", x, y))).toBeGreaterThan(1e-3);
  });
});

describe("features and gradients", () => {
  const net = network({
    inputShape: [4],
    layers: [dense(6), relu(), dense(5), relu(), dense(3)],
    seed: 2,
    precision: "f64",
  });
  const points = randomMatrix(30, 4, "points");
  it("the gradient at the input is that of Σ q log p, q held fixed", () => {
    const base = net.at(points);
    const logp = (values: Matrix, i: number, k: number) => {
      const row = values.data.subarray(i * 3, i * 3 + 3);
      const top = Math.max(...row);
      return row[k]! - top - Math.log(row.reduce((s, v) => s + Math.exp(v - top), 0));
    };
    const q = (i: number, k: number) => {
      const roots = [0, 1, 2].map((c) => Math.exp(logp(base, i, c) / 2));
      return roots[k]! / roots.reduce((a, b) => a + b, 0);
    };
    const objective = {
      inputs: 4,
      outputs: 1,
      at: (p: Matrix) => {
        const values = net.at(p);
        return matrix(
          p.rows,
          1,
          Float64Array.from({ length: p.rows }, (_, i) =>
            [0, 1, 2].reduce((s, k) => s + q(i, k) * logp(values, i, k), 0),
          ),
        );
      },
    };
    const [slopes] = inputGradients(objective, points);
    const first = network({ inputShape: [4], layers: [dense(6)], seed: 2, precision: "f64" });
    const { gradients } = featuresAndGradients(net, points, 0);
    // The chain rule through the first dense layer brings the gradient at its output to the input.
    const back = multiply(gradients, {
      rows: 6,
      cols: 4,
      data: first.weights[0]!.weight!.data as Float64Array,
    });
    slopes!.data.forEach((v, k) => {
      expect(back.data[k]).toBeCloseTo(v, 7);
    });
  });
  it("of a single output the gradient is the output's own", () => {
    const single = network({
      inputShape: [4],
      layers: [dense(6), relu(), dense(1)],
      seed: 3,
      precision: "f64",
    });
    const { gradients } = featuresAndGradients(single, points, 1);
    const out = Array.from(single.weights[2]!.weight!.data);
    for (let i = 0; i < 30; i++) {
      expect(Array.from(gradients.data.subarray(i * 6, i * 6 + 6))).toEqual(out);
    }
  });
  it("the identity as sketch gives the exact kernel, a random one its Gram on average", () => {
    const exact = featureGradientKernel(net, points, 1);
    expect(sketchedFeatureGradientKernel(net, points, 1, identity(30)).data).toEqual(exact.data);
    const f = layerFeatures(net, points, 1);
    const inner = gramOf(f, true);
    let total = 0;
    const draws = 400;
    for (let t = 0; t < draws; t++) {
      const sketched = multiply(rowSketch(key(t), 20, 30, 2), f);
      total += gramOf(sketched, true).data[0]! / draws;
    }
    // E[SᵀS] = I; with 400 draws of 20 buckets the mean is within 10 %.
    expect(total / inner.data[0]!).toBeGreaterThan(0.9);
    expect(total / inner.data[0]!).toBeLessThan(1.1);
  });
});

describe("weights far apart that are one function", () => {
  const net = network({ inputShape: [4], layers: [dense(6), relu(), dense(3)], seed: 2, precision: "f64" });
  const measure = dataMeasure(randomMatrix(50, 4, "points"));
  it("permuted units", () => {
    const twin = permuteUnits(net, 0, [3, 1, 0, 5, 4, 2]);
    expect(distance(net, twin, measure).value).toBeLessThan(1e-14);
    expect(weightDistance(net, twin)).toBeGreaterThan(0.5);
    expect(() => permuteUnits(net, 0, [0, 0, 1, 2, 3, 4])).toThrow("6 units");
  });
  it("rescaled relu units", () => {
    const twin = rescaleUnits(net, 0, [2, 0.5, 3, 1, 4, 0.1]);
    expect(distance(net, twin, measure).value).toBeLessThan(1e-14);
    expect(weightDistance(net, twin)).toBeGreaterThan(0.5);
  });
});
