import { cosine, type Kernel, rbf } from "../kernels/index.ts";
import { columnVector, eigh } from "../linalg/index.ts";
import { curves, type Figure, kernelMatrix } from "../plot/index.ts";
import { hueOf } from "../plot/theme.ts";
import { gp } from "../processes/index.ts";
import { type Key, split } from "../random/index.ts";
import { evenly, full, half, heightFor, type Section, say } from "./section.ts";

const period = 4;
const places = evenly(0, 10, 64);
const shown = evenly(0, 10, 241);

/** What a kernel is, and which functions it stands for. */
export function kernelsSection(key: Key): Section {
  const kernels = [
    { name: "RBF kernel", kernel: rbf(), hue: "blue" },
    { name: "cosine kernel", kernel: cosine({ period }), hue: "vermillion" },
  ] as const;
  const distance = evenly(0, 6, 121);
  const byDistance = kernels.map(({ kernel }) => kernel.cross(distance, columnVector([0])).data);
  const ranks = kernels.map(({ kernel }) => rank(kernel));
  const drawn = kernels.map(({ name, kernel }) => ({
    name,
    paths: gp(kernel)
      .sample(split(key, name), 5)
      .map((f) => f.at(shown).data),
  }));
  const largest = Math.max(...drawn.flatMap(({ paths }) => paths.flatMap((p) => Array.from(p, Math.abs))));
  const range = [-1.08 * largest, 1.08 * largest] as const;
  return {
    id: "kernels",
    title: "Kernels, and the functions they stand for",
    text: [
      "A kernel k(x, x′) says how much the values of a function at two places have to do with each other. " +
        `Under the RBF kernel of lengthscale 1 neighbours agree (k is ${say(byDistance[0]![20]!)} at distance 1) and ` +
        `places far apart know nothing of each other (${say(byDistance[0]![80]!)} at distance 4). Under the cosine ` +
        `kernel of period ${period} they agree again one period on, and half a period on they are opposite.`,
      "As a matrix over 64 places the first is a band along the diagonal, the second a pattern of stripes: the " +
        `first has ${ranks[0]} directions that matter, the second ${ranks[1]}. So functions drawn from the RBF ` +
        "kernel can turn anywhere, while every function drawn from the cosine kernel is one wave, of random size and phase.",
    ],
    pictures: [
      full((width) =>
        curves({
          width,
          height: Math.min(340, heightFor(width)),
          title: "Two kernels as functions of distance",
          input: "distance between x and x′",
          output: "k(x, x′)",
          curves: kernels.map(({ name, hue }, i) => ({
            name,
            hue,
            x: distance.data,
            y: byDistance[i]!,
            main: true,
          })),
        }),
      ),
      ...kernels.map(({ name, kernel }) =>
        half((width) => matrixFigure(`${name} as a matrix`, kernel, width)),
      ),
      ...drawn.map(({ name, paths }) =>
        half((width) =>
          curves({
            width,
            height: heightFor(width),
            title: `Functions drawn from the ${name}`,
            input: "x",
            output: "f(x)",
            range,
            curves: paths.map((y, i) => ({ hue: hueOf(i), x: shown.data, y })),
          }),
        ),
      ),
    ],
    code: `const x = columnVector(Array.from({ length: 64 }, (_, i) => (10 * i) / 63));
for (const kernel of [rbf(), cosine({ period: ${period} })]) {
  kernelMatrix({ title: "k(X, X)", gram: kernel.gram(x), from: 0, to: 10, input: "x" });
  const functions = gp(kernel).sample(key(seed), 5);   // each can be called anywhere
  curves({
    title: "Functions drawn", input: "x", output: "f(x)",
    curves: functions.map((f) => ({ hue: "blue", x: x.data, y: f.at(x).data })),
  });
}`,
    numbers: { rbfRank: ranks[0]!, cosineRank: ranks[1]!, rbfAtOne: byDistance[0]![20]! },
  };
}

/** Eigenvalues that are not rounding. */
function rank(kernel: Kernel): number {
  const { values } = eigh(kernel.gram(places));
  const most = values.reduce((a, b) => Math.max(a, b));
  return values.filter((v) => v > 1e-10 * most).length;
}

function matrixFigure(title: string, kernel: Kernel, width: number): Figure {
  return kernelMatrix({ title, width, gram: kernel.gram(places), from: 0, to: 10, input: "x" });
}
