import {
  drawFunctions,
  ensemble,
  gaussianGap,
  infinite,
  largestLearningRate,
  linearisedTraining,
  monteCarloKernels,
  wideNetwork,
} from "../../src/infinite/index.ts";
import { type Kernel, rbf } from "../../src/kernels/index.ts";
import {
  cholesky,
  columnVector,
  type Matrix,
  matrix,
  multiply,
  solve,
  subtract,
  takeRows,
} from "../../src/linalg/index.ts";
import {
  conv2d,
  dense,
  type Examples,
  erf,
  globalAveragePool,
  type Layer,
  type NetworkPart,
  network,
  relu,
  type Shape,
  sgd,
  train,
} from "../../src/networks/index.ts";
import { fit } from "../../src/processes/index.ts";
import { key, split } from "../../src/random/index.ts";
import { jacobian } from "../../src/tangent/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { mnist } from "../support/mnist.ts";
import { randomMatrix } from "../support/random.ts";
import { uci } from "../support/uci.ts";
import { atLeast, atMost, between, type Check, type Group, reported } from "./check.ts";
import { say, saying } from "./progress.ts";

const of = (layers: readonly NetworkPart[], inputShape: Shape = [10]) => network({ inputShape, layers });
const norm = (a: Matrix) => Math.sqrt(a.data.reduce((s, v) => s + v * v, 0));
const rms = (a: Matrix) => norm(a) / Math.sqrt(a.data.length);

/** What neural-tangents' users rely on: limits, their closed-form training, and kernels as models. */
export const infiniteWidth: Group = {
  title: "Infinite width (design facts, check 4)",
  async run() {
    return [...descent(), ...convergence(), ...ensembles(), ...series(), ...digits(), ...regression()];
  },
};

/** (a), (b): 20 points on the circle, y = sin 2θ, two hidden layers of erf, half the largest rate, 1,500 steps. */
function descent(): Check[] {
  const circle = (n: number, shift: number) =>
    Array.from({ length: n }, (_, i) => (2 * Math.PI * (i + shift)) / n);
  const at = (angles: readonly number[]) =>
    matrix(angles.length, 2, Float64Array.from(angles.flatMap((a) => [Math.cos(a), Math.sin(a)])));
  const data: Examples = { x: at(circle(20, 0)), y: columnVector(circle(20, 0).map((a) => Math.sin(2 * a))) };
  const points = at(circle(20, 0.5));
  const shape = of([dense(1), erf(), dense(1), erf(), dense(1)], [2]);
  const limit = infinite(shape, { weightVariance: 1, biasVariance: 0.01 });
  const learningRate = 0.5 * largestLearningRate(limit.ntk.gram(data.x));
  const logged = [10, 100, 500, 1500];
  const checks: Check[] = [];
  const worst: number[] = [];
  for (const [width, allowed] of [
    [64, undefined],
    [256, undefined],
    [1024, 0.03],
    [2048, 0.012],
  ] as const) {
    const first = wideNetwork(shape, limit.ntk.parameters, width, split(key(3), width));
    let net = first;
    let done = 0;
    let gap = 0;
    for (const steps of logged) {
      // The mean of squares over 20 examples, against half their sum.
      const rate = (learningRate * 20) / 2;
      net = runSync(
        train(net, data, { epochs: steps - done, batchSize: 20, optimizer: sgd({ learningRate: rate }) }),
        saying(`(a) width ${width}, steps ${done} to ${steps}`),
      ).network;
      done = steps;
      const linear = linearisedTraining(first, data, { learningRate, steps });
      gap = Math.max(gap, rms(subtract(net.at(data.x), linear.at(data.x))));
      gap = Math.max(gap, rms(subtract(net.at(points), linear.at(points))));
    }
    worst.push(gap);
    const name = `(a) width ${width.toLocaleString("en")}: RMS of gradient descent − (I − ηΘ)ᵗ, largest over t and train, test`;
    checks.push(allowed ? atMost(name, gap, allowed, 4) : reported(name, gap.toFixed(4)));
  }
  checks.push(atLeast("(a) RMS at width 64 over that at 1,024", worst[0]! / worst[2]!, 3, 1));

  const small = wideNetwork(shape, limit.ntk.parameters, 32, key(5));
  const [j, across] = [jacobian(small, data.x), jacobian(small, points)];
  const w = matrix(j.cols, 1);
  for (let t = 0; t < 300; t++) {
    const residual = subtract(data.y, small.at(data.x));
    const step = multiply(j, subtract(residual, multiply(j, w)), { a: true });
    for (let k = 0; k < w.data.length; k++) w.data[k]! += learningRate * step.data[k]!;
  }
  const closed = subtract(
    linearisedTraining(small, data, { learningRate, steps: 300 }).at(points),
    small.at(points),
  );
  const found = Math.max(...subtract(closed, multiply(across, w)).data.map(Math.abs));
  checks.push({
    name: "(b) linearised network trained by 300 steps in its weights − closed form",
    threshold: "≤ 1e-9",
    found: found.toExponential(1),
    pass: found <= 1e-9,
  });
  return checks;
}

/** (c): kernels of random networks to their limit, over width and over draws, by fitted slopes. */
function convergence(): Check[] {
  const checks: Check[] = [];
  const nets: readonly [string, ReturnType<typeof of>, number][] = [
    ["erf, depth 1", of([dense(1), erf(), dense(1)]), 0.1],
    ["erf, depth 3", of([dense(1), erf(), dense(1), erf(), dense(1), erf(), dense(1)]), 0.15],
    ["relu, depth 3", of([dense(1), relu(), dense(1), relu(), dense(1), relu(), dense(1)]), 0.2],
  ];
  const points = randomMatrix(12, 10, "points");
  for (const [name, net, allowed] of nets) {
    say(`(c) ${name}: widths`);
    const limit = infinite(net);
    const exact = limit.both(points);
    const widths = [64, 256, 1024];
    const errors = (which: "nngp" | "ntk") =>
      widths.map((width) => {
        let sum = 0;
        const draws = 8;
        for (let t = 0; t < draws; t++) {
          const options = { width, draws: 1, key: split(key(11), t) };
          const found = monteCarloKernels(net, limit.ntk.parameters, options, points)[which].mean;
          sum += norm(subtract(found, exact[which])) / norm(exact[which]) / draws;
        }
        return sum;
      });
    const [nngp, ntk] = [errors("nngp"), errors("ntk")];
    checks.push(atMost(`(c) ${name}: relative error of the NTK at width 1,024, mean of 8`, ntk[2]!, allowed));
    checks.push(
      between(`(c) ${name}: slope of the NTK's error in width`, slope(widths, ntk), -0.75, -0.35, 2),
    );
    checks.push(
      between(`(c) ${name}: slope of the NNGP's error in width`, slope(widths, nngp), -0.75, -0.35, 2),
    );
  }
  const image = of([conv2d(1, 3, { padding: 1 }), relu(), globalAveragePool(), dense(1)], [2, 4, 4]);
  for (const [name, net, x, width] of [
    ["erf, depth 1", nets[0]![1], points, 512],
    ["conv, relu, global pool", image, randomMatrix(8, 32, "images"), 512],
  ] as const) {
    say(`(c) ${name}: draws`);
    const limit = infinite(net);
    const exact = limit.both(x);
    const counts = [2, 8, 32];
    for (const which of ["nngp", "ntk"] as const) {
      const errors = counts.map((draws) => {
        let sum = 0;
        for (let t = 0; t < 4; t++) {
          const options = { width, draws, key: split(key(13), t) };
          const found = monteCarloKernels(net, limit.ntk.parameters, options, x)[which].mean;
          sum += norm(subtract(found, exact[which])) / norm(exact[which]) / 4;
        }
        return sum;
      });
      const label = `${name}, width ${width}: slope of the ${which.toUpperCase()}'s error in the number of draws`;
      checks.push(between(label, slope(counts, errors), -0.75, -0.3, 2));
    }
  }
  const net = of([dense(1), relu(), dense(1)], [10]);
  const limit = infinite(net, { biasVariance: 0.1 });
  const few = takeRows(points, [0, 1, 2, 3]);
  const covariance = limit.nngp.gram(few);
  const widths = [1, 4, 16];
  const fourths = widths.map((width) => {
    say(`p(f) of width ${width}`);
    const draws = drawFunctions(net, limit.nngp.parameters, few, { width, count: 4000, key: key(width) });
    const { fourthMoment, energy, kolmogorov, kolmogorovNoise } = gaussianGap(draws, covariance, key(17));
    checks.push(
      reported(
        `p(f) of 4,000 networks of width ${width}: energy distance; Kolmogorov (5 % level); excess fourth moment`,
        `${error(energy)}; ${Math.max(...kolmogorov).toFixed(3)} (${kolmogorovNoise.toFixed(3)}); ${error(fourthMoment)}`,
      ),
    );
    return fourthMoment.value;
  });
  checks.push(
    between(
      "p(f): slope of the excess fourth moment in width (theory −1)",
      slope(widths, fourths),
      -1.35,
      -0.65,
      2,
    ),
  );
  return checks;
}

/** An ensemble of finite networks beside the infinite one. */
function ensembles(): Check[] {
  const data = {
    x: columnVector([-1.5, -0.8, -0.1, 0.6, 1.3]),
    y: columnVector([0.4, -0.9, 0.1, 1.1, -0.3]),
  };
  const points = columnVector([-1.1, -0.4, 0.2, 0.9, 1.8]);
  const shape = of([dense(1), erf(), dense(1)], [1]);
  const limit = infinite(shape, { weightVariance: 2, biasVariance: 0.05 });
  const exact = ensemble(limit, data, points, { learningRate: 0.1, steps: 60 });
  const members = 100;
  say(`${members} networks of an ensemble`);
  const all = Array.from({ length: members }, (_, t) => {
    const wide = wideNetwork(shape, limit.ntk.parameters, 1024, split(key(7), t));
    const optimizer = sgd({ learningRate: (0.1 * 5) / 2 });
    return runSync(train(wide, data, { epochs: 60, batchSize: 5, optimizer })).network.at(points).data;
  });
  let [far, ratio] = [0, 0];
  points.data.forEach((_, i) => {
    const mean = all.reduce((s, v) => s + v[i]!, 0) / members;
    const variance = all.reduce((s, v) => s + (v[i]! - mean) ** 2, 0) / (members - 1);
    far = Math.max(far, Math.abs(mean - exact.mean.data[i]!) / Math.sqrt(exact.variance.data[i]! / members));
    ratio += variance / exact.variance.data[i]! / points.rows;
  });
  return [
    atMost(
      "100 trained networks of width 1,024: mean − infinite mean at five points, in standard errors, largest",
      far,
      3,
      2,
    ),
    between("… and their variance over the infinite one, mean", ratio, 0.7, 1.4, 2),
  ];
}

/** (e): closed forms beside the Hermite series of the same activation. */
function series(): Check[] {
  const x = randomMatrix(40, 10, "series");
  return (
    [
      [erf(), 1e-12],
      [relu(), 2e-3],
    ] as const
  ).map(([layer, allowed]) => {
    const unnamed: Layer = { ...layer, definition: { kind: "unnamed" } };
    const closed = infinite(of([dense(1), layer, dense(1)])).nngp.gram(x);
    const found = infinite(of([dense(1), unnamed, dense(1)])).nngp.gram(x);
    const gap = Math.max(...subtract(closed, found).data.map(Math.abs)) / Math.max(...closed.data);
    return {
      name: `(e) ${layer.definition.kind}: closed form − 340-node series, relative`,
      threshold: `≤ ${allowed.toExponential(0)}`,
      found: gap.toExponential(1),
      pass: gap <= allowed,
    };
  });
}

/** (f): kernel regression on a thousand digits. */
function digits(): Check[] {
  const data = mnist();
  if (!data) return [reported("(f) digits", "skipped: ../shared/data/mnist is absent")];
  const unit = (x: Matrix) => {
    const out = matrix(x.rows, x.cols);
    for (let i = 0; i < x.rows; i++) {
      const row = x.data.subarray(i * x.cols, (i + 1) * x.cols);
      const size = Math.sqrt(row.reduce((s, v) => s + v * v, 0) / x.cols);
      for (let c = 0; c < x.cols; c++) out.data[i * x.cols + c] = row[c]! / size;
    }
    return out;
  };
  say("(f) digits");
  const rows = Array.from({ length: 1000 }, (_, i) => i);
  const [x, test] = [unit(takeRows(data.train.x, rows)), unit(data.test.x)];
  const y = matrix(1000, 10);
  rows.forEach((i) => {
    for (let c = 0; c < 10; c++) y.data[i * 10 + c] = (data.train.y.data[i] === c ? 1 : 0) - 0.1;
  });
  const accuracy = (gram: Matrix, cross: Matrix): number => {
    let trace = 0;
    for (let i = 0; i < 1000; i++) trace += gram.data[i * 1001]!;
    const ridge = { ...gram, data: gram.data.slice() };
    for (let i = 0; i < 1000; i++) ridge.data[i * 1001]! += (1e-3 * trace) / 1000;
    const f = multiply(cross, solve(cholesky(ridge), y));
    let right = 0;
    for (let i = 0; i < f.rows; i++) {
      const row = f.data.subarray(i * 10, (i + 1) * 10);
      if (row.indexOf(Math.max(...row)) === data.test.y.data[i]) right++;
    }
    return right / f.rows;
  };
  const linear = accuracy(multiply(x, x, { b: true }), multiply(test, x, { b: true }));
  const limit = infinite(of([dense(1), relu(), dense(1), relu(), dense(1), relu(), dense(1)], [784]));
  const own = limit.both(x);
  const cross = limit.both(test, x);
  return [
    reported("(f) 1,000 digits: accuracy of linear ridge regression", linear.toFixed(3)),
    ...(["nngp", "ntk"] as const).map((which) =>
      atLeast(
        `(f) 1,000 digits: accuracy of the depth-3 ReLU ${which.toUpperCase()} (also above linear + 0.10)`,
        accuracy(own[which], cross[which]),
        Math.max(0.91, linear + 0.1),
      ),
    ),
  ];
}

/** The tangent kernel as a regression model, beside the ARD RBF on the same splits. */
function regression(): Check[] {
  const checks: Check[] = [];
  for (const name of ["energy", "concrete", "housing", "wine"]) {
    const data = uci(name, 0);
    if (!data) return [reported("NTK regression", "skipped: ../shared/data/uci is absent")];
    const inputs = data.train.x.cols;
    const score = (model: string, kernel: Kernel): number => {
      say(`${name}: ${model}`);
      const { process } = runSync(
        fit(kernel, data.train, { starts: 1, maxIterations: 40 }),
        saying(`${name}: ${model}`),
      );
      return data.unit * rms(subtract(process.at(data.test.x).mean, data.test.y));
    };
    const limit = infinite(of([dense(1), relu(), dense(1), relu(), dense(1)], [inputs]), {
      biasVariance: 0.1,
    });
    const [ard, ntk, nngp] = [
      score("ARD RBF", rbf({ ard: inputs })),
      score("NTK", limit.ntk),
      score("NNGP", limit.nngp),
    ];
    checks.push(
      reported(
        `${name}, split 0: test RMSE of the depth-2 ReLU NTK and NNGP, fitted; of the ARD RBF`,
        `${ntk.toFixed(3)}, ${nngp.toFixed(3)}; ${ard.toFixed(3)}`,
      ),
      atMost(`${name}: RMSE of the NTK over the ARD RBF's`, ntk / ard, 1.25, 2),
    );
  }
  return checks;
}

/** The slope of log error in log size, by least squares. */
function slope(sizes: readonly number[], errors: readonly number[]): number {
  const [a, b] = [sizes.map(Math.log), errors.map((v) => Math.log(Math.max(v, 1e-300)))];
  const mean = (v: readonly number[]) => v.reduce((s, u) => s + u, 0) / v.length;
  const [ma, mb] = [mean(a), mean(b)];
  const top = a.reduce((s, v, k) => s + (v - ma) * (b[k]! - mb), 0);
  return top / a.reduce((s, v) => s + (v - ma) ** 2, 0);
}

function error({ value, standardError }: { readonly value: number; readonly standardError: number }): string {
  return `${value.toFixed(3)} ± ${standardError.toFixed(3)}`;
}
