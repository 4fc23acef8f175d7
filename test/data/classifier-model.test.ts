import { describe, expect, it } from "vitest";
import { conditionClassifier, conditionTangent, networkProbabilities } from "../../src/adapt/index.ts";
import {
  adaptClassifierModel,
  adaptToExamples,
  arrayInputs,
  type ClassifierModel,
  classesOf,
  classifierModelOf,
  classNumbers,
  decodeModel,
  encodeModel,
  extendAdapted,
  extendClassifier,
  inputMatrix,
  likeliest,
  logitsOf,
  parseNpy,
  parseTable,
  predictClasses,
  predictTargets,
  type RegressionModel,
  regressionModelOf,
  trainClassifier,
} from "../../src/data/index.ts";
import { FormatError } from "../../src/errors/index.ts";
import { columnVector, matrix, rowRange } from "../../src/linalg/index.ts";
import { dense, network, networkOf, softmax, tanh } from "../../src/networks/index.ts";
import { decodeOnnx, encodeOnnx } from "../../src/networks/onnx/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose } from "../support/golden.ts";
import { cornerImages, cornerNetwork } from "../support/images.ts";
import { npy } from "../support/npy.ts";
import { randomMatrix } from "../support/random.ts";

const net = decodeOnnx(encodeOnnx(cornerNetwork()), "corners.onnx");
const fresh = cornerImages(24, "fresh", true);
const test = cornerImages(60, "test", true);
const arrayOf = ({ shape, bytes }: typeof fresh) => parseNpy(npy(shape, bytes), "images.npy");
const bare = classifierModelOf(net, arrayOf(fresh), ["0", "1", "2"], undefined);
const again = (model: ClassifierModel) => decodeModel(encodeModel(model), "model") as ClassifierModel;

describe("classifiers of images, imported from ONNX", () => {
  it("take bytes as 0 to 1 and predict what the network says", () => {
    const x = inputMatrix(bare.inputs, arrayOf(test));
    expect(x.data).toEqual(test.x.data.map((_, k) => Math.fround(test.bytes[k]!) / 255));
    expect(predictClasses(bare, arrayOf(test))).toEqual(networkProbabilities(net, x));
  });

  it.each([
    {},
    { scales: "layer" },
    { method: "laplace" },
    { method: "regression" },
    { approximation: "kronecker" },
    { approximation: "low-rank", rank: 5 },
    { approximation: "last-layer" },
    { layers: [0], scales: "layer" },
    { space: "weight", mean: "constant" },
    { mean: "fine-tuned" },
  ] as const)("adapted with %o: saved and loaded, the same probabilities", (options) => {
    const model = adaptClassifierModel(bare, fresh, options);
    const back = again(model);
    const [before, after] = [predictClasses(model, arrayOf(test)), predictClasses(back, arrayOf(test))];
    // The same numbers are added up, the scale times each share or their sum: rounding of f64.
    before.data.forEach((p, k) => {
      expect(after.data[k]).toBeCloseTo(p, 9);
    });
    // What was loaded gives, to the last bit, what it gives when it is saved and loaded again.
    expect(predictClasses(again(back), arrayOf(test))).toEqual(after);
    const right = likeliest(after).filter((c, i) => c === test.labels[i]).length;
    expect(right / 60).toBeGreaterThan(0.8); // inverted images: the network as it is gets fewer than half
  });

  it("are adapted further with what they have seen", () => {
    const once = adaptClassifierModel(bare, fresh);
    expect(adaptClassifierModel(again(once), test).adapted!.x.rows).toBe(84);
  });

  it("take examples one by one, scales as they are", () => {
    const part = (from: number, to: number) => ({
      x: rowRange(fresh.x, from, to),
      labels: fresh.labels.slice(from, to),
    });
    const few = again(adaptClassifierModel(bare, part(0, 20), { method: "laplace" }));
    const one = again(extendClassifier(few, part(20, 21)));
    const all = again(extendClassifier(one, part(21, 24)));
    expect(all.adapted!.x).toEqual(fresh.x);
    // The mode of all examples does not depend on where the search for it began.
    const kernel = few.adapted!.classifier.kernel;
    const at = conditionClassifier(kernel, fresh, { space: "function" }).probabilities(test.x);
    predictClasses(all, arrayOf(test)).data.forEach((p, k) => {
      expect(p).toBeCloseTo(at.data[k]!, 6);
    });
    expect(() => extendClassifier(bare, fresh)).toThrow("adapt it");
  });

  it("refuse files that were altered", () => {
    const bytes = encodeModel(adaptClassifierModel(bare, fresh));
    for (let at = 0; at < bytes.length; at += 997) {
      const flipped = bytes.slice();
      flipped[at]! ^= 1;
      expect(() => decodeModel(flipped, "flipped")).toThrow(FormatError);
    }
  });

  it("leave a last softmax to the probabilities", () => {
    const layers = [...net.layers, softmax(-1)];
    const ending = networkOf(
      { ...net, layers, sources: [...net.sources, [net.layers.length - 1]], buffers: [...net.buffers, {}] },
      [...net.weights, {}],
    );
    expect(logitsOf(ending).at(test.x)).toEqual(net.at(test.x));
    expect(logitsOf(net)).toBe(net);
  });

  it("say what does not fit", () => {
    const wide = parseNpy(npy([2, 5, 6], new Uint8Array(60)), "wide.npy");
    expect(() => inputMatrix(bare.inputs, wide)).toThrow(
      /wide\.npy holds examples of 5 × 6.*takes 1 × 6 × 6/,
    );
    const colours = { ...bare, inputs: arrayInputs([3, 4, 4]) };
    const last = parseNpy(npy([1, 4, 4, 3], new Uint8Array(48)), "last.npy");
    expect(() => predictClasses(colours, last)).toThrow("transpose(0, 3, 1, 2)");
    expect(() => arrayInputs([3, 4, 4], { mean: [0, 1] })).toThrow("3 channels");
    expect(() => classifierModelOf(net, arrayOf(test), ["a", "b"], undefined)).toThrow("3 outputs");
    expect(() => predictClasses(bare, parseTable("a,b\n1,2\n", "t.csv"))).toThrow("t.csv is a table");
  });
});

describe("classifiers of tables", () => {
  const z = randomMatrix(80, 2, "classes");
  const text = ["a,kind,b"];
  for (let i = 0; i < 80; i++)
    text.push(`${z.data[2 * i]},${z.data[2 * i]! > 0 ? "warm" : "cold"},${z.data[2 * i + 1]}`);
  const table = parseTable(text.join("\n"), "kinds.csv");
  const labels = { rows: table, column: "kind" };

  it("learn the classes that the labels name, and are saved with their names", () => {
    const options = { labels, hidden: [8], activation: tanh, epochs: 60, batchSize: 16 };
    const model = runSync(trainClassifier(table, options));
    expect(model.classes).toEqual(["cold", "warm"]);
    const back = again(model);
    expect(back.label).toBe("kind");
    const truth = classNumbers(labels, back.classes);
    const right = likeliest(predictClasses(back, table)).filter((c, i) => c === truth[i]).length;
    expect(right).toBeGreaterThan(75);
  });

  it("know labels by name, or by number where no class is one", () => {
    expect(classesOf(labels)).toEqual(["cold", "warm"]);
    const numbered = parseTable("k\n10\n9\n1.0\n", "n.csv");
    expect(classesOf({ rows: numbered })).toEqual(["1.0", "9", "10"]);
    expect([...classNumbers({ rows: numbered }, ["1", "9", "10"])]).toEqual([2, 1, 0]);
    expect([...classNumbers({ rows: parseTable("k\n1\ncold\n", "m.csv") }, ["cold", "warm"])]).toEqual([
      1, 0,
    ]);
    expect(() => classNumbers({ rows: parseTable("k\ncold\nhot\n", "h.csv") }, ["cold", "warm"])).toThrow(
      /h\.csv: row 3, column "k": "hot" is not one of the 2 classes cold, warm/,
    );
    expect(() => classesOf({ rows: parseTable("k\ncold\n", "one.csv") })).toThrow("two or more");
    expect(() =>
      classNumbers({ rows: parseNpy(npy([2, 2], new Uint8Array(4)), "l.npy") }, ["0", "1"]),
    ).toThrow("one number for each example");
  });
});

describe("networks of numbers, imported from ONNX", () => {
  const plain = network({ inputShape: [3], layers: [dense(8), tanh(), dense(2)], seed: 2 });
  const x = randomMatrix(30, 3, "numbers");
  const y = randomMatrix(30, 2, "targets");
  const rows = parseTable(
    ["a,b,c", ...Array.from({ length: 30 }, (_, i) => x.data.slice(3 * i, 3 * i + 3).join(","))].join("\n"),
    "r.csv",
  );
  const bareNumbers = regressionModelOf(plain, rows, ["u", "v"], { columns: ["a", "b", "c"] });

  it.each([
    {},
    { approximation: "diagonal" },
    { layers: "biases" },
    { scales: "layer", noiseSd: 0.3 },
  ] as const)("adapted with %o: saved and loaded, the same predictions of both targets", (options) => {
    const model = adaptToExamples(bareNumbers, { x, y }, options);
    const back = decodeModel(encodeModel(model), "m") as RegressionModel;
    expect(back.adapted!.adaptation.approximation).toBe(model.adapted!.adaptation.approximation);
    const [before, after] = [predictTargets(model, rows), predictTargets(back, rows)];
    before.forEach(({ mean, spread }, t) => {
      mean.forEach((v, i) => {
        expect(after[t]!.mean[i]).toBeCloseTo(v, 9);
        expect(after[t]!.spread!.sd[i]).toBeCloseTo(spread!.sd[i]!, 9);
      });
    });
  });

  it("take examples one by one, scales and noise as they are", () => {
    const part = (from: number, to: number) => ({ x: rowRange(x, from, to), y: rowRange(y, from, to) });
    const few = adaptToExamples(bareNumbers, part(0, 28));
    const grown = extendAdapted(extendAdapted(few, part(28, 29)), part(29, 30));
    expect(grown.adapted!.x).toEqual(x);
    const back = decodeModel(encodeModel(grown), "m") as RegressionModel;
    const { kernel, noiseVariance } = few.adapted!.adaptation;
    const whole = conditionTangent(kernel, { x, y, noiseVariance }, { space: "function" }).process.at(x);
    for (const model of [grown, back]) {
      const { mean, variance } = model.adapted!.adaptation.process.at(x);
      // Rank-one updates of a Cholesky factor against the factor of the whole.
      whole.mean.data.forEach((v, k) => {
        expect(mean.data[k]).toBeCloseTo(v, 7);
        expect(variance.data[k]).toBeCloseTo(whole.variance.data[k]!, 7);
      });
    }
    expect(() => extendAdapted(bareNumbers, { x, y })).toThrow("adapt it");
  });

  it("keep the network trained on that is their mean", () => {
    const adapted = adaptToExamples(bareNumbers, { x, y }, { mean: "fine-tuned" });
    const back = decodeModel(encodeModel(adapted), "m") as RegressionModel;
    const { fineTuned, process } = back.adapted!.adaptation;
    expect(fineTuned!.share).toBe(adapted.adapted!.adaptation.fineTuned!.share);
    const elsewhere = randomMatrix(9, x.cols, "elsewhere");
    for (const at of [x, elsewhere]) {
      expectClose(process.at(at).mean.data, adapted.adapted!.adaptation.process.at(at).mean.data, 1e-9);
    }
  });

  it("keep the noise of each row", () => {
    const one = network({ inputShape: [3], layers: [dense(8), tanh(), dense(1)], seed: 2 });
    const model = regressionModelOf(one, rows, ["u"]);
    const noiseSd = Float64Array.from({ length: 30 }, (_, i) => 0.1 + 0.01 * i);
    const u = columnVector(y.data.filter((_, k) => k % 2 === 0));
    const adapted = adaptToExamples(model, { x, y: u }, { noiseSd });
    const back = decodeModel(encodeModel(adapted), "m") as RegressionModel;
    expect(back.adapted!.noise).toEqual(noiseSd.map((sd) => sd * sd));
    const [a] = predictTargets(adapted, rows);
    const [b] = predictTargets(back, rows);
    b!.mean.forEach((v, i) => {
      expect(v).toBeCloseTo(a!.mean[i]!, 9);
    });
    expect(() => adaptToExamples(back, { x, y: u })).toThrow("noise of their own");
    expect(adaptToExamples(back, { x, y: u }, { noiseSd }).adapted!.noise).toHaveLength(60);
  });

  it("say what does not fit", () => {
    expect(() => regressionModelOf(plain, rows, ["u"])).toThrow("2 outputs");
    expect(() => regressionModelOf(plain, rows, ["u", "v"], { columns: ["a"] })).toThrow("takes 3 inputs");
    expect(() => adaptToExamples(bareNumbers, { x, y: matrix(30, 1) })).toThrow();
  });
});
