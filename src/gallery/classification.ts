import { rbf } from "../kernels/index.ts";
import { columnVector, type Matrix, matrix } from "../linalg/index.ts";
import { functionBand } from "../plot/index.ts";
import {
  fitLikelihood,
  type Gaussian,
  type LatentMethodName,
  type Likelihood,
  likelihoods,
} from "../processes/index.ts";
import { type Key, normal, split, uniform } from "../random/index.ts";
import { runSync } from "../tasks/index.ts";
import { evenly, half, heightFor, percent, type Section, say } from "./section.ts";

const shown = evenly(-4, 4, 161);
const count = 60;

/** Likelihoods that are not Gaussian: classes, and numbers with outliers. */
export function classificationSection(key: Key): Section {
  const x = matrix(
    count,
    1,
    uniform(split(key, "places"), count).map((u) => 8 * u - 4),
  );
  const luck = uniform(split(key, "labels"), count);
  const chance = (v: number) => sigmoid(3 * Math.sin(v));
  const labels = columnVector(Array.from(x.data, (v, i) => (luck[i]! < chance(v) ? 1 : 0)));
  const noise = normal(split(key, "noise"), count);
  const wild = uniform(split(key, "outliers"), count);
  const targets = columnVector(
    Array.from(x.data, (v, i) => Math.sin(v) + 0.15 * noise[i]! + (wild[i]! < 0.12 ? 4 : 0)),
  );
  const fitted = (y: Matrix, likelihood: Likelihood, method: LatentMethodName = "laplace") =>
    runSync(fitLikelihood(rbf(), { x, y }, likelihood, { method, starts: 1 })).process;

  const classes = (["laplace", "variational"] as const).map((method) => {
    const process = fitted(labels, likelihoods.bernoulli(), method);
    const found = process.predictive(shown);
    const p = found.kind === "classes" ? found.probabilities.data.filter((_, k) => k % 2 === 1) : shown.data;
    return { process, p, band: squashed(process.at(shown)) };
  });
  const truth = shown.data.map(chance);
  const error = (p: Float64Array) => p.reduce((sum, v, i) => sum + Math.abs(v - truth[i]!) / p.length, 0);
  const [laplaceError, variationalError] = classes.map(({ p }) => error(p));

  const wave = shown.data.map(Math.sin);
  const numbers = [likelihoods.gaussian(), likelihoods.studentT()].map((likelihood) => {
    const f = fitted(targets, likelihood).at(shown);
    const gap = Math.sqrt(f.mean.data.reduce((sum, v, i) => sum + (v - wave[i]!) ** 2 / wave.length, 0));
    return { f, band: f.interval(0.95), gap };
  });
  const names = ["By Laplace's approximation", "By variational inference"];
  return {
    id: "classification",
    title: "What is seen need not be Gaussian",
    text: [
      "A class says of a function only on which side it probably lies. The function is still a Gaussian process; what " +
        "is seen of it are labels, class 1 with the probability σ(f). The posterior is no Gaussian any more: Laplace's " +
        "approximation puts one at its mode, variational inference the closest one. From " +
        `${count} labels the probability is found to ${say(laplaceError!, 2)} on average by the one and to ` +
        `${say(variationalError!, 2)} by the other; the bands hold 95 % of what σ(f) may be.`,
      `Numbers have outliers: here about one in eight lies 4 too high. Under Gaussian noise the mean is off by ` +
        `${say(numbers[0]!.gap, 2)} (root mean square) and all points are noisy; under Student-t noise, where what lies ` +
        `far away pulls less and less, by ${say(numbers[1]!.gap, 2)}.`,
    ],
    pictures: [
      ...classes.map(({ p, band }, i) =>
        half((width) =>
          functionBand({
            width,
            height: heightFor(width),
            title: names[i]!,
            subtitle: `class 1 is expected where it is most likely in ${percent(
              p.filter((v, k) => v > 0.5 === truth[k]! > 0.5).length / p.length,
            )} of places`,
            input: "x",
            output: "p(class 1)",
            range: [0, 1],
            x: shown.data,
            mean: p,
            lower: band.lower,
            upper: band.upper,
            truth,
            observations: { x: x.data, y: labels.data },
          }),
        ),
      ),
      ...numbers.map(({ f, band }, i) =>
        half((width) =>
          functionBand({
            width,
            height: heightFor(width),
            title: ["Outliers under Gaussian noise", "The same under Student-t noise"][i]!,
            input: "x",
            output: "f(x)",
            range: [-2.5, 5.5],
            x: shown.data,
            mean: f.mean.data,
            lower: band.lower.data,
            upper: band.upper.data,
            truth: wave,
            observations: { x: x.data, y: targets.data },
          }),
        ),
      ),
    ],
    code: `const x = columnVector([-3, -2, -1, 0, 1, 2, 3]);
const labels = columnVector([0, 0, 0, 1, 1, 0, 1]);
const { process } = runSync(fitLikelihood(rbf(), { x, y: labels }, likelihoods.bernoulli()));
process.predictive(columnVector([0.5])).probabilities;              // of classes 0 and 1
process.at(columnVector([0.5])).interval(0.95);                     // of the function behind them`,
    numbers: {
      laplaceError: laplaceError!,
      variationalError: variationalError!,
      gaussianGap: numbers[0]!.gap,
      studentGap: numbers[1]!.gap,
    },
  };
}

/** The 95 % band of f as one of σ(f). */
function squashed(f: Gaussian): { readonly lower: Float64Array; readonly upper: Float64Array } {
  const { lower, upper } = f.interval(0.95);
  return { lower: lower.data.map(sigmoid), upper: upper.data.map(sigmoid) };
}

function sigmoid(v: number): number {
  return 1 / (1 + Math.exp(-v));
}
