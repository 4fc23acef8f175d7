import { describe, expect, it } from "vitest";
import { coordinateCheck, type Widened, widthStudy } from "../../src/dynamics/index.ts";
import { matrix } from "../../src/linalg/index.ts";
import { dense, inRole, network, type Parametrisation, sgd, tanh } from "../../src/networks/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { randomMatrix } from "../support/random.ts";

const x = randomMatrix(16, 8, "xor");
const y = matrix(
  16,
  1,
  Float64Array.from({ length: 16 }, (_, i) => Math.sign(x.data[i * 8]! * x.data[i * 8 + 1]!)),
);

function study(parametrisation: Parametrisation, widths: readonly number[]) {
  const widened: Widened = (width, seed) =>
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
  return runSync(
    widthStudy(
      widened,
      { x, y },
      {
        widths,
        seeds: 2,
        training: { maxSteps: 60, optimizer: sgd({ learningRate: 0.05 }) },
      },
    ),
  );
}

describe("widening 8-n-n-1 tanh networks", () => {
  it("ntk: the wider, the less the kernel and the features move, while outputs move alike", () => {
    const { slopes, records } = study({ parametrisation: "ntk", biasDeviation: 0 }, [32, 128]);
    // Theory −1 and −½ (FACTS.md, 6); two widths and two seeds.
    expect(slopes.kernelMovement.slope).toBeGreaterThan(-1.15);
    expect(slopes.kernelMovement.slope).toBeLessThan(-0.6);
    expect(slopes.featureMovement.slope).toBeGreaterThan(-0.65);
    expect(slopes.featureMovement.slope).toBeLessThan(-0.3);
    const check = coordinateCheck({ records, slopes });
    const hidden = check.find(({ layer, step }) => layer === 2 && step === 5)!;
    expect(hidden.change!.slope).toBeLessThan(-0.25);
    expect(check[0]!.change).toBeUndefined();
  });

  it("mup: features move alike at every width, and the coordinate check is flat", () => {
    const { slopes, records } = study({ parametrisation: "mup" }, [32, 128]);
    expect(Math.abs(slopes.featureMovement.slope)).toBeLessThan(0.15);
    for (const { layer, step, size, change } of coordinateCheck({ records, slopes })) {
      // An output starts at 1/√width and then learns: its change is what should be flat.
      if (layer < 4) expect([layer, step, Math.abs(size.slope) < 0.2]).toEqual([layer, step, true]);
      if (change) expect([layer, step, Math.abs(change.slope) < 0.35]).toEqual([layer, step, true]);
    }
  });

  it("mean-field: with two hidden layers the signal at the second vanishes as 1/√width", () => {
    const averaged = study({ parametrisation: "meanField" }, [32, 128]);
    const second = coordinateCheck(averaged).find(({ layer, step }) => layer === 2 && step === 0)!;
    // Two widths a factor of 4 apart: a tenth off in either size is 0.07 of the slope.
    expect(Math.abs(second.size.slope + 0.5)).toBeLessThan(0.15);
  });
});
