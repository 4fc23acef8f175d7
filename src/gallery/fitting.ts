import { fix, type Kernel, rbf } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { evidenceSurface, functionBand } from "../plot/index.ts";
import { type Fit, fit, gp, logEvidence, zeroMean } from "../processes/index.ts";
import { type Key, normal, split, uniform } from "../random/index.ts";
import { runSync } from "../tasks/index.ts";
import { evenly, full, half, heightFor, type Section, say } from "./section.ts";

interface Data {
  readonly x: Matrix;
  readonly y: Matrix;
}

/** One fit: where each of its iterations stood, and where it ended. */
export interface FitPath {
  readonly points: readonly { readonly lengthscale: number; readonly noise: number }[];
  readonly fit: Fit;
}

const count = 9;
const truth = { lengthscale: 1, noise: 0.25 };
/** Where the two fits start: all is signal, or all is noise. */
const starts = [
  { name: "signal", lengthscale: 0.4, noise: 0.06 },
  { name: "noise", lengthscale: 6, noise: 0.3 },
] as const;
const axes = {
  lengthscale: ratios(0.2, 30, 72),
  noise: ratios(0.04, 2, 60),
};
const shown = evenly(-5, 5, 181);

/** The marginal likelihood as a surface with two optima, and the fits that end in them. */
export function fittingSection(key: Key): Section {
  const { data, paths } = dataWithTwoOptima(key);
  const values = matrix(axes.noise.length, axes.lengthscale.length);
  axes.noise.forEach((noise, i) => {
    axes.lengthscale.forEach((lengthscale, j) => {
      const at = logEvidence(unitRbf(lengthscale), noise ** 2, data.x, data.y);
      values.data[i * values.cols + j] = at.value;
    });
  });
  const [signal, noise] = paths;
  const ends = paths.map((path) => path.points.at(-1)!);
  const better = signal!.fit.logEvidence >= noise!.fit.logEvidence ? 0 : 1;
  const gap = Math.abs(signal!.fit.logEvidence - noise!.fit.logEvidence);
  const most = 1.2 * Math.max(2, ...Array.from(data.y.data, Math.abs));
  return {
    id: "fitting",
    title: "Fitting θ: a surface, its optima and the way there",
    text: [
      `Training a Gaussian process means choosing θ so that the data become likely: here the lengthscale and the ` +
        `noise for ${count} observations. log p(y | θ) is a surface, and it can have more than one top. One explains the ` +
        `data as a function that turns quickly, seen with little noise (lengthscale ${say(ends[0]!.lengthscale)}, noise sd ` +
        `${say(ends[0]!.noise)}); the other as a slow function with much noise (lengthscale ${say(ends[1]!.lengthscale)}, ` +
        `noise sd ${say(ends[1]!.noise)}).`,
      `L-BFGS climbs to the top whose foot it starts at, in ${iterationsOf(signal!.fit)} and ${iterationsOf(noise!.fit)} ` +
        `iterations. The ${starts[better].name} explanation has the higher evidence, by ${say(gap)} nats. The data were ` +
        `made with lengthscale ${truth.lengthscale} and noise sd ${truth.noise}; so few of them cannot rule out either, which is why fits start several times.`,
    ],
    pictures: [
      full((width) =>
        evidenceSurface({
          width,
          height: Math.min(500, heightFor(width) + 90),
          title: "Log marginal likelihood",
          subtitle:
            "Contours 0.1, 0.3, 0.7, 1.25, 2, 3, 4 … nats below the best; dots: iterations of two L-BFGS fits, stars: their ends",
          x: { label: "lengthscale", values: axes.lengthscale },
          y: { label: "noise sd", values: axes.noise },
          values,
          paths: paths.map(({ points, fit }, i) => ({
            name: `${starts[i]!.name}, ${fit.logEvidence.toFixed(1).replace("-", "−")} nats`,
            points: points.map((p) => ({ x: p.lengthscale, y: p.noise })),
          })),
        }),
      ),
      ...paths.map(({ fit }, i) =>
        half((width) => {
          const f = gp(fit.kernel)
            .condition({ ...data, noiseVariance: fit.noiseVariance })
            .at(shown);
          const { lower, upper } = f.interval(0.95);
          return functionBand({
            width,
            height: heightFor(width),
            title: `The ${starts[i]!.name} explanation`,
            subtitle: `lengthscale ${say(ends[i]!.lengthscale)}, noise sd ${say(ends[i]!.noise)}`,
            input: "x",
            output: "f(x)",
            range: [-most, most],
            x: shown.data,
            mean: f.mean.data,
            lower: lower.data,
            upper: upper.data,
            observations: { x: data.x.data, y: data.y.data },
          });
        }),
      ),
    ],
    code: `const x = columnVector([-4, -3, -2, -1, 0, 1, 2, 3, 4]);
const y = columnVector(Array.from(x.data, (v) => Math.sin(1.5 * v)));
const start = fix(rbf({ lengthscale: 0.4 }), "variance");
const { kernel, noiseVariance, logEvidence, process, report } = runSync(
  fit(start, { x, y }, { mean: zeroMean(1), noiseVariance: { start: 0.06 ** 2 } }),
);                              // L-BFGS with analytic gradients, from three starts
report.agreeing;                // how many of them ended at the same top
report.warnings;                // what to know before trusting it, in words
process.at(x).interval(0.95);`,
    numbers: {
      signalLengthscale: ends[0]!.lengthscale,
      signalNoise: ends[0]!.noise,
      signalEvidence: signal!.fit.logEvidence,
      noiseLengthscale: ends[1]!.lengthscale,
      noiseNoise: ends[1]!.noise,
      noiseEvidence: noise!.fit.logEvidence,
      gridBest: values.data.reduce((a, b) => Math.max(a, b)),
    },
  };
}

/** Few draws leave both explanations open: the first that does, of this key's. */
function dataWithTwoOptima(key: Key): { data: Data; paths: readonly FitPath[] } {
  for (let draw = 0; ; draw++) {
    const data = drawData(split(key, draw));
    const fits = starts.map((start) => fitFrom(start, data));
    const [signal, noise] = fits.map(endOf);
    const both =
      fits.every((fit) => fit.report.starts[0]!.converged) &&
      Math.abs(fits[0]!.logEvidence - fits[1]!.logEvidence) < 1.5 &&
      within(signal!.lengthscale, 0.4, 2) &&
      within(signal!.noise, 0.05, 0.28) &&
      within(noise!.lengthscale, 3, 20) &&
      within(noise!.noise, 0.5, 1.5);
    if (both) return { data, paths: starts.map((start, i) => pathOf(start, data, fits[i]!)) };
  }
}

function drawData(key: Key): Data {
  const spots = uniform(split(key, "places"), count).map((u) => 9 * u - 4.5);
  const x = matrix(count, 1, spots.sort());
  const [f] = gp(unitRbf(truth.lengthscale)).sample(split(key, "function"), 1);
  const errors = normal(split(key, "noise"), count);
  const y = f!.at(x);
  return { x, y: { ...y, data: y.data.map((v, i) => v + truth.noise * errors[i]!) } };
}

/** The variance stays 1, so that two hyperparameters are left to draw. */
function unitRbf(lengthscale: number): Kernel {
  return fix(rbf({ lengthscale, variance: 1 }), "variance");
}

function fitFrom(start: (typeof starts)[number], data: Data, maxIterations = 100): Fit {
  return runSync(
    fit(unitRbf(start.lengthscale), data, {
      mean: zeroMean(1),
      noiseVariance: { start: start.noise ** 2 },
      starts: 1,
      maxIterations,
    }),
  );
}

/** A fit stopped after 0, 1, 2, … iterations stands where the whole one passed. */
function pathOf(start: (typeof starts)[number], data: Data, fit: Fit): FitPath {
  const stops = Array.from({ length: iterationsOf(fit) }, (_, i) => fitFrom(start, data, i));
  return { points: [...stops, fit].map(endOf), fit };
}

function iterationsOf(fit: Fit): number {
  return fit.report.starts[0]!.iterations;
}

function endOf({ kernel, noiseVariance }: Fit) {
  return { lengthscale: kernel.parameters.lengthscale!.value[0]!, noise: Math.sqrt(noiseVariance) };
}

function within(value: number, least: number, most: number): boolean {
  return value > least && value < most;
}

function ratios(from: number, to: number, length: number): readonly number[] {
  return Array.from({ length }, (_, i) => from * (to / from) ** (i / (length - 1)));
}
