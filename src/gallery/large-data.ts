import { rbf } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { type Curve, curves, type Figure, functionBand } from "../plot/index.ts";
import {
  conditionIteratively,
  conditionSparsely,
  fit,
  type Gaussian,
  gp,
  type Process,
} from "../processes/index.ts";
import { type Key, normal, split, uniform } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";
import { evenly, half, heightFor, type Section, say } from "./section.ts";

const count = 300;
const noise = 0.3;
const few = 10;
const enough = 20;
// Of the preconditioner: fewer than the columns that tell all of so smooth a kernel.
const rank = 12;
const shown = evenly(0, 10, 181);

/**
 * `npm run bench -- gp-methods` on kin40k (8 columns): rows, seconds that one value with its gradient takes, and peak
 * memory of the process in MB; one thread of a shared AMD EPYC. Recorded: the gallery is the same on every machine.
 */
const measured = {
  exact: [
    [1000, 0.26, 182],
    [2000, 0.59, 240],
    [4000, 3.2, 472],
    [8000, 28.8, 1214],
  ],
  iterative: [
    [1000, 0.7, 206],
    [2000, 2.1, 258],
    [4000, 8.8, 329],
    [8000, 48.5, 695],
  ],
  sparse: [
    [1000, 0.12, 174],
    [2000, 0.14, 185],
    [4000, 0.2, 190],
    [8000, 0.41, 209],
  ],
} as const;
const hues = { exact: "blue", iterative: "vermillion", sparse: "green" } as const;

/** What three ways to a posterior cost against the number of rows, and what the sparse one gives up. */
export function* largeDataSection(key: Key): Task<Section> {
  const data = drawn(key);
  const { kernel, mean, noiseVariance, process } = yield* fit(rbf(), data, { starts: 1 });
  const prior = gp(kernel, { mean, inputs: 1 });
  const seen = { ...data, noiseVariance };
  const iterative = yield* conditionIteratively(prior, seen, { rank });
  const [through, throughMore] = [few, enough].map((inducing) =>
    conditionSparsely(prior, seen, { inducing }),
  );
  const means = process.at(shown).mean.data;
  const apart = (other: { at: typeof process.at }) =>
    other.at(shown).mean.data.reduce((most, v, i) => Math.max(most, Math.abs(v - means[i]!)), 0);
  const gaps = { iterative: apart(iterative), few: apart(through!), enough: apart(throughMore!) };
  const [below, belowMore] = [through!, throughMore!].map((p) => process.logEvidence - p.logEvidence);
  const products = iterative.report.iterations;
  const last = { exact: measured.exact.at(-1)!, iterative: measured.iterative.at(-1)! };
  return {
    id: "large-data",
    title: "Large data",
    text: [
      `Exact inference factors the matrix of all pairs of rows: twice the rows, eight times the time and four times ` +
        `the memory. Conjugate gradients ask for products with that matrix only, and come to the exact answer up to a ` +
        `tolerance. With little noise, as in kin40k, that takes many products, and a step costs more than an exact ` +
        `one up to ${say(last.iterative[0])} rows (${say(last.iterative[1])} s against ${say(last.exact[1])} s); but a fit ` +
        `takes 10 of these steps, after a start on 1,000 rows, where an exact one from three starts takes about 100. ` +
        `The matrix is held up to there and computed anew for every product beyond, so that memory then grows with the ` +
        `rows alone. Inducing points stand for all rows: time too grows with the rows, and the answer is no longer exact.`,
      `Below, ${count} noisy values under one kernel. Conjugate gradients come to the exact mean within ` +
        `${say(gaps.iterative, 1)} after ${products} products. Seen through ${few} inducing points the mean is up to ${say(gaps.few, 2)} off, and the bound on the ` +
        `evidence ${say(below!, 3)} nats below it; through ${enough} points it is ${say(gaps.enough, 1)} off, with ` +
        `${say(belowMore!, 2)} nats missing. The bound says from below what the points leave out.`,
    ],
    pictures: [
      half((width) => costs("Time of a step", "seconds", 1, width)),
      half((width) => costs("Peak memory", "MB", 2, width)),
      half((width) => band(process, data, "Exact, and by conjugate gradients", width)),
      half((width) => band(through!, data, `Through ${few} inducing points`, width, through!.inducing)),
    ],
    code: `const { why, method, fit } = runSync(fitBy(rbf({ ard: 8 }), { x, y }));   // picks by size, and says why
const iterative = runSync(conditionIteratively(prior, { x, y, noiseVariance }));
console.log(iterative.report.residual, iterative.report.iterations);
const sparse = conditionSparsely(prior, { x, y, noiseVariance }, { inducing: 512 });
console.log(sparse.logEvidence);   // a lower bound
// on the command line: funspace fit table.csv --target y --method iterative --out gp.safetensors`,
    numbers: {
      iterativeGap: gaps.iterative,
      fewGap: gaps.few,
      enoughGap: gaps.enough,
      fewBelow: below!,
      enoughBelow: belowMore!,
    },
  };
}

function truth(v: number): number {
  return Math.sin(1.6 * v) + 0.5 * Math.sin(3.7 * v + 1);
}

function drawn(key: Key) {
  const x = matrix(
    count,
    1,
    uniform(split(key, "places"), count).map((u) => 10 * u),
  );
  const errors = normal(split(key, "noise"), count);
  return {
    x,
    y: matrix(
      count,
      1,
      x.data.map((v, i) => truth(v) + noise * errors[i]!),
    ),
  };
}

function costs(title: string, output: string, column: 1 | 2, width: number): Figure {
  const lines = (Object.keys(measured) as (keyof typeof measured)[]).map(
    (name): Curve => ({
      name,
      hue: hues[name],
      x: measured[name].map((row) => row[0]),
      y: measured[name].map((row) => row[column]),
    }),
  );
  return curves({
    ...{ width, height: heightFor(width), title, output, curves: lines, log: true },
    subtitle: "recorded: kin40k, one thread of an AMD EPYC",
    input: "rows",
  });
}

function band(
  process: Process<Gaussian>,
  { x, y }: { readonly x: Matrix; readonly y: Matrix },
  title: string,
  width: number,
  inducing: Matrix = matrix(0, 1),
): Figure {
  const f = process.at(shown);
  const { lower, upper } = f.interval(0.95);
  return functionBand({
    ...{ width, height: heightFor(width), title, input: "x", output: "f(x)", range: [-3, 3] },
    ...{ x: shown.data, mean: f.mean.data, lower: lower.data, upper: upper.data },
    truth: shown.data.map(truth),
    observations: { x: x.data, y: y.data },
    inducing: inducing.data,
  });
}
