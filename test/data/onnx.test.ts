import { describe, expect, it } from "vitest";
import { meanFn } from "../../src/adapt/index.ts";
import {
  adaptClassifierModel,
  adaptModel,
  arrayInputs,
  type ClassifierModel,
  inputMatrix,
  modelInputs,
  parseNpy,
  parseTable,
  predictTargets,
  type Table,
  trainModel,
} from "../../src/data/index.ts";
import { encodeModelAsOnnx } from "../../src/data/onnx.ts";
import { formatTable, select } from "../../src/data/table.ts";
import { matrix } from "../../src/linalg/index.ts";
import { tanh } from "../../src/networks/index.ts";
import { decodeOnnx, encodeOnnx } from "../../src/networks/onnx/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose } from "../support/golden.ts";
import { cornerImages, cornerNetwork } from "../support/images.ts";
import { npy } from "../support/npy.ts";
import { onnxPython, runOnnx } from "../support/onnx-networks.ts";
import { randomMatrix } from "../support/random.ts";

/** u = 100 + 20 sin a, v = b in other units. */
function tableOf(rows: number, name: string, shift = 0): Table {
  const z = randomMatrix(rows, 2, name);
  const out = matrix(rows, 4);
  for (let i = 0; i < rows; i++) {
    const [a, b] = [z.data[2 * i]!, 50 + 10 * z.data[2 * i + 1]!];
    out.data.set([a, b, 100 + shift + 20 * Math.sin(a), b / 1000 + shift / 1000], 4 * i);
  }
  return parseTable(formatTable(["a", "b", "u", "v"], out), name);
}

describe.skipIf(!onnxPython)("models in ONNX (skipped where Python has no ONNX Runtime)", () => {
  const test = tableOf(20, "test");
  const options = { target: ["u", "v"], hidden: [12], activation: tanh, epochs: 40, batchSize: 20 };
  const base = runSync(trainModel(tableOf(100, "base"), options));
  const models = [
    base,
    adaptModel(base, tableOf(25, "fresh", 5)),
    adaptModel(base, tableOf(25, "fresh", 5), { mean: "constant", scales: "layer" }),
    adaptModel(base, tableOf(25, "fresh", 5), { approximation: "last-layer" }),
    adaptModel(base, tableOf(25, "fresh", 5), { mean: "fine-tuned" }),
  ];

  it("give a table's targets from its columns, both in its own units", { timeout: 60_000 }, () => {
    const x = select(test, ["a", "b"]);
    const outputs = runOnnx(models.map((model) => ({ bytes: encodeModelAsOnnx(model), x })));
    models.forEach((model, m) => {
      const [u, v] = predictTargets(model, test);
      const y = Array.from(outputs[m]!);
      // f32, at inputs of five standard deviations from 0.
      expectClose(
        y.filter((_, k) => k % 2 === 0),
        u!.mean,
        1e-5,
      );
      expectClose(
        y.filter((_, k) => k % 2 === 1),
        v!.mean,
        1e-5,
      );
      expect(modelInputs(model, test).rows).toBe(20);
    });
  });

  it("give an adapted classifier's mean logits or scores for images", { timeout: 60_000 }, () => {
    const network = decodeOnnx(encodeOnnx(cornerNetwork()), "corners");
    const inputs = arrayInputs([1, 6, 6], { mean: [0.3], scale: [0.25] });
    const bare: ClassifierModel = {
      ...{ kind: "classifier", network, inputs, classes: ["0", "1", "2"], history: [], keptEpoch: 0 },
    };
    const images = cornerImages(24, "fresh", true);
    const array = parseNpy(npy(images.shape, images.bytes), "i.npy");
    const fresh = { x: inputMatrix(inputs, array), labels: images.labels };
    const adapted = [
      adaptClassifierModel(bare, fresh, { method: "laplace" }),
      adaptClassifierModel(bare, fresh, { method: "regression" }),
      adaptClassifierModel(bare, fresh, { method: "laplace", mean: "constant" }),
      adaptClassifierModel(bare, fresh, { method: "laplace", mean: "fine-tuned" }),
      adaptClassifierModel(bare, fresh, { method: "regression", mean: "fine-tuned" }),
    ];
    // Others than the examples: a fine-tuned mean is another function there, which a network has no form for.
    const others = cornerImages(15, "others", true);
    const z = inputMatrix(inputs, parseNpy(npy(others.shape, others.bytes), "o.npy"));
    const outputs = runOnnx(adapted.map((model) => ({ bytes: encodeModelAsOnnx(model), x: others.x })));
    adapted.forEach(({ adapted: found }, m) => {
      expectClose(outputs[m]!, meanFn(found!.classifier).at(z).data, 2e-5);
      expectClose(outputs[m]!, found!.classifier.process.at(z).mean.data, 1e-4);
    });
  });
});
