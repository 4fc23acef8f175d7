import { describe, expect, it } from "vitest";
import { encode, encoderInputs } from "../../../src/deep/latent/encoder.ts";
import { type LatentModel, latentBound, type Mapping, seenValues } from "../../../src/deep/latent/index.ts";
import { latentCoordinates } from "../../../src/deep/latent/latent-coordinates.ts";
import { affine, type Kernel, linear, rbf, sum } from "../../../src/kernels/index.ts";
import {
  add,
  cholesky,
  dot,
  gramOf,
  halfSolve,
  identity,
  logDeterminant,
  type Matrix,
  matrix,
  solve,
} from "../../../src/linalg/index.ts";
import { key, normal, split, uniform } from "../../../src/random/index.ts";

const root = key(5);
const n = 12;
const draw = (name: string, rows: number, cols: number) =>
  matrix(rows, cols, normal(split(root, name), rows * cols));
const values = draw("y", n, 4);
const gaps = (y: Matrix) =>
  matrix(
    y.rows,
    y.cols,
    y.data.map((v, k) => (k % 7 === 3 || k === 0 ? Number.NaN : v)),
  );

function mapping(name: string, kernel: Kernel, q: number, m = 5, noiseVariance = 0.3): Mapping {
  return { kernel, inducing: draw(name, m, q), noiseVariance, jitter: 1e-6 };
}

function latents(name: string, q: number, size = 1) {
  const u = uniform(split(root, `${name} variance`), n * q);
  return {
    mean: draw(name, n, q),
    variance: matrix(
      n,
      q,
      u.map((v) => size * v),
    ),
  };
}

describe("the bound of a latent model", () => {
  const q = 2;
  const kernel = rbf({ lengthscale: [0.8, 1.4], variance: 1.2 });
  const one = mapping("z", kernel, q);
  const model: LatentModel = { levels: [latents("x", q)], views: [one], links: [] };

  it("is below the exact evidence, latents integrated out, for any q", () => {
    // Of two rows K depends on x₁ − x₂ alone, which is N(0, 2): one integral, by the trapezium rule.
    const kernel = rbf({ lengthscale: 0.7, variance: 1.1 });
    const y = matrix(2, 3, draw("two rows", 2, 3).data);
    const seen = seenValues(y, "y", false, new Float64Array(3));
    const step = 0.02;
    let evidence = 0;
    for (let apart = -12; apart <= 12; apart += step) {
      const x = matrix(2, 1, Float64Array.of(0, apart));
      const k = add(kernel.gram(x), identity(2, 0.3));
      evidence +=
        step * Math.exp(logEvidence(k, y)) * (Math.exp((-apart * apart) / 4) / Math.sqrt(4 * Math.PI));
    }
    for (let s = 0; s < 40; s++) {
      const own = split(split(root, "any q"), s);
      const levels = [
        {
          mean: matrix(2, 1, normal(split(own, "mean"), 2)),
          variance: matrix(2, 1, uniform(split(own, "variance"), 2)),
        },
      ];
      const inducing = matrix(3, 1, normal(split(own, "z"), 3));
      const views = [{ kernel, inducing, noiseVariance: 0.3, jitter: 1e-8 }];
      expect(latentBound({ levels, views, links: [] }, [seen]).value).toBeLessThan(Math.log(evidence));
    }
  });

  it("with certain latents is SGPR's collapsed bound, and with an inducing input at each row the exact evidence", () => {
    const x = latents("x", q, 1e-12);
    const y = centred(values);
    const bound = latentBound({ ...model, levels: [x] }, [seenValues(values, "y", false)]);
    const z = one.inducing;
    // A mapping's jitter is relative to the kernel's variance, here 1.2.
    const kzz = cholesky(add(kernel.gram(z), identity(z.rows, 1.2 * one.jitter)));
    const root = halfSolve(kzz, kernel.cross(z, x.mean));
    const nystrom = gramOf(root, true);
    let missed = 0;
    kernel.diagonal(x.mean).forEach((v, i) => {
      missed += v - nystrom.data[i * (n + 1)]!;
    });
    const sgpr =
      logEvidence(add(nystrom, identity(n, one.noiseVariance)), y) -
      (0.5 * y.cols * missed) / one.noiseVariance;
    // Variances of 1e-12 move it by about as much.
    expect(bound.value + divergenceOf(x)).toBeCloseTo(sgpr, 7);
    const whole = { ...one, inducing: x.mean, jitter: 1e-10 };
    const exact = latentBound({ levels: [x], views: [whole], links: [] }, [seenValues(values, "y", false)]);
    const evidence = logEvidence(add(kernel.gram(x.mean), identity(n, one.noiseVariance)), y);
    // The jitter of 1e-10 is amplified by the condition of the kernel matrix, about 1e3.
    expect(exact.value + divergenceOf(x)).toBeCloseTo(evidence, 5);
  });

  it("counts what was seen: columns with gaps are those columns by themselves on the rows seen", () => {
    const y = gaps(values);
    const whole = latentBound(model, [seenValues(y, "y", true)]);
    let sum = -divergenceOf(model.levels[0]!);
    for (let c = 0; c < y.cols; c++) {
      const rows = Array.from({ length: n }, (_, i) => i).filter(
        (i) => !Number.isNaN(y.data[i * y.cols + c]!),
      );
      const pick = (a: Matrix) =>
        matrix(
          rows.length,
          a.cols,
          Float64Array.from(rows.flatMap((i) => Array.from(a.data.subarray(i * a.cols, (i + 1) * a.cols)))),
        );
      const part = { mean: pick(model.levels[0]!.mean), variance: pick(model.levels[0]!.variance) };
      const column = matrix(
        rows.length,
        1,
        Float64Array.from(rows, (i) => y.data[i * y.cols + c]!),
      );
      const alone = latentBound({ ...model, levels: [part] }, [seenValues(column, "y", false)]);
      sum += alone.value + divergenceOf(part);
    }
    expect(whole.value).toBeCloseTo(sum, 9);
  });
});

describe("the gradient of the bound in all coordinates, against finite differences", () => {
  const views = { first: values, second: draw("second", n, 3) };
  const models: Readonly<Record<string, { model: LatentModel; data: ReturnType<typeof seenValues>[] }>> = {
    "two views, one with gaps": {
      model: {
        levels: [latents("x", 2)],
        views: [mapping("z", rbf({ ard: 2 }), 2), mapping("z2", linear({ ard: 2 }), 2, 3)],
        links: [],
      },
      data: [seenValues(gaps(views.first), "first", true), seenValues(views.second, "second", false)],
    },
    "an rbf and a linear kernel added": {
      model: {
        levels: [latents("x", 2)],
        views: [mapping("z", sum(linear({ ard: 2 }), rbf({ ard: 2 })), 2)],
        links: [],
      },
      data: [seenValues(gaps(views.first), "first", true)],
    },
    "three levels": {
      model: {
        levels: [latents("x", 2), latents("h", 2), latents("t", 1)],
        views: [mapping("z", rbf({ ard: 2 }), 2)],
        links: [mapping("z2", rbf({ lengthscale: [1, 0.6] }), 2, 4, 0.2), mapping("z3", rbf(), 1, 4, 0.4)],
      },
      data: [seenValues(views.first, "first", false)],
    },
    "an encoder": {
      model: {
        levels: [latents("x", 2)],
        views: [mapping("z", rbf({ ard: 2 }), 2)],
        links: [],
        encoder: affine(
          matrix(
            4,
            4,
            normal(split(root, "w"), 16).map((v) => 0.3 * v),
          ),
          new Float64Array(4),
        ),
      },
      data: [seenValues(views.first, "first", false)],
    },
  };

  it.each(Object.entries(models))("%s", (_name, { model, data }) => {
    const inputs = encoderInputs(data);
    const coordinates = latentCoordinates(model, inputs, "free");
    const start = coordinates.of(
      model.encoder ? { ...model, levels: [encode(model.encoder, inputs)] } : model,
    );
    const at = coordinates.at(start);
    const gradient = coordinates.gradient(at, latentBound(at, data).slopes());
    expect(gradient.length).toBe(start.length);
    start.forEach((_, k) => {
      const h = 1e-5;
      const side = (sign: number) =>
        latentBound(coordinates.at(start.map((v, i) => (i === k ? v + sign * h : v))), data).value;
      const difference = (side(1) - side(-1)) / (2 * h);
      // Central differences of a bound of about 1e2 at steps of 1e-5: rounding leaves about 1e-8.
      expect(Math.abs(gradient[k]! - difference)).toBeLessThan(2e-6 * Math.max(1, Math.abs(difference)));
    });
  });
});

function centred(y: Matrix): Matrix {
  return seenValues(y, "y", false).values;
}

function divergenceOf({ mean, variance }: { mean: Matrix; variance: Matrix }): number {
  let sum = 0;
  mean.data.forEach((v, k) => {
    const s = variance.data[k]!;
    sum += 0.5 * (v * v + s - Math.log(s) - 1);
  });
  return sum;
}

/** Σ over columns of log N(y; 0, K). */
function logEvidence(k: Matrix, y: Matrix): number {
  const factor = cholesky(k);
  return (
    -0.5 *
    (dot(y.data, solve(factor, y).data) + y.cols * (logDeterminant(factor) + y.rows * Math.log(2 * Math.PI)))
  );
}
