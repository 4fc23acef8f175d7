import { columnVector } from "../linalg/index.ts";
import { dense, network, tanh } from "../networks/index.ts";
import { bars, curves, linePanels } from "../plot/index.ts";
import { type Key, split } from "../random/index.ts";
import { pathKernel } from "../tangent/index.ts";
import type { Task } from "../tasks/index.ts";
import { examplesOf, shown, truth } from "./learned-function.ts";
import { evenly, full, half, heightOf, type Section, say } from "./section.ts";

const count = 12;
const time = 10;
const rates = [0.04, 0.02, 0.01] as const;
const asked = 0.8;
const few = evenly(-3, 3, 25);

/** Every network trained by gradient descent is a kernel machine: of the kernel along its own path. */
export function* kernelMachineSection(key: Key, seed: number): Task<Section> {
  const net = network({
    inputShape: [1],
    layers: [dense(32), tanh(), dense(32), tanh(), dense(1)],
    seed,
    precision: "f64",
  });
  const examples = examplesOf(truth, split(key, "examples"), count);
  const along = (learningRate: number, rule: "euler" | "exact", points = shown) =>
    pathKernel(net, examples, points, { steps: Math.round(time / learningRate), learningRate, rule });
  const sums = (contributions: Float64Array, rows: number) =>
    Float64Array.from({ length: rows }, (_, r) =>
      contributions.subarray(r * count, (r + 1) * count).reduce((sum, v) => sum + v, 0),
    );
  const errors: { readonly x: number; readonly y: number }[] = [];
  for (const rate of rates) {
    const { change, contributions } = yield* along(rate, "euler", few);
    const told = sums(contributions.data, few.rows);
    errors.push({ x: rate, y: Math.max(...change.data.map((v, i) => Math.abs(v - told[i]!))) });
  }
  const point = columnVector([asked]);
  const exact = yield* along(rates[0], "exact", point);
  const missed = Math.abs(exact.change.data[0]! - sums(exact.contributions.data, 1)[0]!);
  const shownRun = yield* along(rates[0], "euler");
  const start = net.at(shown).data;
  const told = sums(shownRun.contributions.data, shown.rows);
  const order = Array.from({ length: count }, (_, i) => i).sort(
    (a, b) => examples.x.data[a]! - examples.x.data[b]!,
  );
  const contribution = (i: number) => exact.contributions.data[i]!;
  const strongest = order.reduce((best, i) =>
    Math.abs(contribution(i)) > Math.abs(contribution(best)) ? i : best,
  );
  const ranking = (width: number) =>
    bars({
      width,
      title: `Which examples moved the prediction at x = ${asked}`,
      names: order.map((i) => `x = ${say(examples.x.data[i]!, 2)}`),
      panels: [{ label: "contribution", values: order.map(contribution) }],
    });
  return {
    id: "kernel-machine",
    title: "Every trained network is a kernel machine",
    text: [
      "What gradient descent learned is f_T(x) = f_0(x) − Σᵢ ∫ L′ᵢ K_t(x, xᵢ) dt, a sum over the training examples weighted " +
        "by the tangent kernel along the path of training (Domingos 2020). So a prediction can be taken apart into what " +
        "each example contributed.",
      `The sum with the kernel at the start of each step misses the network by ${say(errors[0]!.y)} at a learning rate of ` +
        `${rates[0]}, and by half as much at half the rate. With the Jacobian averaged over each step it is an identity: it ` +
        `misses by ${say(missed, 2)}. At x = ${asked} training moved the prediction by ${say(exact.change.data[0]!)}; the ` +
        `example at x = ${say(examples.x.data[strongest]!, 2)} contributed most, ${say(contribution(strongest))}.`,
    ],
    pictures: [
      half((width) =>
        curves({
          width,
          height: heightOf(ranking(width)),
          title: "The network, and the sum over its examples",
          input: "x",
          output: "f(x)",
          places: [asked],
          curves: [
            { name: "at first", x: shown.data, y: start, hue: "sky", dashed: true },
            { name: "trained", x: shown.data, y: shownRun.network.at(shown).data, hue: "blue", main: true },
            {
              name: "at first plus contributions",
              x: shown.data,
              y: start.map((v, i) => v + told[i]!),
              hue: "orange",
              dashed: true,
            },
          ],
        }),
      ),
      half(ranking),
      full((width) =>
        linePanels({
          width,
          title: "What the sum misses, with the kernel at each step's start",
          input: "learning rate",
          ticks: rates,
          panels: [
            {
              label: "largest error",
              lines: [
                { name: "measured", hue: "blue", points: errors },
                {
                  name: "in proportion to the rate",
                  hue: "grey",
                  dashed: true,
                  points: rates.map((x) => ({ x, y: (errors[0]!.y * x) / rates[0] })),
                },
              ],
            },
          ],
        }),
      ),
    ],
    code: `const { change, contributions, kernel } = runSync(
  pathKernel(net, { x, y }, points, { steps: 250, learningRate: 0.04, rule: "exact" }),
);
// Each row of contributions adds up to what training changed at that point.`,
    numbers: { eulerError: errors[0]!.y, errorRatio: errors[0]!.y / errors[1]!.y, exactError: missed },
  };
}
