import { learningRateTransfer, type Widened, widthStudy } from "../../src/dynamics/index.ts";
import { coordinateCheck } from "../../src/dynamics/width-study.ts";
import { columnVector, eigh, matrix } from "../../src/linalg/index.ts";
import { adam, dense, inRole, network, type Parametrisation, sgd, tanh } from "../../src/networks/index.ts";
import { key, normal } from "../../src/random/index.ts";
import { pathKernel } from "../../src/tangent/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { atLeast, atMost, between, type Check, type Group, reported } from "./check.ts";
import { saying } from "./progress.ts";

/** Design facts, check 5: 1-32-32-1 tanh, 16 points, trained for a time of 20 on half the squared error. */
export const pathKernels: Group = {
  title: "The path kernel (design facts, check 5): 1-32-32-1 tanh, 16 points, time 20, f64",
  run() {
    const net = network({
      inputShape: [1],
      layers: [dense(32), tanh(), dense(32), tanh(), dense(1)],
      seed: 3,
      precision: "f64",
    });
    const x = columnVector(Array.from({ length: 16 }, (_, i) => -2 + (4 * i) / 15));
    const y = columnVector(Array.from(x.data, (v) => 1.5 * Math.sin(2 * v)));
    const points = columnVector([-1.9, -1.2, -0.3, 0.4, 1.1, 1.7]);
    // The mean squared error has twice the slope of half of it: rates of 0.02 are the facts' 0.04.
    const along = (rate: number, rule: "euler" | "exact") => {
      const options = { steps: Math.round(20 / rate), learningRate: rate / 2, rule };
      const { change, contributions } = runSync(
        pathKernel(net, { x, y }, points, options),
        saying(`${rule}, η = ${rate}`),
      );
      const missed = change.data.map((moved, r) =>
        Math.abs(moved - contributions.data.subarray(r * 16, r * 16 + 16).reduce((a, b) => a + b, 0)),
      );
      return { error: Math.max(...missed), moved: Math.max(...change.data.map(Math.abs)) };
    };
    const rates = [0.04, 0.02, 0.01, 0.005];
    const errors = rates.map((rate) => along(rate, "euler").error);
    const exact = [0.04, 0.2].map((rate) => along(rate, "exact").error);
    const { kernel } = runSync(pathKernel(net, { x, y }, x, { steps: 500, learningRate: 0.02 }));
    const { values } = eigh(kernel);
    return [
      reported("largest move of the function", along(0.04, "euler").moved.toFixed(2)),
      atMost("Euler sum at η = 0.04: largest error", errors[0]!, 5e-3, 5),
      ...rates
        .slice(1)
        .map((rate, i) =>
          between(`error at twice η = ${rate} over that at it`, errors[i]! / errors[i + 1]!, 1.8, 2.2),
        ),
      atMost("Gauss–Legendre identity, η = 0.04 and 0.2: largest error", Math.max(...exact), 1e-10, 12),
      atLeast(
        "least eigenvalue of the examples' path kernel over the largest",
        values[0]! / values.at(-1)!,
        -1e-8,
        10,
      ),
    ];
  },
};

const count = 16;
const x = matrix(count, 8, normal(key(6), count * 8));
const y = matrix(
  count,
  1,
  Float64Array.from({ length: count }, (_, i) => Math.sign(x.data[i * 8]! * x.data[i * 8 + 1]!)),
);

function widened(parametrisation: Parametrisation): Widened {
  return (width, seed) =>
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
    });
}

/** Design facts, check 6: 8-n-n-1 tanh, 16 points of XOR signs, 200 full-batch steps at 0.05. */
export const featureLearning: Group = {
  title:
    "Feature learning (design facts, check 6): 8-n-n-1 tanh, XOR of signs, 200 steps, widths 64 to 1,024, five seeds",
  run() {
    const widths = [64, 128, 256, 512, 1024];
    const study = (parametrisation: Parametrisation) =>
      runSync(
        widthStudy(
          widened(parametrisation),
          { x, y },
          {
            widths,
            seeds: 5,
            training: { maxSteps: 200, optimizer: sgd({ learningRate: 0.05 }) },
          },
        ),
        saying(String(parametrisation.parametrisation)),
      );
    const ntk = study({ parametrisation: "ntk", biasDeviation: 0 });
    const mup = study({ parametrisation: "mup" });
    const at = (of: typeof ntk, width: number) => {
      const moved = of.records.filter((r) => r.width === width).map((r) => r.featureMovement);
      return moved.reduce((sum, v) => sum + v, 0) / moved.length;
    };
    const check = coordinateCheck(mup);
    const steepest = (pick: "size" | "change", last: boolean) =>
      Math.max(
        ...check
          .filter(({ layer, step }) => (layer === 4) === last && step > 0)
          .map((c) => Math.abs(c[pick]!.slope)),
      );
    const said = ({ slope, standardError }: { slope: number; standardError: number }) =>
      `${slope.toFixed(2)} ± ${standardError.toFixed(2)}`;
    return [
      between(
        "NTK: slope of kernel movement in width (theory −1)",
        ntk.slopes.kernelMovement.slope,
        -1.15,
        -0.6,
      ),
      between("NTK: slope of feature movement (theory −½)", ntk.slopes.featureMovement.slope, -0.6, -0.3),
      between("µP: slope of kernel movement (theory 0)", mup.slopes.kernelMovement.slope, -0.15, 0.15),
      between("µP: slope of feature movement (theory 0)", mup.slopes.featureMovement.slope, -0.15, 0.15),
      reported(
        "slopes with standard errors: NTK kernel, features; µP kernel, features",
        [ntk, mup]
          .flatMap(({ slopes }) => [said(slopes.kernelMovement), said(slopes.featureMovement)])
          .join("; "),
      ),
      atLeast("µP: least feature movement of any width", Math.min(...widths.map((w) => at(mup, w))), 0.3),
      atLeast("feature movement at 1,024, µP over NTK", at(mup, 1024) / at(ntk, 1024), 5),
      atMost(
        "µP coordinate check, hidden layers: steepest slope of size, steps 1 to 5",
        steepest("size", false),
        0.15,
      ),
      atMost("… of the change since the start", steepest("change", false), 0.15),
      reported("… the output's change", steepest("change", true).toFixed(2)),
    ];
  },
};

/** Which learning rate is best, at which width, under which parametrisation. */
export const rateTransfer: Group = {
  title:
    "Learning-rate transfer (Yang et al. 2022): 8-n-n-1 tanh, Adam, widths 64, 256 and 1,024, three seeds; the best after 10 steps, when losses still tell rates apart",
  run() {
    const rates = Array.from({ length: 10 }, (_, i) => 2 ** (i - 13));
    const best = (parametrisation: Parametrisation, epochs: number) =>
      runSync(
        learningRateTransfer(
          widened(parametrisation),
          { x, y },
          {
            widths: [64, 256, 1024],
            rates: parametrisation.parametrisation === "mup" ? rates.map((r) => 4 * r) : rates,
            training: (learningRate) => ({ epochs, batchSize: count, optimizer: adam({ learningRate }) }),
          },
        ),
        saying(`${parametrisation.parametrisation ?? "standard"}, ${epochs} steps`),
      );
    const shift = (records: ReturnType<typeof best>) =>
      Math.abs(Math.log2(records.at(-1)!.best! / records[0]!.best!));
    const said = (records: ReturnType<typeof best>): string =>
      records
        .map((r) => `${r.width}: 2^${Math.log2(r.best!)} (${Math.min(...r.losses).toPrecision(2)})`)
        .join("; ");
    const maximal: Parametrisation = { parametrisation: "mup", baseWidth: 64 };
    const [standard, mup] = [best({}, 10), best(maximal, 10)];
    // Once nearly every rate has learned the 16 points, which is best of them is chance: said, not checked.
    const [late, lateMup] = [best({}, 60), best(maximal, 60)];
    const checks: readonly Check[] = [
      reported("standard: best rate (loss after) at each width", said(standard)),
      reported("µP: best rate (loss after) at each width", said(mup)),
      atMost("µP: octaves the best rate moves from 64 to 1,024", shift(mup), 1, 0),
      atLeast("standard: octaves it moves", shift(standard), 2, 0),
      reported("after 60 steps, losses at chance, standard", said(late)),
      reported("… and µP", said(lateMup)),
    ];
    return checks;
  },
};
