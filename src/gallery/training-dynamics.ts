import { eigenfunctions, learnedModes, steadyLearningRate, trainingDynamics } from "../dynamics/index.ts";
import { infinite } from "../infinite/index.ts";
import { subtract } from "../linalg/index.ts";
import { dense, erf, network } from "../networks/index.ts";
import { curves, type Line, linePanels } from "../plot/index.ts";
import { type Key, split } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";
import { examplesOf, shown, truth } from "./learned-function.ts";
import { half, heightFor, percent, type Section, say } from "./section.ts";

const width = 128;
const steps = 400;
const hues = ["blue", "vermillion", "green", "purple"] as const;

/** Gradient descent is a flow in function space: a network, its linearisation and its infinite width side by side. */
export function* trainingDynamicsSection(key: Key, seed: number): Task<Section> {
  const ntk = { parametrisation: "ntk", weightDeviation: Math.SQRT2, biasDeviation: 0.5 } as const;
  const net = network({
    inputShape: [1],
    layers: [dense(width, ntk), erf(), dense(width, ntk), erf(), dense(1, ntk)],
    seed,
    precision: "f64",
  });
  const examples = examplesOf(truth, split(key, "examples"), 16);
  const learningRate = steadyLearningRate(net, examples.x);
  const limit = infinite(net, { weightVariance: 2, biasVariance: 0.25 });
  const dynamics = yield* trainingDynamics(net, examples, shown, { steps, learningRate, limit });
  const modes = learnedModes(dynamics, hues.length);
  const phis = eigenfunctions(net, examples.x, hues.length);
  const { records } = dynamics;
  const later = records.filter(({ step }) => step > 0);
  const last = records.at(-1)!;
  const rms = (a: typeof shown, b: typeof shown) => {
    const { data } = subtract(a, b);
    return Math.sqrt(data.reduce((sum, v) => sum + v * v, 0) / data.length);
  };
  const start = records[0]!.actual.atPoints;
  const moved = rms(last.actual.atPoints, start);
  const gap = rms(last.actual.atPoints, last.linearised.atPoints);
  const far = rms(last.actual.atPoints, last.infinite!.atPoints);
  const line = (
    name: string,
    hue: Line["hue"],
    y: (r: (typeof later)[0]) => number,
    dashed = false,
  ): Line => ({
    ...{ name, hue, dashed },
    points: later.map((r) => ({ x: r.step, y: y(r) })),
  });
  return {
    id: "training-dynamics",
    title: "Training is a flow in function space",
    text: [
      "A step of gradient descent moves the weights, and with them the function: df/dt = −Θ ∂L/∂f, Θ the tangent kernel. As " +
        "long as Θ stays as it was, this is linear and has a closed form; as the width grows Θ moves less and less, and " +
        "becomes the kernel of the infinite network, which the layers alone decide.",
      `Here ${width} units a layer learn 16 points in ${steps} steps. The function moves by ${say(moved)}; its linearisation ` +
        `ends ${say(gap)} away from it, the infinite network, from the same first function, ${say(far)}, and Θ moved by ` +
        `${percent(last.kernel.movement)} of itself. The leading eigenfunctions of Θ are the smooth ones, and are learned ` +
        `first: half of the first was there by step ${modes[0]!.learnedAt ?? "—"}, of the ${modes.length}th by step ` +
        `${modes.at(-1)!.learnedAt ?? "—"}.`,
    ],
    pictures: [
      half((w) =>
        curves({
          width: w,
          height: heightFor(w),
          title: `The function after ${steps} steps`,
          input: "x",
          output: "f(x)",
          places: Array.from(examples.x.data),
          curves: [
            { name: "at first", x: shown.data, y: start.data, hue: "sky", dashed: true },
            { name: "network", x: shown.data, y: last.actual.atPoints.data, hue: "blue", main: true },
            {
              name: "linearisation",
              x: shown.data,
              y: last.linearised.atPoints.data,
              hue: "orange",
              dashed: true,
            },
            {
              name: "infinite width",
              x: shown.data,
              y: last.infinite!.atPoints.data,
              hue: "green",
              dashed: true,
            },
          ],
        }),
      ),
      half((w) =>
        curves({
          width: w,
          height: heightFor(w),
          title: "Leading eigenfunctions of the tangent kernel",
          input: "x",
          output: "φ(x)",
          curves: phis.map((phi, i) => ({
            name: `${i + 1}`,
            x: shown.data,
            y: phi.at(shown).data,
            hue: hues[i]!,
          })),
        }),
      ),
      half((w) =>
        linePanels({
          width: w,
          title: "Loss and kernel on the way",
          input: "step",
          panels: [
            {
              label: "loss",
              lines: [
                line("network", "blue", (r) => r.actual.loss),
                line("linearisation", "orange", (r) => r.linearised.loss, true),
                line("infinite width", "green", (r) => r.infinite!.loss, true),
              ],
            },
            { label: "share", lines: [line("kernel moved", "vermillion", (r) => r.kernel.movement)] },
          ],
        }),
      ),
      half((w) =>
        linePanels({
          width: w,
          panelHeight: 374,
          title: "What is left of the residual along each",
          input: "step",
          panels: [
            {
              label: "share left (network)",
              lines: modes.map(({ actual }, i) => ({
                name: `eigenfunction ${i + 1}`,
                hue: hues[i]!,
                points: records.flatMap(({ step }, r) =>
                  step > 0 ? [{ x: step, y: Math.abs(actual[r]!) }] : [],
                ),
              })),
            },
          ],
        }),
      ),
    ],
    code: `const run = runSync(trainingDynamics(net, { x, y }, points, { steps: 400, learningRate, limit: infinite(net) }));
const { actual, linearised, infinite: wide, kernel } = run.records.at(-1);
kernel.movement;              // ‖Θ − Θ₀‖ / ‖Θ₀‖
learnedModes(run, 4);         // what is left along each eigenfunction, and since when it is learned
eigenfunctions(net, x, 4);    // functions`,
    numbers: {
      functionMoved: moved,
      linearisationGap: gap,
      infiniteGap: far,
      kernelMoved: last.kernel.movement,
      firstModeLeft: Math.abs(modes[0]!.actual.at(-1)!),
    },
  };
}
