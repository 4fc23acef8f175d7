import { compose, gpLayer, jacobianSpectrum } from "../deep/index.ts";
import { rbf } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { curves } from "../plot/index.ts";
import { hueOf } from "../plot/theme.ts";
import { type Key, split, uniform } from "../random/index.ts";
import { evenly, half, heightFor, type Section, say } from "./section.ts";

const depths = [1, 2, 4, 8] as const;
const shown = evenly(-3, 3, 601);

/** Functions drawn from compositions of Gaussian processes, and what depth does to them. */
export function deepPriorsSection(key: Key): Section {
  const drawn = depths.map((depth) => ({
    depth,
    paths: compose(...Array.from({ length: depth }, () => gpLayer(rbf())))
      .sample(split(key, depth), 4)
      .map((f) => f.at(shown).data),
  }));
  const flat = drawn.map(({ paths }) => shareFlat(paths));
  const [plain, skipping] = [false, true].map((skip) => secondDirection(split(key, "wide"), skip));
  return {
    id: "deep-priors",
    title: "Deep Gaussian processes: functions of functions",
    text: [
      "Where the input of a Gaussian process is the value of another, functions are drawn that no single kernel " +
        "draws: quick here and flat there. The more layers, the more a function rests on a few levels and jumps " +
        "between them: what one layer maps together no later layer can take apart, so values gather in knots.",
      `Of the functions below, ${depths.map((depth, i) => `${say(100 * flat[i]!, 2)} % of the way at depth ${depth}`).join(", ")} ` +
        "is flatter than a tenth of a unit per unit. Layers of two functions lose directions likewise: after six of them " +
        `the Jacobian's second singular value is ${say(plain!)} of its first (median); where every layer sees the input ` +
        `too, ${say(skipping!)} (Duvenaud et al. 2014).`,
    ],
    pictures: drawn.map(({ depth, paths }) =>
      half((width) =>
        curves({
          width,
          height: heightFor(width),
          title: depth === 1 ? "One layer: a Gaussian process" : `${depth} layers`,
          input: "x",
          output: "f(x)",
          range: [-3.2, 3.2],
          curves: paths.map((y, i) => ({ hue: hueOf(i), x: shown.data, y })),
        }),
      ),
    ),
    code: `const deep = compose(gp(rbf()), gp(rbf()), gp(rbf()), gp(rbf()));   // p(f₄ ∘ f₃ ∘ f₂ ∘ f₁)
const functions = deep.sample(key(seed), 4);
functions[0].at(columnVector([0, 1, 2]));
jacobianSpectrum(functions[0], columnVector([0, 1, 2]));            // how much moves, and in how many directions`,
    numbers: {
      flatAtDepth1: flat[0]!,
      flatAtDepth8: flat.at(-1)!,
      secondDirection: plain!,
      secondDirectionWithSkips: skipping!,
    },
  };
}

/** The share of steps between neighbouring places along which functions hardly move. */
function shareFlat(paths: readonly Float64Array[]): number {
  const step = shown.data[1]! - shown.data[0]!;
  const steps = paths.flatMap((y) => Array.from(y.subarray(1), (v, i) => Math.abs(v - y[i]!) / step));
  return steps.filter((slope) => slope < 0.1).length / steps.length;
}

/** The Jacobian's second singular value beside its first: the median over places and functions of six wide layers. */
function secondDirection(key: Key, skip: boolean): number {
  const places: Matrix = matrix(
    30,
    2,
    uniform(split(key, "places"), 60).map((u) => 4 * u - 2),
  );
  const layers = Array.from({ length: 6 }, (_, l) =>
    gpLayer(rbf(), { width: 2, ...(l === 0 ? { inputs: 2 } : { skip }) }),
  );
  const ratios = compose(...layers)
    .sample(split(key, "functions"), 4)
    .flatMap((f) => {
      const { data } = jacobianSpectrum(f, places);
      return Array.from({ length: places.rows }, (_, i) => data[2 * i + 1]! / data[2 * i]!);
    });
  return ratios.toSorted((a, b) => a - b)[ratios.length >> 1]!;
}
