import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  adaptModel,
  armExamples,
  changedArm,
  decodeModel,
  encodeModel,
  factoryArm,
  type Model,
  parseTable,
  posture,
  predictModel,
  scorePrediction,
  type Table,
  trainModel,
} from "../../src/data/index.ts";
import { column, formatTable, head } from "../../src/data/table.ts";
import { FormatError } from "../../src/errors/index.ts";
import { matrix } from "../../src/linalg/index.ts";
import { adam, tanh } from "../../src/networks/index.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/networks/safetensors.ts";
import { key } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { randomMatrix } from "../support/random.ts";

/** A table in units far from standard: y = 1000 + 50 sin(a) + b / 1e6, b in the millions. */
function tableOf(rows: number, name: string, shift = 0): Table {
  const z = randomMatrix(rows, 2, name);
  const out = matrix(rows, 3);
  for (let i = 0; i < rows; i++) {
    const [a, b] = [z.data[2 * i]!, 3e6 + 1e6 * z.data[2 * i + 1]!];
    out.data.set([a, b, 1000 + shift + (50 + shift) * Math.sin(a) + b / 1e6], 3 * i);
  }
  return parseTable(formatTable(["a", "b", "y"], out), `${name}.csv`);
}

const source = tableOf(400, "source");
const fresh = tableOf(30, "fresh", 10);
const test = tableOf(300, "test", 10);
const base = runSync(
  trainModel(source, {
    target: "y",
    hidden: [16],
    activation: tanh,
    epochs: 150,
    batchSize: 50,
    optimizer: adam({ learningRate: 0.01 }),
  }),
);

describe("models speak the table's units", () => {
  it("train, adapt and predict", () => {
    const before = scorePrediction(predictModel(base, source), column(source, "y"));
    expect(before.rmse).toBeLessThan(3);
    expect(before.nlpd).toBeUndefined();
    const drifted = scorePrediction(predictModel(base, test), column(test, "y"));
    const adapted = adaptModel(base, fresh);
    const after = scorePrediction(predictModel(adapted, test), column(test, "y"));
    expect(after.rmse).toBeLessThan(0.5 * drifted.rmse);
    expect(after.coverage95).toBeGreaterThan(0.8);
    const { mean, spread } = predictModel(adapted, head(test, 5));
    spread!.sd.forEach((sd, i) => {
      expect((spread!.upper[i]! - mean[i]!) / sd).toBeCloseTo(1.959964, 5);
      expect((mean[i]! - spread!.lower[i]!) / sd).toBeCloseTo(1.959964, 5);
    });
  });

  it("take columns in any order and adapt again with what they have seen", () => {
    const swapped = parseTable(
      formatTable(["y", "b", "a"], matrix(1, 3, Float64Array.of(1, 3e6, 0.5))),
      "s.csv",
    );
    const straight = parseTable(formatTable(["a", "b"], matrix(1, 2, Float64Array.of(0.5, 3e6))), "s.csv");
    expect(predictModel(base, swapped).mean).toEqual(predictModel(base, straight).mean);
    const twice = adaptModel(adaptModel(base, head(fresh, 10)), tableOf(20, "later", 10));
    expect(twice.adapted!.x.rows).toBe(30);
  });

  it("name the columns that are missing, constant or not there to ignore", () => {
    const options = { target: "y", hidden: [4], activation: tanh, epochs: 1 };
    const without = parseTable(formatTable(["a", "y"], randomMatrix(4, 2, "w")), "w.csv");
    expect(() => predictModel(base, without)).toThrow(
      'w.csv lacks the model\'s input column "b"; it has a, y',
    );
    expect(() => runSync(trainModel(source, { ...options, ignore: ["c"] }))).toThrow(
      'no column "c" to ignore',
    );
    expect(() => runSync(trainModel(source, { ...options, ignore: ["a", "b"] }))).toThrow(
      "at least one input",
    );
    expect(() => runSync(trainModel(source, { ...options, ignore: ["y"] }))).toThrow("ignored too");
    expect(() => runSync(trainModel(source, { ...options, target: "z" }))).toThrow('"z"');
    const flat = parseTable("a,y\n1,2\n1,3\n", "flat.csv");
    expect(() => runSync(trainModel(flat, options))).toThrow('"a" is 1 in every row');
  });
});

describe("model files", () => {
  const adapted = adaptModel(base, fresh, { scales: "layer" });

  it.each([
    ["trained", base],
    ["adapted", adapted],
  ] as [string, Model][])("%s: the same predictions to the last bit after a round trip", (_, model) => {
    const bytes = encodeModel(model);
    const back = decodeModel(bytes, "model") as Model;
    expect(predictModel(back, test)).toEqual(predictModel(model, test));
    expect(back.history).toEqual(model.history);
    expect(encodeModel(back)).toEqual(bytes);
  });

  it("are refused, not misread, when truncated or altered", () => {
    const bytes = encodeModel(adapted);
    for (const length of [0, 7, 100, bytes.length - 1]) {
      expect(() => decodeModel(bytes.slice(0, length), "cut")).toThrow(FormatError);
    }
    for (let at = 8; at < bytes.length; at += 97) {
      const flipped = bytes.slice();
      flipped[at]! ^= 0x10;
      expect(() => decodeModel(flipped, "flipped")).toThrow(FormatError);
    }
    const { tensors, metadata } = decodeSafetensors(bytes, "m");
    const altered = (change: (header: Record<string, never>) => void) => {
      const header = JSON.parse(metadata.funspace!);
      change(header);
      return encodeSafetensors(tensors, { funspace: JSON.stringify(header) });
    };
    // biome-ignore lint/suspicious/noExplicitAny: the header is altered on purpose
    const changes: [(h: any) => void, string][] = [
      [
        (h) => {
          h.version = 2;
        },
        "version is 2",
      ],
      [
        (h) => {
          h.network.layers[0].kind = "quantum";
        },
        "quantum",
      ],
      [
        (h) => {
          h.network.layers[0].units = 17;
        },
        "17",
      ],
      [
        (h) => {
          h.inputs.scale = [1];
        },
        "inputs do not fit",
      ],
      [
        (h) => {
          h.target.scale = [0];
        },
        "target do not fit",
      ],
      [
        (h) => {
          h.adaptation.values = [1];
        },
        "positive",
      ],
      [
        (h) => {
          delete h.network;
        },
        "not a whole funspace model",
      ],
    ];
    for (const [change, message] of changes) expect(() => decodeModel(altered(change), "m")).toThrow(message);
    const foreign = encodeSafetensors(tensors, {});
    expect(() => decodeModel(foreign, "m")).toThrow("not a funspace model");
    const nan = new Map(tensors);
    nan.set("0.bias", { shape: [16], data: new Float32Array(16).fill(Number.NaN) });
    expect(() => decodeModel(encodeSafetensors(nan, { funspace: metadata.funspace! }), "m")).toThrow("NaN");
    nan.delete("0.bias");
    expect(() => decodeModel(encodeSafetensors(nan, { funspace: metadata.funspace! }), "m")).toThrow(
      '"bias" should be 16, got nothing',
    );
  });

  it("are read by Python's safetensors where it is installed", ({ skip }) => {
    const python = process.env.PYTHON ?? "python3";
    try {
      execFileSync(python, ["-c", "import safetensors, numpy"], { stdio: "ignore" });
    } catch {
      skip("Python's safetensors is not installed (PYTHON names another interpreter)");
    }
    const path = join(mkdtempSync(join(tmpdir(), "funspace-")), "m.safetensors");
    writeFileSync(path, encodeModel(adapted));
    const reader = new URL("../golden/read_safetensors.py", import.meta.url).pathname;
    const read = JSON.parse(execFileSync(python, ["-B", reader, path], { encoding: "utf8" }));
    expect(read.tensors["0.weight"].shape).toEqual([16, 2]);
    expect(read.tensors["adaptation.x"]).toMatchObject({ dtype: "F64", shape: [30, 2] });
    expect(JSON.parse(read.metadata.funspace).target.names).toEqual(["y"]);
  });
});

describe("the robot arm", () => {
  it("keeps its links' lengths, whatever it holds, and sags under a load", () => {
    const angles = [1, -0.5, 0.3];
    for (const arm of [factoryArm, changedArm]) {
      const joints = posture(arm, angles).data;
      arm.links.forEach((length, j) => {
        const d = Math.hypot(joints[2 * j + 2]! - joints[2 * j]!, joints[2 * j + 3]! - joints[2 * j + 1]!);
        expect(d).toBeCloseTo(length, 12);
      });
    }
    // Stretched out level: the tip of the unloaded arm is at its full length.
    expect(posture(factoryArm, [0, 0, 0]).data[6]).toBeCloseTo(1.2, 12);
    expect(posture({ ...factoryArm, load: 1 }, [0, 0, 0]).data[7]).toBeLessThan(-0.05);
  });

  it("is seen with the camera's noise", () => {
    const seen = armExamples(factoryArm, key(0), 4000);
    const exact = armExamples(factoryArm, key(0), 4000, 0);
    const square = seen.y.data.reduce((sum, v, i) => sum + (v - exact.y.data[i]!) ** 2, 0) / 8000;
    expect(Math.sqrt(square)).toBeCloseTo(0.005, 3);
  });
});
