import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { beforeAll, describe, expect, it } from "vitest";
import { dense, network, softmax, tanh } from "../../src/networks/index.ts";
import { encodeOnnx } from "../../src/networks/onnx/index.ts";
import { workplace } from "../support/cli.ts";
import { cornerImages, cornerNetwork } from "../support/images.ts";
import { npy } from "../support/npy.ts";

const { folder, funspace, succeed, write } = workplace();
const at = (name: string) => join(folder, name);
const lines = (name: string) => readFileSync(at(name), "utf8").trim().split("\n");
const answer = (...args: string[]) => JSON.parse(succeed(...args, "--json"));

const names = ["left", "right", "low"];

beforeAll(() => {
  const net = cornerNetwork();
  writeFileSync(at("cnn.onnx"), encodeOnnx(net));
  writeFileSync(
    at("mlp.onnx"),
    encodeOnnx(network({ inputShape: [2], layers: [dense(8), tanh(), dense(2)] })),
  );
  const fresh = cornerImages(30, "fresh", true);
  const test = cornerImages(60, "test", true);
  writeFileSync(at("fresh.npy"), npy(fresh.shape, fresh.bytes));
  writeFileSync(at("fresh-labels.npy"), npy([30], fresh.labels));
  writeFileSync(at("few-labels.npy"), npy([5], fresh.labels.slice(0, 5)));
  writeFileSync(
    at("test.npz"),
    zipSync({ "images.npy": npy(test.shape, test.bytes), "labels.npy": npy([60], test.labels) }),
  );
  const header = (type: number, ...sizes: number[]) => [
    0,
    0,
    type,
    sizes.length,
    ...sizes.flatMap((n) => [0, 0, 0, n]),
  ];
  const idx = Uint8Array.of(...header(8, ...test.shape), ...test.bytes);
  writeFileSync(at("test-images.idx.gz"), gzipSync(idx));
  writeFileSync(at("test-labels.idx"), Uint8Array.of(...header(8, 60), ...test.labels));
  writeFileSync(at("cut.idx"), idx.subarray(0, 300));
  writeFileSync(at("cut.npy"), npy(test.shape, test.bytes).subarray(0, 300));
  writeFileSync(at("cut.npz"), readFileSync(at("test.npz")).subarray(0, 500));
  writeFileSync(at("wide.npy"), npy([2, 5, 6], new Uint8Array(60)));
  writeFileSync(
    at("angles.npy"),
    npy(
      [30],
      fresh.labels.map((v) => 10 * v + 1),
    ),
  );
  const rows = Array.from(fresh.labels, (label, i) => `${i % 7},${label},${names[label]}`);
  writeFileSync(at("kinds.csv"), ["x,size,corner", ...rows].join("\n"));
  writeFileSync(at("odd.csv"), ["x,size,corner", ...rows, "1,1,high"].join("\n"));
  write("numbers.csv", 40, 1);
  succeed("adapt", "cnn.onnx", "fresh.npy", "--labels", "fresh-labels.npy", "--out", "a.safetensors");
});

describe("a convolutional network from ONNX, with images", () => {
  it("adapts to labels and gives class probabilities with scores, from npz and IDX alike", () => {
    const plain = answer(
      "predict",
      "cnn.onnx",
      "test.npz:images",
      "--labels",
      "test.npz:labels",
      "--out",
      "p0.csv",
    );
    const out = answer(
      "predict",
      "a.safetensors",
      "test.npz:images",
      "--labels",
      "test.npz:labels",
      "--out",
      "p.csv",
    );
    expect(out.rows).toBe(60);
    expect(out.accuracy).toBeGreaterThan(plain.accuracy + 0.2); // inverted images
    for (const score of ["nll", "brier", "ece"]) expect(out[score]).toBeGreaterThan(0);
    const [head, first] = lines("p.csv");
    expect(head).toBe("class,p_0,p_1,p_2");
    const [, ...p] = first!.split(",").map(Number);
    expect(p.reduce((sum, v) => sum + v, 0)).toBeCloseTo(1, 12);
    const other = answer(
      "predict",
      "a.safetensors",
      "test-images.idx.gz",
      "--target",
      "test-labels.idx",
      "--out",
      "i.csv",
      "--figure",
      "r.svg",
    );
    expect({ ...other, out: "", seconds: 0 }).toEqual({ ...out, out: "", seconds: 0 });
    expect(lines("i.csv")).toEqual(lines("p.csv"));
    expect(readFileSync(at("r.svg"), "utf8")).toContain("calibration");
  });

  it("gives its plain outputs where nothing is said of them", () => {
    succeed("predict", "cnn.onnx", "fresh.npy", "--out", "plain.csv");
    expect(lines("plain.csv")[0]).toBe("output1,output2,output3");
    expect(lines("plain.csv")).toHaveLength(31);
  });

  it("names the classes, regresses labels, draws probabilities by Monte Carlo", () => {
    const named = ["--classes", names.join(","), "--method", "regression"];
    const out = answer(
      "adapt",
      "cnn.onnx",
      "fresh.npy",
      "--labels",
      "fresh-labels.npy",
      ...named,
      "--out",
      "n.safetensors",
    );
    expect(out).toMatchObject({ rows: 30, classes: names, method: "regression" });
    succeed(
      "predict",
      "n.safetensors",
      "fresh.npy",
      "--out",
      "n.csv",
      "--predictive",
      "monte-carlo",
      "--draws",
      "50",
    );
    expect(names).toContain(lines("n.csv")[1]!.split(",")[0]);
    expect(lines("n.csv")[0]).toBe("class,p_left,p_right,p_low");
  });

  it("compares the ways of meeting labels, on a test file or on rows held out", () => {
    const { contenders, testRows } = answer(
      ...["adapt", "cnn.onnx", "fresh.npy", "--labels", "fresh-labels.npy", "--compare"],
      ...[
        "--test",
        "test.npz:images",
        "--test-labels",
        "test.npz:labels",
        "--figure",
        "c.svg",
        "--out",
        "c.safetensors",
      ],
    );
    expect(testRows).toBe(60);
    const named = contenders.map((c: { name: string }) => c.name);
    expect(named).toEqual([
      ...["network as it is", "last layer only", "fine-tuned", "GP from scratch"],
      ...["adapted, labels regressed", "adapted"],
    ]);
    expect(contenders.at(-1).accuracy).toBeGreaterThan(contenders[0].accuracy);
    expect(readFileSync(at("c.svg"), "utf8")).toContain("calibration error");
    const text = succeed(
      "adapt",
      "cnn.onnx",
      "fresh.npy",
      "--labels",
      "fresh-labels.npy",
      "--rows",
      "21",
      "--compare",
    );
    expect(text).toContain("Adapted to 21 examples, tested on 9 others");
  });

  it("regresses on images, trained here", () => {
    const train = ["train", "fresh.npy", "--target", "angles.npy", "--convolutions", "4", "--hidden", "8"];
    const out = answer(...train, "--epochs", "40", "--batch", "10", "--out", "angle.safetensors");
    expect(out.trainRmse).toBeLessThan(8.2); // the angles' own sd
    succeed(
      "adapt",
      "angle.safetensors",
      "fresh.npy",
      "--target",
      "angles.npy",
      "--out",
      "angle2.safetensors",
    );
    const { rmse } = answer(
      "predict",
      "angle2.safetensors",
      "fresh.npy",
      "--target",
      "angles.npy",
      "--out",
      "an.csv",
    );
    expect(rmse).toBeLessThan(4);
  });
});

describe("classifiers of tables", () => {
  it("train on a column of names, adapt, and answer by name", () => {
    const out = answer(
      "train",
      "kinds.csv",
      "--labels",
      "corner",
      "--out",
      "k.safetensors",
      "--hidden",
      "8",
      "--epochs",
      "60",
      "--batch",
      "10",
    );
    expect(out.classes).toEqual(["left", "low", "right"]);
    expect(out.trainAccuracy).toBeGreaterThan(0.9);
    succeed("adapt", "k.safetensors", "kinds.csv", "--rows", "12", "--out", "k2.safetensors");
    const { accuracy } = answer(
      "predict",
      "k2.safetensors",
      "kinds.csv",
      "--labels",
      "corner",
      "--out",
      "k.csv",
    );
    expect(accuracy).toBeGreaterThan(0.9);
    expect(lines("k.csv")[1]!.split(",")[0]).toBe("left");
  });
});

describe("several targets", () => {
  it("adapt an ONNX network of two outputs, with intervals and scores of each", () => {
    succeed(
      "adapt",
      "mlp.onnx",
      "numbers.csv",
      "--inputs",
      "a,b",
      "--target",
      "y,b",
      "--out",
      "two.safetensors",
    );
    succeed("predict", "two.safetensors", "numbers.csv", "--out", "two.csv");
    expect(lines("two.csv")[0]).toBe("mean_y,sd_y,lower95_y,upper95_y,mean_b,sd_b,lower95_b,upper95_b");
    const kinds = ["train", "kinds.csv", "--target", "size,x", "--ignore", "corner", "--out", "never"];
    expect(funspace(...kinds).stderr).toContain("at least one input");
  });

  it("compare ways of meeting numbers in the target's units, with noise known row by row", () => {
    succeed(
      "train",
      "numbers.csv",
      "--target",
      "y",
      "--hidden",
      "8",
      "--epochs",
      "10",
      "--out",
      "base.safetensors",
    );
    const { contenders } = answer(
      "adapt",
      "base.safetensors",
      "numbers.csv",
      "--compare",
      "--held-out",
      "0.25",
      "--noise-sd",
      "0.05",
    );
    expect(contenders).toHaveLength(7);
    expect(contenders.at(-1).name).toBe("adapted about fine-tuned");
    expect(contenders.at(-1).rmse).toBeLessThan(contenders[0].rmse);
    expect(contenders.at(-1).coverage95).toBeGreaterThan(0.5);
  });
});

describe("a fine-tuned mean", () => {
  it("is said to lie on the way to the network trained on, kept, and exported", () => {
    const adapt = ["adapt", "base.safetensors", "numbers.csv", "--target", "y", "--mean", "fine-tuned"];
    expect(succeed(...adapt, "--out", "ft.safetensors")).toMatch(
      /Mean: \d+.* % of the way from the network to the one trained on/,
    );
    expect(succeed("inspect", "ft.safetensors")).toContain("mean: fine-tuned");
    const predict = (model: string) =>
      answer("predict", model, "numbers.csv", "--target", "y", "--out", "p.csv");
    expect(predict("ft.safetensors").rmse).toBeLessThan(predict("base.safetensors").rmse);
    expect(succeed("export", "ft.safetensors", "--out", "ft.onnx")).toContain("Wrote the adapted mean");
    const pool = answer(
      "adapt",
      "cnn.onnx",
      "fresh.npy",
      "--labels",
      "fresh-labels.npy",
      "--out",
      "p.safetensors",
    );
    expect(pool.parts.map(({ mean }: { mean: string }) => mean)).toContain("fine-tuned");
    const without = answer(
      "adapt",
      "cnn.onnx",
      "fresh.npy",
      "--labels",
      "fresh-labels.npy",
      "--no-fine-tuning",
      "--out",
      "p.safetensors",
    );
    expect(without.parts).toHaveLength(pool.parts.length - 1);
    const numbers = funspace(...adapt.slice(0, 5), "--no-fine-tuning", "--out", "never");
    expect(numbers.stderr).toContain("--no-fine-tuning is for classes");
  });
});

describe("more rows", () => {
  it("join an adapted model, its scales as they are", () => {
    const some = ["adapt", "cnn.onnx", "fresh.npy", "--labels", "fresh-labels.npy", "--rows", "20"];
    succeed(...some, "--out", "some.safetensors");
    const more = ["add", "some.safetensors", "test.npz:images", "--labels", "test.npz:labels"];
    expect(answer(...more, "--out", "more.safetensors")).toMatchObject({ added: 60, rows: 80 });
    const kinds = answer("add", "k2.safetensors", "kinds.csv", "--out", "k4.safetensors");
    expect(kinds).toMatchObject({ added: 30, rows: 42 });
  });
});

describe("what is in a file, and out of it", () => {
  it("inspect: layers, shapes, parameters and shares of the tangent kernel's trace", () => {
    const out = answer("inspect", "cnn.onnx", "fresh.npy", "--rows", "10", "--figure", "inspect.svg");
    expect(out).toMatchObject({ inputShape: [1, 6, 6], outputShape: [3], parameters: 151 });
    expect(out.tracedAt).toBe("10 rows of fresh.npy");
    const kinds = out.layers.map((layer: { kind: string }) => layer.kind);
    expect(kinds).toEqual(["conv2d", "relu", "maxPool2d", "flatten", "dense"]);
    expect(out.layers[0].shape).toEqual([4, 6, 6]);
    const shares = out.layers.map((layer: { traceShare?: number }) => layer.traceShare ?? 0);
    expect(shares.reduce((a: number, b: number) => a + b, 0)).toBeCloseTo(1, 12);
    expect(readFileSync(at("inspect.svg"), "utf8")).toContain("share of the trace");
    expect(succeed("inspect", "mlp.onnx")).toContain("100 standard-normal inputs");
    expect(succeed("inspect", "a.safetensors")).toContain("Adapted to 30 examples in function space");
    succeed("fit", "numbers.csv", "--target", "y", "--out", "gp.safetensors");
    expect(succeed("inspect", "gp.safetensors")).toContain("Kernel: ");
  });

  it("export: the adapted mean as an ONNX file", () => {
    expect(answer("export", "a.safetensors", "--out", "mean.onnx")).toMatchObject({ adapted: true });
    expect(readFileSync(at("mean.onnx")).length).toBeGreaterThan(1000);
    expect(answer("export", "k.safetensors", "--out", "k.onnx")).toMatchObject({
      adapted: false,
      inputs: "x, size",
    });
    const logits = ["predict", "k.onnx", "kinds.csv", "--ignore", "corner", "--labels", "corner"];
    // The same network from its own ONNX file, in the table's units.
    const from = (...args: string[]) => answer(...args, "--out", "k3.csv").nll;
    const classes = ["--classes", "left,low,right"];
    const again = from("predict", "k.onnx", "kinds.csv", "--labels", "corner", ...classes);
    expect(again).toBeCloseTo(from("predict", "k.safetensors", "kinds.csv", "--labels", "corner"), 5);
    expect(funspace(...logits, "--out", "never").stderr).toContain("--classes left,low,right");
  });
});

describe("mistakes are one clear line, and nothing is written", () => {
  const labelled = (images: string, labels = "fresh-labels.npy") => [
    "adapt",
    "cnn.onnx",
    images,
    "--labels",
    labels,
    "--out",
    "never",
  ];
  it.each([
    ["an image too wide", labelled("wide.npy", "few-labels.npy"), 1, "2 examples"],
    ["too few labels", labelled("fresh.npy", "few-labels.npy"), 1, "few-labels.npy has 5"],
    ["a truncated npy", ["predict", "cnn.onnx", "cut.npy", "--out", "never"], 1, "cut.npy holds 300 bytes"],
    [
      "a class unknown",
      ["predict", "k.safetensors", "odd.csv", "--labels", "corner", "--out", "never"],
      1,
      'row 32, column "corner": "high"',
    ],
    [
      "a missing input",
      ["adapt", "mlp.onnx", "numbers.csv", "--inputs", "a,z", "--target", "y,b", "--out", "never"],
      1,
      '"z"',
    ],
    [
      "a table for an image network",
      ["predict", "a.safetensors", "kinds.csv", "--out", "never"],
      1,
      "kinds.csv is a table",
    ],
    ["no answers named", ["adapt", "cnn.onnx", "fresh.npy", "--out", "never"], 2, "--labels"],
    ["numbers from a classifier", ["adapt", "a.safetensors", "fresh.npy", "--out", "never"], 2, "--labels"],
    [
      "a sample of a classifier",
      ["sample", "a.safetensors", "numbers.csv", "--out", "never"],
      1,
      "tells classes apart",
    ],
    ["nowhere to write", ["adapt", "cnn.onnx", "fresh.npy", "--labels", "fresh-labels.npy"], 2, "--compare"],
    ["a process to export", ["export", "gp.safetensors", "--out", "never"], 1, "without a network"],
    ["not an ONNX file", ["predict", "fresh.npy", "fresh.npy", "--out", "never"], 1, "fresh.npy"],
  ] as [string, string[], number, string][])("%s", (_name, args, code, message) => {
    const before = readdirSync(folder).sort();
    const { status, stdout, stderr } = funspace(...args);
    expect({ status, stdout }).toEqual({ status: code, stdout: "" });
    expect(stderr).toContain(message);
    if (code === 1) expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(readdirSync(folder).sort()).toEqual(before);
  });
});

it("a last softmax is not adapted twice", () => {
  const layers = [dense(3), softmax(-1)];
  writeFileSync(at("ends.onnx"), encodeOnnx(network({ inputShape: [2], layers, seed: 4 })));
  const args = ["--inputs", "x,size", "--labels", "corner", "--classes", names.join(",")];
  succeed("adapt", "ends.onnx", "kinds.csv", ...args, "--out", "ends.safetensors");
  const { accuracy } = answer(
    "predict",
    "ends.safetensors",
    "kinds.csv",
    "--labels",
    "corner",
    "--out",
    "e.csv",
  );
  expect(accuracy).toBeGreaterThan(0.9);
});
