import { coordinateCheck, type WidthRecord, type WidthStudy, widthStudy } from "../dynamics/index.ts";
import { matrix } from "../linalg/index.ts";
import { dense, inRole, network, type Parametrisation, sgd, tanh } from "../networks/index.ts";
import { type Line, linePanels } from "../plot/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";
import { half, type Section, say } from "./section.ts";

const widths = [32, 64, 128, 256] as const;
const seeds = 3;
const count = 16;

/** Wide networks may be kernel machines or feature learners: their parametrisation decides. */
export function* featureLearningSection(key: Key): Task<Section> {
  const x = matrix(count, 8, normal(split(key, "points"), count * 8));
  const labels = Float64Array.from({ length: count }, (_, i) =>
    Math.sign(x.data[i * 8]! * x.data[i * 8 + 1]!),
  );
  const y = matrix(count, 1, labels);
  const study = (parametrisation: Parametrisation) =>
    widthStudy(
      (width, seed) =>
        network({
          inputShape: [8],
          layers: [
            dense(width, inRole(parametrisation, "input")),
            tanh(),
            dense(width, inRole(parametrisation, "hidden")),
            tanh(),
            dense(1, inRole(parametrisation, "output")),
          ],
          seed,
        }),
      { x, y },
      { widths, seeds, training: { maxSteps: 100, optimizer: sgd({ learningRate: 0.05 }) } },
    );
  const ntk = yield* study({ parametrisation: "ntk", biasDeviation: 0 });
  const mup = yield* study({ parametrisation: "mup" });
  const studies = [
    { name: "NTK", hue: "vermillion", of: ntk },
    { name: "µP", hue: "blue", of: mup },
  ] as const;
  const lines = (value: (r: WidthRecord) => number): Line[] =>
    studies.map(({ name, hue, of }) => ({ name, hue, points: byWidth(of, value) }));
  const changeAt = (r: WidthRecord) =>
    r.coordinates.find(({ layer, step }) => layer === 2 && step === 5)!.change;
  const check = coordinateCheck(ntk).find(({ layer, step }) => layer === 2 && step === 5)!;
  return {
    id: "feature-learning",
    title: "Feature learning is the kernel moving",
    text: [
      "A network that learns with the kernel it started with learns no features; one whose kernel moves does. Which of the " +
        "two a wide network is, its parametrisation decides: how first weights, multipliers and learning rates scale with " +
        "the width (Yang & Hu 2021). In NTK parametrisation kernel and features freeze as the width grows; in µP they move " +
        "alike at every width.",
      `Here networks of two hidden layers learn the product of two signs. Slopes in log width: NTK, kernel ` +
        `${say(ntk.slopes.kernelMovement.slope, 2)} and features ${say(ntk.slopes.featureMovement.slope, 2)} (theory −1 and ` +
        `−½); µP, ${say(mup.slopes.kernelMovement.slope, 2)} and ${say(mup.slopes.featureMovement.slope, 2)} (theory 0, ` +
        "for the kernel at larger widths than these).",
    ],
    pictures: [
      half((width) =>
        linePanels({
          width,
          title: "Movement in 100 steps, against width",
          subtitle: `${seeds} seeds, bars of one standard deviation`,
          input: "hidden units",
          ticks: widths,
          panels: [
            { label: "‖Θ − Θ₀‖ / ‖Θ₀‖, the kernel", lines: lines((r) => r.kernelMovement) },
            { label: "‖h − h₀‖ / ‖h₀‖, the last features", lines: lines((r) => r.featureMovement) },
          ],
        }),
      ),
      half((width) =>
        linePanels({
          width,
          title: "The coordinate check",
          subtitle: "second hidden layer, after 5 steps",
          input: "hidden units",
          ticks: widths,
          panels: [
            {
              label: "mean size of its values",
              lines: lines((r) => r.coordinates.find(({ layer, step }) => layer === 2 && step === 5)!.size),
            },
            { label: "mean change since the start", lines: lines(changeAt) },
          ],
        }),
      ),
    ],
    code: `const study = runSync(widthStudy((width, seed) => networkOfWidth(width, seed), { x, y }, {
  widths: [32, 64, 128, 256], seeds: 3, training: { maxSteps: 100, optimizer: sgd({ learningRate: 0.05 }) },
}));
study.slopes.kernelMovement;     // { slope, standardError }
coordinateCheck(study);          // flat in width, or not
learningRateTransfer(networkOfWidth, { x, y }, { widths, rates, training });`,
    numbers: {
      ntkKernelSlope: ntk.slopes.kernelMovement.slope,
      ntkFeatureSlope: ntk.slopes.featureMovement.slope,
      mupFeatureSlope: mup.slopes.featureMovement.slope,
      ntkChangeSlope: check.change!.slope,
    },
  };
}

/** Mean and standard deviation over the seeds, width by width. */
function byWidth({ records }: WidthStudy, value: (r: WidthRecord) => number): Line["points"] {
  return widths.map((width) => {
    const values = records.filter((r) => r.width === width).map(value);
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
    const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
    return { x: width, y: mean, error: Math.sqrt(squares / (values.length - 1)) };
  });
}
