import { rmse } from "../../src/adapt/index.ts";
import { fitLatent, predictView, relevances, seenValues, usedBy } from "../../src/deep/latent/index.ts";
import { eigh, gramOf, type Matrix, matrix, rowRange, takeRows } from "../../src/linalg/index.ts";
import { key } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { canonicalRegression } from "../support/canonical-correlations.ts";
import { manifold, sharedCurves, twoViews } from "../support/manifolds.ts";
import { mnist } from "../support/mnist.ts";
import { atLeast, atMost, type Check, type Group, reported } from "./check.ts";

const seeds = [1, 2, 3];

/** What latent variables must show: dimensions found and switched off, views told apart, one from another. */
export const latent: Group = {
  title: "Latent variables (issue 9; design facts 7a): GP-LVM and several views",
  run: () => [...manifolds(), ...views(), ...otherView(), ...digits()],
};

/** A surface drawn from Gaussian processes on two latents, in 20 dimensions; 80 points, 6 latent dimensions to begin. */
function manifolds(): Check[] {
  const found = seeds.map((seed) => {
    const { y } = manifold(key(seed), 80, 20);
    const { posterior } = runSync(
      fitLatent([{ name: "y", y }], { dimensions: 6, inducing: 20, iterations: [120, 250] }),
    );
    const sorted = Array.from(relevances(posterior.views[0]!.mapping)).sort((a, b) => b - a);
    return { sorted, noise: Math.sqrt(posterior.views[0]!.mapping.noiseVariance) };
  });
  return [
    atLeast(
      "two-dimensional surface in 20 dimensions, three seeds: relevance of the second dimension, least",
      Math.min(...found.map(({ sorted }) => sorted[1]!)),
      0.1,
    ),
    atMost(
      "… of the third, largest (switched off below 0.005)",
      Math.max(...found.map(({ sorted }) => sorted[2]!)),
      0.005,
      6,
    ),
    reported("… noise sd (true 0.05)", found.map(({ noise }) => noise.toFixed(3)).join(", ")),
  ];
}

/** The two views of design facts 7a: cos² α shared, cos α and sin α private. */
function views(): Check[] {
  const right = seeds.filter((seed) => {
    const { cosine, sine } = twoViews(key(seed), 100);
    const { posterior } = runSync(
      fitLatent(
        [
          { name: "cosine", y: cosine },
          { name: "sine", y: sine },
        ],
        { dimensions: 4, inducing: 15, iterations: [100, 250] },
      ),
    );
    const roles = usedBy(posterior.model).map((users) => users.join("+"));
    return roles.sort().join(" ") === " 0 0+1 1";
  });
  return [
    atLeast("two views: seeds of 3 with one shared and two private dimensions found", right.length, 3, 0),
  ];
}

/**
 * Predicting the second view of new rows from their first, over all columns and over the five that show what is shared:
 * the other three are independent of the first view, and most of everybody's error.
 */
function otherView(): Check[] {
  const results = seeds.map((seed) => {
    const { first, second } = sharedCurves(key(seed), 200);
    const [a, b] = [rowRange(first, 0, 100), rowRange(second, 0, 100)];
    const [testA, testB] = [rowRange(first, 100, 200), rowRange(second, 100, 200)];
    const { posterior } = runSync(
      fitLatent(
        [
          { name: "a", y: a },
          { name: "b", y: b },
        ],
        { dimensions: 4, inducing: 20, iterations: [100, 150] },
      ),
    );
    const score = (predictions: readonly Matrix[], width: number) =>
      Math.min(...predictions.map((p) => rmse(leading(p, width), leading(testB, width))));
    const ours = [predictView(posterior, { a: testA }, "b").mean];
    const neighbours = [1, 2, 3, 5, 8].map((k) => nearest(a, b, testA, k));
    const linear = [1, 2, 3, 4, 5, 6, 7, 8].map((k) => canonicalRegression(a, b, k)(testA));
    const scores = (width: number) => ({
      ours: score(ours, width),
      nearest: score(neighbours.slice(0, 1), width),
      best: score(neighbours, width),
      linear: score(linear, width),
    });
    return { all: scores(8), shared: scores(5) };
  });
  return (["all", "shared"] as const).flatMap((part) => {
    const of = results.map((r) => r[part]);
    const worst = (over: "nearest" | "linear") => Math.max(...of.map((r) => r.ours / r[over]));
    const list = (pick: (r: (typeof of)[0]) => number) => of.map((r) => pick(r).toFixed(3)).join(", ");
    return [
      atMost(
        `view B from A, ${part} columns, three seeds: RMSE over the nearest neighbour's, worst`,
        worst("nearest"),
        0.99,
      ),
      atMost("… over that of linear CCA with its best number of variates, worst", worst("linear"), 0.99),
      reported(
        "… RMSE: ours; nearest; best of 1 to 8 neighbours; CCA",
        [list((r) => r.ours), list((r) => r.nearest), list((r) => r.best), list((r) => r.linear)].join("; "),
      ),
    ];
  });
}

/** The first columns. */
function leading(x: Matrix, width: number): Matrix {
  return columns(x.rows, width, (i, c) => x.data[i * x.cols + c]!);
}

function nearest(a: Matrix, b: Matrix, x: Matrix, k: number): Matrix {
  const out = matrix(x.rows, b.cols);
  for (let i = 0; i < x.rows; i++) {
    const distances = Array.from({ length: a.rows }, (_, j) => ({ j, distance: apart(x, i, a, j) }));
    distances.sort((p, q) => p.distance - q.distance);
    for (const { j } of distances.slice(0, k)) {
      for (let c = 0; c < b.cols; c++) out.data[i * b.cols + c]! += b.data[j * b.cols + c]! / k;
    }
  }
  return out;
}

/** 500 digits 3, 5 and 8: how many have a nearest neighbour of another class, in as many dimensions of each. */
function digits(): Check[] {
  const data = mnist();
  if (!data) return [reported("digits (../shared/data/mnist is not there: skipped)", "")];
  const { x: all, y: labels } = data.train;
  const chosen: number[] = [];
  for (let i = 0; i < all.rows && chosen.length < 500; i++) {
    if ([3, 5, 8].includes(labels.data[i]!)) chosen.push(i);
  }
  const x = takeRows(all, chosen);
  const classes = chosen.map((i) => labels.data[i]!);
  const { posterior } = runSync(
    fitLatent([{ name: "digits", y: x }], { dimensions: 5, inducing: 30, iterations: [60, 100] }),
  );
  const relevance = relevances(posterior.views[0]!.mapping);
  const order = Array.from(relevance.keys()).sort((p, q) => relevance[q]! - relevance[p]!);
  const { mean } = posterior.latents;
  // In units of the lengthscales: what the kernel calls near.
  const ours = (q: number) =>
    columns(x.rows, q, (i, c) => Math.sqrt(relevance[order[c]!]!) * mean.data[i * mean.cols + order[c]!]!);
  const { values, vectors } = eigh(gramOf(seenValues(x, "digits", false).values));
  const n = x.rows;
  const components = (q: number) =>
    columns(n, q, (i, c) => vectors.data[i * n + n - 1 - c]! * Math.sqrt(values[n - 1 - c]!));
  return [2, 3, 5].map((q) => {
    const [us, pca] = [errors(ours(q), classes), errors(components(q), classes)];
    return atMost(
      `digits 3, 5, 8 in ${q} dimensions: neighbours of another class; PCA's ${pca}`,
      us,
      pca - 1,
      0,
    );
  });
}

function columns(rows: number, cols: number, of: (i: number, c: number) => number): Matrix {
  return matrix(
    rows,
    cols,
    Float64Array.from({ length: rows * cols }, (_, k) => of(Math.floor(k / cols), k % cols)),
  );
}

function errors(x: Matrix, classes: readonly number[]): number {
  return classes.filter((own, i) => {
    const others = classes.map((_, j) => (j === i ? Number.POSITIVE_INFINITY : apart(x, i, x, j)));
    return classes[others.indexOf(Math.min(...others))] !== own;
  }).length;
}

function apart(a: Matrix, i: number, b: Matrix, j: number): number {
  let sum = 0;
  for (let c = 0; c < a.cols; c++) sum += (a.data[i * a.cols + c]! - b.data[j * b.cols + c]!) ** 2;
  return sum;
}
