import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { cli, workplace } from "../support/cli.ts";

const { folder, funspace, succeed, write } = workplace();

beforeAll(() => {
  expect(existsSync(cli), "build first: npm run build").toBe(true);
  write("base.csv", 300, 0);
  write("new.csv", 40, 1);
  write("more.csv", 100, 1);
  succeed(
    "train",
    "base.csv",
    "--target",
    "y",
    "--out",
    "base.safetensors",
    "--hidden",
    "16,16",
    "--epochs",
    "40",
    "--batch",
    "32",
  );
  succeed("adapt", "base.safetensors", "new.csv", "--target", "y", "--out", "adapted.safetensors");
});

describe("the chain train → adapt → predict", () => {
  it("predicts in the table's units, with intervals that hold, and --json is one object", () => {
    const text = succeed(
      "predict",
      "adapted.safetensors",
      "more.csv",
      "--out",
      "p.csv",
      "--target",
      "y",
      "--json",
    );
    const { rmse, nlpd, coverage95, rows } = JSON.parse(text);
    expect(text.trim().split("\n")).toHaveLength(1);
    expect(rows).toBe(100);
    expect(rmse).toBeLessThan(0.25); // the network as it is errs by the shift, about 1
    expect(nlpd).toBeLessThan(0);
    expect(coverage95).toBeGreaterThan(0.85);
    const lines = readFileSync(join(folder, "p.csv"), "utf8").trim().split("\n");
    expect(lines[0]).toBe("mean,sd,lower95,upper95");
    expect(lines).toHaveLength(101);
    const [mean, sd, lower, upper] = lines[1]!.split(",").map(Number);
    expect(upper! - mean!).toBeCloseTo(1.959964 * sd!, 5);
    expect(mean! - lower!).toBeCloseTo(1.959964 * sd!, 5);
  });

  it("predicts with a plain network: mean only, and its rmse", () => {
    const { rmse, ...rest } = JSON.parse(
      succeed("predict", "base.safetensors", "more.csv", "--out", "p0.csv", "--target", "y", "--json"),
    );
    expect(rmse).toBeGreaterThan(0.8); // the shift it has not seen
    expect(rest.nlpd).toBeUndefined();
    expect(readFileSync(join(folder, "p0.csv"), "utf8").split("\n")[0]).toBe("mean");
  });

  it("reads gzip, takes the first rows, one scale a layer, and draws figures", () => {
    writeFileSync(join(folder, "new.csv.gz"), gzipSync(readFileSync(join(folder, "new.csv"))));
    const out = JSON.parse(
      succeed(
        "adapt",
        "base.safetensors",
        "new.csv.gz",
        "--target",
        "y",
        "--out",
        "a.safetensors",
        "--rows",
        "15",
        "--scales",
        "layer",
        "--figure",
        "loo.svg",
        "--json",
      ),
    );
    expect(out.rows).toBe(15);
    expect(Object.keys(out.scales)).toEqual(["scale.0", "scale.2", "scale.4"]);
    expect(readFileSync(join(folder, "loo.svg"), "utf8")).toContain("<svg");
    succeed("predict", "a.safetensors", "more.csv", "--out", "p.csv", "--target", "y", "--figure", "p.png");
    expect([...readFileSync(join(folder, "p.png")).subarray(1, 4)]).toEqual(
      [..."PNG"].map((c) => c.charCodeAt(0)),
    );
  });

  it("draws the function of one input with its band", () => {
    succeed(
      "train",
      "base.csv",
      "--target",
      "y",
      "--ignore",
      "b",
      "--out",
      "one.safetensors",
      "--hidden",
      "16",
      "--epochs",
      "20",
      "--figure",
      "curve.svg",
    );
    succeed(
      "adapt",
      "one.safetensors",
      "new.csv",
      "--out",
      "one-adapted.safetensors",
      "--figure",
      "band.svg",
    );
    expect(readFileSync(join(folder, "band.svg"), "utf8")).toContain("95 % band");
    expect(readFileSync(join(folder, "curve.svg"), "utf8")).toContain("epoch");
  });

  it("writes the same model for the same seed", () => {
    const args = [
      "train",
      "base.csv",
      "--target",
      "y",
      "--hidden",
      "8",
      "--epochs",
      "3",
      "--seed",
      "5",
      "--out",
    ];
    succeed(...args, "s1.safetensors");
    succeed(...args, "s2.safetensors");
    expect(readFileSync(join(folder, "s1.safetensors"))).toEqual(
      readFileSync(join(folder, "s2.safetensors")),
    );
  });
});

describe("help", () => {
  it.each(["train", "adapt", "fit", "add", "predict", "sample", "suggest", "demo", "doctor"])(
    "%s --help shows an example",
    (command) => {
      const text = succeed(command, "--help");
      expect(text).toContain(`funspace ${command}`);
      expect(text).toContain("Example");
      expect(text).toContain("--json");
    },
  );
});

describe("bad usage exits 2", () => {
  it.each([
    [["train", "base.csv"], "--target"],
    [["train", "base.csv", "--target", "y", "--out", "x", "--epochs", "many"], "whole number"],
    [["train", "base.csv", "--target", "y", "--out", "x", "--activation", "wow"], "tanh"],
    [["train", "base.csv", "--target", "y", "--out", "x", "--patience", "3"], "--validation"],
    [["adapt", "base.safetensors", "new.csv", "--out", "x", "--scales", "some"], "shared"],
    [["predict", "base.safetensors", "new.csv", "--out", "x", "--figure", "x.gif"], ".svg or .png"],
    [["fly"], "unknown command"],
  ])("%j", (args, message) => {
    const { status, stdout, stderr } = funspace(...args);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
    expect(stdout).toBe("");
  });
});

describe("failure is one clear line, exit 1, nothing written", () => {
  const table = (name: string, text: string) => writeFileSync(join(folder, name), text);
  beforeAll(() => {
    table("empty.csv", "");
    table("header.csv", "a,b,y\n");
    table("cell.csv", "a,b,y\n1,2,3\n4,five,6\n");
    table("nan.csv", "a,b,y\n1,2,3\n4,NaN,6\n");
    table("inf.csv", "a,b,y\n1,2,3\n4,Infinity,6\n");
    table("constant.csv", "a,b,y\n1,2,3\n1,5,6\n");
    table("flat-target.csv", "a,b,y\n1,2,3\n4,5,3\n");
    table("one-row.csv", "a,b,y\n1,2,3\n");
    table("ragged.csv", "a,b,y\n1,2,3\n4,5\n");
    table("narrow.csv", "a,y\n1,2\n3,4\n");
    table("far.csv", "a,b,y\n1,2,3\n1e30,5,6\n");
    table("far-target.csv", "a,b,y\n1,2,3\n4,5,1e200\n");
    const bytes = readFileSync(join(folder, "base.safetensors"));
    writeFileSync(join(folder, "cut.safetensors"), bytes.subarray(0, bytes.length - 10));
    const altered = Buffer.from(bytes);
    altered.write("X", 20);
    writeFileSync(join(folder, "altered.safetensors"), altered);
    table("not-a-model.safetensors", "hello, this is no model at all");
  });
  const training = (name: string) => ["train", name, "--target", "y", "--out", "never"];

  it.each([
    ["missing file", training("nowhere.csv"), "nowhere.csv"],
    ["empty file", training("empty.csv"), "empty"],
    ["header only", training("header.csv"), "no rows"],
    ["missing target", ["train", "base.csv", "--target", "z", "--out", "never"], '"z"'],
    ["non-numeric cell", training("cell.csv"), /row 3.*"b".*five|"b".*row 3.*five|five.*row 3.*"b"/],
    ["NaN", training("nan.csv"), /row 3.*"b"|"b".*row 3/],
    ["infinity", training("inf.csv"), /row 3.*"b"|"b".*row 3/],
    ["constant column", training("constant.csv"), '"a"'],
    ["constant target", training("flat-target.csv"), '"y"'],
    ["too few rows", training("one-row.csv"), "at least 2 rows"],
    ["ragged row", training("ragged.csv"), "row 3"],
    ["inputs that do not match", ["predict", "adapted.safetensors", "narrow.csv", "--out", "never"], '"b"'],
    [
      "inputs too far away",
      ["predict", "adapted.safetensors", "far.csv", "--out", "never"],
      /row 3.*"a".*1e\+30/,
    ],
    ["targets too far away", ["adapt", "base.safetensors", "far-target.csv", "--out", "never"], /row 3.*"y"/],
    [
      "truths too far away to score",
      ["predict", "adapted.safetensors", "far-target.csv", "--target", "y", "--out", "never"],
      "rmse",
    ],
    [
      "an input scored as the target",
      ["predict", "adapted.safetensors", "more.csv", "--target", "b", "--out", "never"],
      'predicts "y"',
    ],
    [
      "another target",
      ["adapt", "base.safetensors", "new.csv", "--target", "b", "--out", "never"],
      'predict "y"',
    ],
    [
      "too many rows asked for",
      ["adapt", "base.safetensors", "new.csv", "--rows", "41", "--out", "never"],
      "40 rows",
    ],
    ["truncated model", ["predict", "cut.safetensors", "more.csv", "--out", "never"], "cut.safetensors"],
    [
      "altered model",
      ["predict", "altered.safetensors", "more.csv", "--out", "never"],
      "altered.safetensors",
    ],
    [
      "no model at all",
      ["adapt", "not-a-model.safetensors", "new.csv", "--out", "never"],
      "not-a-model.safetensors",
    ],
    ["a table as a model", ["predict", "base.csv", "more.csv", "--out", "never"], "base.csv"],
    [
      "no folder to write to",
      ["predict", "base.safetensors", "more.csv", "--out", "base.csv/never"],
      "base.csv",
    ],
  ])("%s", (_name, args, message) => {
    const before = readdirSync(folder).sort();
    const { status, stdout, stderr } = funspace(...args);
    expect({ status, stdout, lines: stderr.trim().split("\n").length }).toEqual({
      status: 1,
      stdout: "",
      lines: 1,
    });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^funspace: /);
    expect(readdirSync(folder).sort()).toEqual(before);
  });
});

describe("engines", () => {
  const withEngine = (engine: string, ...args: string[]) =>
    spawnSync(process.execPath, [cli, ...args], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, FUNSPACE_ENGINE: engine },
    });

  it("give one answer whichever is asked for by FUNSPACE_ENGINE, and say which it was", () => {
    const args = ["adapt", "base.safetensors", "new.csv", "--out", "e.safetensors", "--json"];
    const [wasm, reference] = ["wasm", "reference"].map((engine) =>
      JSON.parse(withEngine(engine, ...args).stdout),
    );
    expect([wasm.engine, reference.engine]).toEqual(["wasm", "reference"]);
    // The optimum is found to 1e-5 of its gradient; rounding differs.
    expect(wasm.logEvidence).toBeCloseTo(reference.logEvidence, 4);
    expect(wasm.looRmse).toBeCloseTo(reference.looRmse, 4);
  });

  it("refuse an unknown name as bad usage", () => {
    const { status, stderr } = withEngine(
      "abacus",
      "predict",
      "base.safetensors",
      "more.csv",
      "--out",
      "never",
    );
    expect(status).toBe(2);
    expect(stderr).toContain("reference, wasm or native");
  });

  it("are examined by the doctor", () => {
    const out = JSON.parse(succeed("doctor", "--engine", "--json"));
    expect(out.engines[0].name).toBe("wasm");
    expect(out.speed).toHaveLength(10);
    for (const row of out.speed) for (const { gigaflops } of row.hands) expect(gigaflops).toBeGreaterThan(0);
  });
});

describe("demo", () => {
  it("prints the table of the main job and draws its figures", () => {
    const out = JSON.parse(succeed("demo", "--out", "demo", "--json"));
    expect(readdirSync(join(folder, "demo"))).toContain("arm-path.png");
    const [few, many] = out.results;
    expect([few.samples, many.samples]).toEqual([20, 100]);
    expect(many.rmse.adapted).toBeLessThan(0.25 * many.rmse["network as it is"]);
    expect(few.rmse.adapted).toBeLessThan(few.rmse["GP from scratch"]);
    expect(many.coverage95).toBeGreaterThan(0.9);
  });
});
