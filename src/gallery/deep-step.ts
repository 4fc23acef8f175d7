import { type DeepPosterior, deepStack, fitDeep } from "../deep/index.ts";
import { rbf } from "../kernels/index.ts";
import { columnVector, type Matrix } from "../linalg/index.ts";
import { curves, fromLowest, functionBand, knots } from "../plot/index.ts";
import { hueOf } from "../plot/theme.ts";
import { fit, type Gaussian } from "../processes/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";
import { evenly, full, half, heightFor, type Section, say } from "./section.ts";

const count = 40;
const noise = 0.02;
const depths = [1, 2, 3, 4] as const;
const settings = {
  inducing: 15,
  steps: 400,
  samples: 4,
  stopWhenStalled: false,
  noise: "constant",
} as const;
const shown = evenly(-1.2, 1.2, 241);
const step = (x: Matrix) => x.data.map((v) => (v > 0 ? 1 : -1));

/** A jump, learned by a Gaussian process and by deep ones; what each layer of the deepest does, and its knots. */
export function* deepStepSection(key: Key, seed: number): Task<Section> {
  const x = evenly(-1, 1, count);
  const errors = normal(split(key, "noise"), count);
  const data = { x, y: columnVector(step(x).map((v, i) => v + noise * errors[i]!)) };
  const single = yield* fit(rbf(), data);
  const models: { name: string; f: Pick<Gaussian, "mean" | "interval"> }[] = [
    { name: "A Gaussian process", f: single.process.observed(shown) },
  ];
  const deep: DeepPosterior[] = [];
  for (const layers of depths) {
    const { process } = yield* fitDeep(deepStack(1, { layers }), data, { ...settings, seed });
    deep.push(process);
    models.push({
      name: layers === 1 ? "One sparse layer" : `${layers} layers`,
      f: process.observed(shown),
    });
  }
  const bands = models.map(({ name, f }) => ({ name, mean: f.mean.data, ...f.interval(0.95) }));
  const over = bands.map(({ mean }) => Math.max(...mean) - 1);
  const errorsOf = bands.map(({ mean }) => {
    const truth = step(shown);
    return Math.sqrt(mean.reduce((sum, v, i) => sum + (v - truth[i]!) ** 2, 0) / mean.length);
  });
  const deepest = deep.at(-1)!;
  const inside = evenly(-1, 1, 201);
  const warps = deepest.layersAt(inside).map(({ mean }) => fromLowest(mean.data));
  const values = gathered(deepest, inside, split(key, "knots"));
  const atLevels = warps.map((values) => values.filter((v) => v < 0.1 || v > 0.9).length / values.length);
  const best = errorsOf.slice(2).reduce((a, b) => Math.min(a, b));
  return {
    id: "deep-step",
    title: "Hierarchical function learning: a step, warped layer by layer",
    text: [
      `Forty observations of a step from −1 to 1. A Gaussian process of one lengthscale has to turn quickly everywhere ` +
        `to turn quickly once: it swings over by ${say(over[0]!, 2)} at the jump. Two layers still do, by ` +
        `${say(over[2]!, 2)}, between the two observations beside it; three and four by ${say(over[3]!, 2)} and ` +
        `${say(over[4]!, 2)}. The error falls from ${say(errorsOf[0]!, 2)} to ${say(best, 2)}. (The bands are still ` +
        `narrowing after these ${settings.steps} steps: the noise, ${noise} in truth, is learned last.)`,
      "What the deepest does is a succession of gentle warps: each layer's values, from 0 to 1, as a function of x. " +
        `Every layer pushes them further towards two levels, its knots: ${say(100 * atLevels[0]!, 2)} % of the values lie ` +
        `within a tenth of one after the first layer, ${say(100 * atLevels.at(-1)!, 2)} % after the last.`,
    ],
    pictures: [
      ...bands.map(({ name, mean, lower, upper }) =>
        half((width) =>
          functionBand({
            width,
            height: heightFor(width),
            title: name,
            input: "x",
            output: "y",
            range: [-2, 2],
            x: shown.data,
            mean,
            lower: lower.data,
            upper: upper.data,
            truth: step(shown),
            observations: { x: data.x.data, y: data.y.data },
          }),
        ),
      ),
      half((width) =>
        curves({
          width,
          height: heightFor(width),
          title: "Successive warping",
          input: "x",
          output: "value, from 0 to 1",
          curves: warps.map((y, l) => ({ name: `layer ${l + 1}`, hue: hueOf(l), x: inside.data, y })),
        }),
      ),
      full((width) =>
        knots({
          width,
          height: Math.min(340, heightFor(width)),
          title: "Knots: where the values of each layer gather",
          layers: values.map((of, l) => ({ name: `layer ${l + 1}`, values: of })),
        }),
      ),
    ],
    code: `const { process, report } = await run(fitDeep(deepStack(1, { layers: 4 }), { x, y }));
process.observed(columnVector([-0.1, 0.1])).interval(0.95);
process.layersAt(x).map(({ mean }) => mean);                // the warping, layer by layer
const [layers] = process.sampleLayers(key(seed), 1);        // one function, as its layers`,
    numbers: {
      overshootOfOne: over[0]!,
      // Of three layers and more: the bound of two prefers a swing between two observations.
      overshootOfDeep: Math.max(...over.slice(3)),
      errorOfOne: errorsOf[0]!,
      errorOfDeep: best,
      atLevelsFirst: atLevels[0]!,
      atLevelsLast: atLevels.at(-1)!,
    },
  };
}

/** The values of each layer over the places, all draws together. */
function gathered(process: DeepPosterior, x: Matrix, key: Key): readonly Float64Array[] {
  const draws = process.sampleLayers(key, 20).map((links) => {
    let h = x;
    return links.map(({ fn }) => {
      h = fn.at(h);
      return h.data;
    });
  });
  return draws[0]!.map((_, l) => Float64Array.from(draws.flatMap((layers) => Array.from(layers[l]!))));
}
