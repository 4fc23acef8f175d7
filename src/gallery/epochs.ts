import { curves, kernelMatrix, linePanels } from "../plot/index.ts";
import {
  type Checkpoint,
  dataMeasure,
  distance,
  driftBetween,
  drifts,
  trainTrajectory,
} from "../probes/index.ts";
import { type Key, split } from "../random/index.ts";
import { tangentKernel } from "../tangent/index.ts";
import type { Task } from "../tasks/index.ts";
import { examplesOf, shown, startNetwork, trainingOf, truth } from "./learned-function.ts";
import { evenly, half, heightOf, percent, type Section, say } from "./section.ts";

const kept = [0, 1, 2, 5, 10, 20, 40, 90];
const kernelPoints = evenly(-3, 3, 61);

/** One structure, two functions: the network after 5 and after 90 epochs. */
export function* epochsSection(key: Key, seed: number): Task<Section> {
  const { checkpoints } = yield* trainTrajectory(
    startNetwork(seed),
    examplesOf(truth, split(key, "examples"), 300),
    { ...trainingOf(seed), keep: kept },
  );
  const at = (epoch: number): Checkpoint => checkpoints.find((c) => c.epoch === epoch)!;
  const measure = dataMeasure(shown);
  const between = driftBetween(at(5), at(90), measure, kernelPoints);
  const steps = drifts(checkpoints, measure, kernelPoints);
  const toLast = checkpoints.map(({ epoch, network }) => ({
    x: epoch,
    y: distance(network, at(90).network, measure).value,
  }));
  const kernel = (epoch: number) => (width: number) =>
    kernelMatrix({
      width,
      title: `Its tangent kernel after ${epoch} epochs`,
      gram: tangentKernel(at(epoch).network).gram(kernelPoints),
      from: -3,
      to: 3,
      input: "x",
    });
  // Epoch 0 has no place on a log axis.
  const later = <T extends { readonly x: number }>(points: readonly T[]) => points.filter(({ x }) => x > 0);
  return {
    id: "epochs",
    title: "It is not only about structure: 5 epochs against 90",
    text: [
      "The same layers, the same first weights, the same data: after 5 epochs and after 90 they are two functions, and two " +
        "kernels. What a network would learn from new data is written in its kernel, so a structure alone does not say it.",
      `From epoch 5 to 90 the function moves by ${say(between.functionDistance)} (L2 over the range shown) and the kernel by ` +
        `${percent(between.kernelChange)} of itself. The linearisation at epoch 5, the kernel machine that the network was ` +
        `there, misses the later function by ${percent(between.linearisationGap)} of that distance: ` +
        (between.linearisationGap < 0.3
          ? "between the two it nearly was one."
          : "between the two it was none. The last figure says the same from checkpoint to checkpoint."),
    ],
    pictures: [
      half((width) =>
        curves({
          width,
          height: heightOf(kernel(5)(width)),
          title: "The function after 5 and after 90 epochs",
          input: "x",
          output: "f(x)",
          curves: [
            { name: "truth", x: shown.data, y: shown.data.map(truth), hue: "grey", dashed: true },
            ...([0, 5, 90] as const).map((epoch) => ({
              name: `epoch ${epoch}`,
              x: shown.data,
              y: at(epoch).network.at(shown).data,
              hue: ({ 0: "sky", 5: "orange", 90: "blue" } as const)[epoch],
              main: epoch === 90,
            })),
          ],
        }),
      ),
      half(kernel(5)),
      half((width) =>
        linePanels({
          width,
          panelHeight: Math.round((heightOf(kernel(90)(width)) - 110) / 2),
          title: "How the function and its kernel move",
          input: "epoch",
          panels: [
            {
              label: "L2 distance",
              lines: [
                { name: "to epoch 90", hue: "blue", points: later(toLast) },
                {
                  name: "since the point before",
                  hue: "sky",
                  dashed: true,
                  points: steps.map((s) => ({ x: s.to, y: s.functionDistance })),
                },
              ],
            },
            {
              label: "share of the kernel, of the step",
              lines: [
                {
                  name: "kernel change",
                  hue: "vermillion",
                  points: steps.map((s) => ({ x: s.to, y: s.kernelChange })),
                },
                {
                  name: "missed by linearisation",
                  hue: "green",
                  points: steps.map((s) => ({ x: s.to, y: s.linearisationGap })),
                },
              ],
            },
          ],
        }),
      ),
      half(kernel(90)),
    ],
    code: `const { checkpoints } = runSync(trainTrajectory(start, { x, y }, { epochs: 90, keep: [5, 90] }));
const [drift] = drifts(checkpoints, dataMeasure(x), fewPoints);
drift.functionDistance;      // L2
drift.kernelChange;          // ‖K′ − K‖ / ‖K‖
drift.linearisationGap;      // 0 where the network is a kernel machine`,
    numbers: {
      movedSince5: between.functionDistance,
      kernelChangeSince5: between.kernelChange,
      gapSince5: between.linearisationGap,
      firstDistance: toLast[0]!.y,
    },
  };
}
