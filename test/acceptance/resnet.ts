import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Matrix, matrix, takeRows } from "../../src/linalg/index.ts";
import { key, permutation, split } from "../../src/random/index.ts";
import { digitConditions } from "../support/digit-conditions.ts";
import { mnist } from "../support/mnist.ts";
import { npy } from "../support/npy.ts";
import { atLeast, atMost, type Check, type Group, reported } from "./check.ts";

const root = resolve(import.meta.dirname, "../..");
const python = resolve(root, ".venv/bin/python");
const digits = resolve(root, "../shared/data/mnist");
const model = join(tmpdir(), "funspace-resnet18-digits.onnx");
const [adaptedTo, tested] = [500, 200];

/** What one run of the command line said, and what it took. */
interface Ran {
  readonly json: Record<string, unknown>;
  readonly wall: number;
  readonly cpu: number;
  /** GiB at most. */
  readonly memory: number;
}

/** A full-size ResNet-18 from ONNX, trained on upright digits, adapted by the command line to turned ones. */
export const resnet: Group = {
  title: `A ResNet-18 from ONNX (11 million weights, 3 × 32 × 32, 10 outputs), trained on upright digits, adapted by the command line to ${adaptedTo} turned by 45°, ${tested} tested`,
  run() {
    const data = mnist();
    if (!data) return "skipped: ../shared/data/mnist is not here";
    if (!existsSync(model)) {
      if (!existsSync(python)) return "skipped: no .venv, whose PyTorch trains the network";
      const files = ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"].map((f) => join(digits, f));
      execFileSync(python, [resolve(root, "test/golden/resnet_digits.py"), ...files, model]);
    }
    // The network has seen the first 3,000, upright.
    const order = permutation(split(key(6), "images"), 5000).map((i) => i + 3000);
    write("new", data.train.x, data.train.y, order.subarray(0, adaptedTo));
    const step = data.test.x.rows / tested;
    write(
      "test",
      data.test.x,
      data.test.y,
      Int32Array.from({ length: tested }, (_, i) => i * step),
    );
    const before = predicted(model);
    return [
      reported("the network as it is: accuracy; NLL", scored(before)),
      ...way("by default", [], before),
    ];
  },
};

function way(name: string, options: readonly string[], before: Ran): Check[] {
  const out = file("adapted.safetensors");
  const ran = funspace(["adapt", model, file("new.npy"), ...labels("new"), "--out", out, ...options]);
  console.error(`resnet, ${name}: adapted in ${ran.wall.toFixed(0)} s`);
  const after = predicted(out);
  return [
    atMost(`${name}: minutes of processor time to adapt`, ran.cpu / 60, 15, 1),
    reported(`${name}: minutes to adapt on a shared machine`, (ran.wall / 60).toFixed(1)),
    atMost(`${name}: GiB of memory, adapting`, ran.memory, 8, 2),
    atMost(`${name}: GiB of memory, predicting`, after.memory, 8, 2),
    reported(
      `${name}: layers that move; seconds of processor time a prediction`,
      `${JSON.stringify(ran.json.layers)}; ${(after.cpu / tested).toFixed(2)}`,
    ),
    atLeast(`${name}: accuracy gained`, number(after, "accuracy") - number(before, "accuracy"), 0),
    reported(`${name}: accuracy; NLL`, scored(after)),
  ];
}

const scored = (ran: Ran) => `${number(ran, "accuracy").toFixed(3)}; ${number(ran, "nll").toFixed(3)}`;
const number = ({ json }: Ran, name: string) => Number(json[name]);
const file = (name: string) => join(tmpdir(), `funspace-resnet-${name}`);
const labels = (name: string) => ["--labels", file(`${name}-labels.npy`)];
const predicted = (of: string) =>
  funspace(["predict", of, file("test.npy"), ...labels("test"), "--out", file("predictions.csv")]);

/** Some images, turned, in colour and with two pixels of black around, and their labels. */
function write(name: string, x: Matrix, y: Matrix, rows: Int32Array): void {
  const turned = digitConditions["rotated by 45°"](takeRows(x, rows));
  const out = matrix(turned.rows, 3 * 32 * 32);
  for (let i = 0; i < out.rows; i++) {
    for (let c = 0; c < 3; c++) {
      for (let r = 0; r < 28; r++) {
        const line = turned.data.subarray(i * 784 + r * 28, i * 784 + (r + 1) * 28);
        out.data.set(line, ((i * 3 + c) * 32 + r + 2) * 32 + 2);
      }
    }
  }
  writeFileSync(file(`${name}.npy`), npy([out.rows, 3, 32, 32], out.data));
  writeFileSync(file(`${name}-labels.npy`), npy([out.rows], takeRows(y, rows).data));
}

/** Runs a command in a process of its own, which says at its end what it used. */
function funspace(words: readonly string[]): Ran {
  const usage = `process.on("exit", () => { const u = process.resourceUsage(); console.error("used " + JSON.stringify([(u.userCPUTime + u.systemCPUTime) / 1e6, u.maxRSS / 2 ** 20])); })`;
  const hook = `data:text/javascript,${encodeURIComponent(usage)}`;
  const start = performance.now();
  const ran = spawnSync(
    process.execPath,
    ["--import", hook, "--import", "tsx", "src/cli/main.ts", ...words, "--json"],
    { cwd: root, encoding: "utf8" },
  );
  const wall = (performance.now() - start) / 1000;
  const used = /^used (.*)$/m.exec(ran.stderr)?.[1];
  if (ran.status !== 0 || !used) throw new Error(`funspace ${words.join(" ")}: ${ran.stderr}`);
  const [cpu, memory] = JSON.parse(used);
  return { json: JSON.parse(ran.stdout), wall, cpu, memory };
}
