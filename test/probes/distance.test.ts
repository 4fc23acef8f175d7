import { describe, expect, it } from "vitest";
import { rbf } from "../../src/kernels/index.ts";
import { type Fn, identity, type Matrix, matrix } from "../../src/linalg/index.ts";
import { dense, network, tanh } from "../../src/networks/index.ts";
import {
  boxMeasure,
  type DistanceKind,
  dataMeasure,
  distance,
  distanceMatrix,
  innerProduct,
  inputGradients,
  klDivergence,
  normalMeasure,
  project,
  shiftedMeasure,
  wasserstein2,
} from "../../src/probes/index.ts";
import { gp } from "../../src/processes/index.ts";
import { key, split } from "../../src/random/index.ts";
import { randomMatrix } from "../support/random.ts";

const fn = (inputs: number, outputs: number, of: (x: Float64Array) => number[]): Fn => ({
  inputs,
  outputs,
  at: (x: Matrix) =>
    matrix(
      x.rows,
      outputs,
      Float64Array.from(
        Array.from({ length: x.rows }, (_, i) => of(x.data.slice(i * inputs, (i + 1) * inputs))).flat(),
      ),
    ),
});

const f = fn(1, 2, ([x]) => [Math.sin(3 * x!), x! * x!]);
const g = fn(1, 2, ([x]) => [Math.sin(3 * x!) + 0.3 * x!, Math.cos(x!)]);
const f2 = fn(2, 2, ([a, b]) => [Math.sin(a! + b!), a! * b!]);
const g2 = fn(2, 2, ([a, b]) => [Math.sin(a!), 0.5 * b!]);

/** The mean over a box by the midpoint rule, whose error at these sizes is below 1e-4. */
function quadrature(dims: number, of: (x: number[]) => number): number {
  const n = dims === 1 ? 5000 : 150;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const a = -1 + (2 * (i + 0.5)) / n;
    if (dims === 1) sum += of([a]) / n;
    else for (let j = 0; j < n; j++) sum += of([a, -1 + (2 * (j + 0.5)) / n]) / n ** 2;
  }
  return sum;
}

const at = (h: Fn, x: number[]) => h.at(matrix(1, x.length, Float64Array.from(x))).data;
const gap2 = (a: Fn, b: Fn, x: number[]) => {
  const [u, v] = [at(a, x), at(b, x)];
  return u.reduce((s, q, i) => s + (q - v[i]!) ** 2, 0);
};
const slope2 = (a: Fn, b: Fn, x: number[]) =>
  x.reduce((s, _, j) => {
    const moved = (h: Fn, by: number) =>
      at(
        h,
        x.map((q, k) => (k === j ? q + by : q)),
      );
    const d = 1e-5;
    const [au, ad, bu, bd] = [moved(a, d), moved(a, -d), moved(b, d), moved(b, -d)];
    return s + au.reduce((t, _v, p) => t + ((au[p]! - ad[p]! - bu[p]! + bd[p]!) / (2 * d)) ** 2, 0);
  }, 0);
const softmax = (v: Float64Array) => {
  const e = v.map(Math.exp);
  const total = e.reduce((a, b) => a + b, 0);
  return e.map((q) => q / total);
};
const js = (a: Fn, b: Fn, x: number[]) => {
  const [p, q] = [softmax(at(a, x)), softmax(at(b, x))];
  const kl = (r: Float64Array, s: Float64Array) =>
    r.reduce((t, v, i) => t + v * Math.log(v / ((v + s[i]!) / 2)), 0);
  return (kl(p, q) + kl(q, p)) / 2;
};
const argmax = (v: Float64Array) => v.indexOf(Math.max(...v));

function exact(kind: DistanceKind, dims: number, a: Fn, b: Fn): number {
  switch (kind) {
    case "l2":
      return Math.sqrt(quadrature(dims, (x) => gap2(a, b, x)));
    case "sobolev":
      return Math.sqrt(quadrature(dims, (x) => gap2(a, b, x) + slope2(a, b, x)));
    case "angle": {
      const inner = (p: Fn, q: Fn) =>
        quadrature(dims, (x) => {
          const v = at(q, x);
          return at(p, x).reduce((s, u, i) => s + u * v[i]!, 0);
        });
      return Math.acos(inner(a, b) / Math.sqrt(inner(a, a) * inner(b, b)));
    }
    case "disagreement":
      return quadrature(dims, (x) => (argmax(at(a, x)) === argmax(at(b, x)) ? 0 : 1));
    case "jensenShannon":
      return quadrature(dims, (x) => js(a, b, x));
    case "sup": {
      let top = 0;
      quadrature(dims, (x) => {
        top = Math.max(top, gap2(a, b, x));
        return 0;
      });
      return Math.sqrt(top);
    }
  }
}

const kinds: DistanceKind[] = ["l2", "sup", "angle", "disagreement", "jensenShannon", "sobolev"];

// 95 % intervals of T independent samples cover the exact value a binomial number of times; with 3.3 standard
// deviations on both sides all twelve checks together err with probability 1.2 % if coverage is nominal.
const trials = 400;
const slack = 3.3 * Math.sqrt((0.95 * 0.05) / trials);

describe.each([
  [1, f, g],
  [2, f2, g2],
] as const)("distances over a box in %i-D", (dims, a, b) => {
  const measure = boxMeasure(new Array(dims).fill(-1), new Array(dims).fill(1));
  it.each(kinds)("%s: the 95 % interval covers the exact value at that rate", (kind) => {
    const truth = exact(kind, dims, a, b);
    let covered = 0;
    for (let t = 0; t < trials; t++) {
      const { interval } = distance(a, b, measure, { kind, samples: 500, key: split(key(3), t) });
      // The grid's own largest value is below the supremum by less than 1e-4.
      if (interval[0] <= truth + 1e-4 && truth <= interval[1] + 1e-4) covered++;
    }
    expect(covered / trials).toBeGreaterThan(0.95 - slack);
    // Of f and g the largest gap lies inside, where the interval of a supremum is wider than it need be.
    if (kind !== "sup" || dims !== 1) expect(covered / trials).toBeLessThan(0.95 + slack);
  });
});

it("sup: the 95 % interval covers a supremum at the ends at that rate", () => {
  const [line, zero] = [fn(1, 1, ([x]) => [x!]), fn(1, 1, () => [0])];
  let covered = 0;
  for (let t = 0; t < trials; t++) {
    const options = { kind: "sup", samples: 500, key: split(key(4), t) } as const;
    const { interval } = distance(line, zero, boxMeasure([-1], [1]), options);
    if (interval[0] <= 1 && 1 <= interval[1]) covered++;
  }
  expect(Math.abs(covered / trials - 0.95)).toBeLessThan(slack);
});

describe("distances", () => {
  const x = randomMatrix(1000, 3, "x");
  const nets = [0, 1, 2].map((seed) =>
    network({ inputShape: [3], layers: [dense(8), tanh(), dense(4)], seed, precision: "f64" }),
  );
  const measure = dataMeasure(x);
  it.each(kinds)(
    "%s: zero to itself, symmetric, and no shorter than a detour where it is a metric",
    (kind) => {
      const d = distanceMatrix(nets, measure, { kind }).data;
      // acos loses half the digits near 1.
      expect(distance(nets[0]!, nets[0]!, measure, { kind }).value).toBeLessThan(
        kind === "angle" ? 1e-7 : 1e-15,
      );
      expect(d[1]).toBe(d[3]);
      expect(d[1]).toBeCloseTo(distance(nets[1]!, nets[0]!, measure, { kind }).value, 14);
      if (kind !== "jensenShannon") expect(d[2]!).toBeLessThanOrEqual(d[1]! + d[5]! + 1e-12);
    },
  );

  it("grow with the noise added to one layer", () => {
    const noise = randomMatrix(1, 24, "noise").data;
    const ladder = [0.01, 0.03, 0.1, 0.3, 1].map((size) => ({
      ...network({ inputShape: [3], layers: [dense(8), tanh(), dense(4)], seed: 0, precision: "f64" }),
      size,
    }));
    for (const kind of kinds) {
      const values = ladder.map(({ size }) => {
        const base = nets[0]!;
        const first = base.weights[0]!;
        const weight = {
          ...first.weight!,
          data: Float64Array.from(first.weight!.data, (w, i) => w + size * noise[i]!),
        };
        const moved = network({
          inputShape: [3],
          layers: [dense(8), tanh(), dense(4)],
          seed: 0,
          precision: "f64",
        });
        (moved.weights[0]! as { weight: unknown }).weight = weight;
        return distance(base, moved, measure, { kind }).value;
      });
      expect(values).toEqual([...values].sort((p, q) => p - q));
    }
  });

  it("gradients of networks, sampled paths and plain functions agree with differences", () => {
    const path = gp(rbf({ lengthscale: 0.7 }), { inputs: 2 }).sample(key(1), 1)[0]!;
    const points = randomMatrix(6, 2, "points");
    const plain: Fn = { inputs: 2, outputs: 1, at: (p) => path.at(p) };
    const [exactly] = inputGradients(path, points);
    const [nearly] = inputGradients(plain, points);
    exactly!.data.forEach((v, k) => {
      expect(nearly!.data[k]).toBeCloseTo(v, 7);
    });
    const net = nets[0]!;
    const three = randomMatrix(6, 3, "three");
    const hidden: Fn = { inputs: 3, outputs: 4, at: (p) => net.at(p) };
    inputGradients(net, three).forEach((gradient, p) => {
      gradient.data.forEach((v, k) => {
        expect(inputGradients(hidden, three)[p]!.data[k]).toBeCloseTo(v, 7);
      });
    });
  });

  it("projection onto a span that holds the function is the function, and leaves what is orthogonal", () => {
    const powers = [0, 1, 2].map((k) => fn(1, 1, ([v]) => [v! ** k]));
    const target = fn(1, 1, ([v]) => [2 - v! + 3 * v! * v!]);
    const box = boxMeasure([-1], [1]);
    const p = project(target, powers, box, { samples: 50 });
    [2, -1, 3].forEach((c, i) => {
      expect(p.coefficients[i]).toBeCloseTo(c, 8);
    });
    expect(p.outside).toBeLessThan(1e-15);
    // ⟨1, x²⟩ over [−1, 1] is 1/3.
    const product = innerProduct(powers[0]!, powers[2]!, box, { samples: 20_000 });
    expect(Math.abs(product.value - 1 / 3)).toBeLessThan(4 * product.standardError);
  });

  it("measures shift, and have the moments they state", () => {
    const points = shiftedMeasure(normalMeasure([1, 2], [0.5, 3]), [10, 0]).draw(key(5), 40_000);
    const mean = [0, 0];
    points.data.forEach((v, k) => {
      mean[k % 2]! += v / points.rows;
    });
    // Four standard errors: 4 σ/√40,000.
    expect(Math.abs(mean[0]! - 11)).toBeLessThan(0.01);
    expect(Math.abs(mean[1]! - 2)).toBeLessThan(0.06);
  });
});

describe("distances of processes", () => {
  const x = matrix(1, 1, Float64Array.of(0.3));
  const p = gp(rbf({ variance: 4 }), { inputs: 1 });
  const q = gp(rbf({ variance: 1 }), { inputs: 1, mean: fn(1, 1, () => [1.5]) });
  it("equal the closed forms of two normals at one point", () => {
    expect(wasserstein2(p, q, x)).toBeCloseTo(Math.sqrt(1.5 ** 2 + (2 - 1) ** 2), 12);
    expect(klDivergence(p, q, x)).toBeCloseTo(0.5 * (4 + 1.5 ** 2 - 1 - Math.log(4)), 12);
  });
  it("are zero for a process and itself at many points, and W2 of commuting covariances is that of their roots", () => {
    const points = randomMatrix(12, 1, "points");
    expect(wasserstein2(p, p, points)).toBeLessThan(1e-6);
    expect(klDivergence(p, p, points)).toBeCloseTo(0, 6);
    const k = p.at(points).covariance;
    const trace = identity(12).data.reduce((s, one, i) => s + one * k.data[i]!, 0);
    const half = gp(rbf({ variance: 1 }), { inputs: 1 });
    // Covariances 4R and R: (2 − 1)² tr R.
    expect(wasserstein2(p, half, points)).toBeCloseTo(Math.sqrt(trace / 4 / 12), 6);
  });
});
