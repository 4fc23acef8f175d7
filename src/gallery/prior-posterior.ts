import { rbf } from "../kernels/index.ts";
import { type Matrix, matrix, rowRange } from "../linalg/index.ts";
import { functionBand } from "../plot/index.ts";
import { gp, type Process } from "../processes/index.ts";
import { type Key, normal, split, uniform } from "../random/index.ts";
import { evenly, half, heightFor, percent, type Section, say, shareInside } from "./section.ts";

const noise = 0.1;
const seen = [0, 1, 3, 9] as const;
const shown = evenly(-5, 5, 181);

/** p(f) becomes p(f | data). */
export function priorPosteriorSection(key: Key): Section {
  const prior = gp(rbf());
  const [truth] = prior.sample(split(key, "truth"), 1);
  const { x, y } = observed((at) => truth!.at(at), key);
  const steps = seen.map((count) => {
    const data = { x: rowRange(x, 0, count), y: rowRange(y, 0, count), noiseVariance: noise ** 2 };
    const process: Process<ReturnType<typeof prior.at>> = count === 0 ? prior : prior.condition(data);
    const f = process.at(shown);
    return {
      count,
      data,
      mean: f.mean,
      bands: f.interval(0.95),
      spread: average(f.standardDeviation.data),
      samples: process.sample(split(key, "samples"), 4).map((path) => path.at(shown).data),
    };
  });
  const last = steps.at(-1)!;
  const values = truth!.at(shown).data;
  const covered = shareInside(values, last.bands);
  const largest = steps.flatMap(({ bands, samples }) => [
    ...bands.upper.data,
    ...bands.lower.data,
    ...samples.flatMap((s) => [...s]),
  ]);
  const most = 1.05 * Math.max(...largest.map(Math.abs));
  const titles = [
    "Before any data: the prior",
    ...seen.slice(1).map((n) => `After ${n} observation${n > 1 ? "s" : ""}`),
  ];
  return {
    id: "prior-and-posterior",
    title: "Prior and posterior",
    text: [
      "A Gaussian process is a distribution over functions. Before any data it holds every function that the kernel " +
        "finds plausible; the band holds 95 % of their values at each place, the thin lines are functions drawn from it.",
      "Conditioning keeps the functions that pass near the observations. The mean is k(x, X)(K + σ²I)⁻¹y, the " +
        `standard deviation falls from ${say(steps[0]!.spread)} on average to ${steps
          .slice(1, -1)
          .map(({ spread }) => say(spread))
          .join(", ")} and ${say(last.spread)}; where nothing was seen, it stays wide. The last band holds ` +
        `${percent(covered)} of the true function, which was drawn from the prior and seen with noise of sd ${noise}.`,
    ],
    pictures: steps.map(({ count, data, mean, bands, samples }, i) =>
      half((width) =>
        functionBand({
          width,
          height: heightFor(width),
          title: titles[i]!,
          input: "x",
          output: "f(x)",
          range: [-most, most],
          x: shown.data,
          mean: mean.data,
          lower: bands.lower.data,
          upper: bands.upper.data,
          samples,
          ...(count > 0 && { truth: values, observations: { x: data.x.data, y: data.y.data } }),
        }),
      ),
    ),
    code: `const prior = gp(rbf());                                          // p(f)
const [truth] = prior.sample(key(seed), 1);
const x = columnVector([-3.2, -0.4, 1.5]);
const y = truth.at(x);
const posterior = prior.condition({ x, y, noiseVariance: 0.01 });   // p(f | data)

const f = posterior.at(columnVector([0, 1, 2]));
f.mean; f.standardDeviation; f.interval(0.95);
const paths = posterior.sample(key(seed), 4);                     // functions through the data`,
    numbers: { priorSpread: steps[0]!.spread, posteriorSpread: last.spread, covered },
  };
}

/** Places anywhere in the middle, in the order they are met, and the values there with noise. */
function observed(truth: (x: Matrix) => Matrix, key: Key): { x: Matrix; y: Matrix } {
  const count = seen.at(-1)!;
  const x = matrix(
    count,
    1,
    uniform(split(key, "places"), count).map((u) => 8 * u - 4),
  );
  const errors = normal(split(key, "noise"), count);
  const y = truth(x);
  return { x, y: { ...y, data: y.data.map((v, i) => v + noise * errors[i]!) } };
}

function average(values: Float64Array): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}
