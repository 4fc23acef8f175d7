import { describe, expect, it } from "vitest";
import { rbf } from "../../src/kernels/index.ts";
import { columnVector, takeRows } from "../../src/linalg/index.ts";
import { fitLikelihood, likelihoods } from "../../src/processes/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { golden, rows } from "../support/golden.ts";

const { softmax } = likelihoods;

describe("fits to classes", () => {
  it("predicts irises better than scikit-learn, whose searches end in latents too wide", () => {
    const iris = golden("iris");
    const [all, species] = [rows(iris.x), columnVector(iris.y)];
    for (const split of iris.splits) {
      const data = { x: takeRows(all, split.train), y: takeRows(species, split.train) };
      const { process } = runSync(fitLikelihood(rbf(), data, softmax(3), { starts: 1 }));
      const scores = process.logPredictive(takeRows(all, split.test), takeRows(species, split.test));
      const nll = -scores.reduce((s, v) => s + v / scores.length, 0);
      expect(nll).toBeLessThan(0.85 * Math.min(split.rbf, split.ard));
      const [, variance] = Object.entries(process.model.kernel.parameters).find(([p]) =>
        p.endsWith("variance"),
      )!;
      expect(variance.value[0]!).toBeLessThan(100);
    }
  });
});
