import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, test } from "vitest";
import { cli, workplace } from "../support/cli.ts";

const { folder, funspace, succeed, write } = workplace();
const trained = ["--target", "y", "--hidden", "12,8", "--batch", "32"];
// biome-ignore lint/suspicious/noExplicitAny: each probe prints its own object
const json = (...args: string[]): any => {
  const text = succeed("probe", ...args, "--json");
  expect(text.trim().split("\n")).toHaveLength(1);
  return JSON.parse(text);
};
const figure = (name: string) => readFileSync(join(folder, name), "utf8");

beforeAll(() => {
  expect(existsSync(cli), "build first: npm run build").toBe(true);
  write("base.csv", 300, 0);
  write("new.csv", 40, 1);
  const keep = ["--epochs", "20", "--keep", "1,5,20", "--checkpoints", "kept"];
  succeed("train", "base.csv", "--out", "base.safetensors", ...trained, ...keep);
  succeed("train", "base.csv", "--out", "other.safetensors", ...trained, "--epochs", "20", "--seed", "1");
  succeed("train", "base.csv", "--out", "one.safetensors", ...trained, "--epochs", "2", "--ignore", "b");
  succeed("adapt", "base.safetensors", "new.csv", "--out", "adapted.safetensors");
  succeed("fit", "new.csv", "--target", "y", "--kernel", "rbf", "--out", "gp.safetensors");
});

describe("train --keep", () => {
  it("writes models of the epochs; the last is the model", () => {
    const same = json("map", "kept/epoch-20.safetensors", "base.safetensors", "base.csv");
    expect(same.models[0].distances).toEqual([0, 0]);
    const predict = (model: string) =>
      JSON.parse(succeed("predict", model, "base.csv", "--out", "p.csv", "--target", "y", "--json")).rmse;
    expect(predict("kept/epoch-1.safetensors")).toBeGreaterThan(predict("kept/epoch-20.safetensors"));
  });
  it("needs both options, and epochs that there are", () => {
    const train = (...more: string[]) =>
      funspace("train", "base.csv", "--out", "x.safetensors", ...trained, ...more);
    expect(train("--keep", "1")).toMatchObject({ status: 2, stderr: expect.stringContaining("give both") });
    expect(train("--keep", "70", "--checkpoints", "k")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("epoch 70 of 60"),
    });
    expect(existsSync(join(folder, "x.safetensors"))).toBe(false);
  });
});

describe("probe ablate", () => {
  it("ranks all hidden units, says where, draws", () => {
    const { units, rows } = json("ablate", "base.safetensors", "base.csv", "--figure", "units.svg");
    expect(rows).toBe(300);
    expect(units).toHaveLength(20);
    const effects = units.map((u: { effect: number }) => u.effect);
    expect(effects).toEqual([...effects].sort((a: number, b: number) => b - a));
    expect(["a", "b"]).toContain(units[0].where.column);
    expect(figure("units.svg")).toContain("The function without a unit");
    const table = succeed("probe", "ablate", "base.safetensors", "base.csv", "--top", "3");
    expect(table).toContain("3 of 20 units");
  });
  it("removes whole layers, and says where there are no heads", () => {
    const { layers } = json(
      "ablate",
      "base.safetensors",
      "base.csv",
      "--part",
      "layer",
      "--replacement",
      "mean",
    );
    expect(layers.map((l: { layer: number }) => l.layer).sort()).toEqual([0, 2, 4]);
    const heads = funspace("probe", "ablate", "base.safetensors", "base.csv", "--part", "head");
    expect(heads).toMatchObject({ status: 2, stderr: expect.stringContaining("no layer of attention") });
  });
});

describe("probe trajectory", () => {
  it("orders checkpoints by epoch, ends at the last", () => {
    const kept = [20, 1, 5].map((epoch) => `kept/epoch-${epoch}.safetensors`);
    const { steps, toLast } = json("trajectory", ...kept, "base.csv", "--figure", "drift.svg");
    expect(steps.map((s: { from: number; to: number }) => [s.from, s.to])).toEqual([
      [1, 5],
      [5, 20],
    ]);
    expect(toLast[2].distance).toBe(0);
    expect(toLast[0].distance).toBeGreaterThan(toLast[1].distance);
    expect(figure("drift.svg")).toContain("kernel change");
  });
});

describe("probe similarity", () => {
  it("of a network with itself is 1 on the diagonal; with another it is smaller", () => {
    const own = json("similarity", "base.safetensors", "base.csv", "--figure", "cka.png");
    own.values.forEach((row: number[], i: number) => {
      expect(row[i]).toBeCloseTo(1, 10);
    });
    const two = json("similarity", "base.safetensors", "other.safetensors", "base.csv");
    expect(two.values[3][3]).toBeLessThan(1);
  });
  test.each(["cca", "svcca", "procrustes", "bures", "gradients"])("takes %s", (index) => {
    const { values } = json("similarity", "base.safetensors", "base.csv", "--index", index, "--rows", "80");
    expect(values[1][1]).toBeCloseTo(1, 6);
    expect(values[0][3]).toBeLessThan(1);
  });
});

describe("probe map", () => {
  it("places models as far apart as their functions are", () => {
    const names = ["kept/epoch-1.safetensors", "other.safetensors", "adapted.safetensors"];
    const { models, stress } = json("map", ...names, "base.csv", "--figure", "map.svg");
    // Three points have a place in the plane whatever their distances.
    expect(stress).toBeLessThan(1e-6);
    const apart = Math.hypot(models[0].x - models[2].x, models[0].y - models[2].y);
    expect(apart).toBeCloseTo(models[0].distances[2], 6);
    expect(figure("map.svg")).toContain("adapted");
  });
});

describe("probe attribute", () => {
  it("contributions add up to what adapting changed", () => {
    const found = json("attribute", "adapted.safetensors", "base.csv", "--row", "7", "--figure", "rows.svg");
    expect(found.examples).toHaveLength(40);
    const sum = found.examples.reduce((s: number, e: { contribution: number }) => s + e.contribution, 0);
    expect(sum).toBeCloseTo(found.prediction - found.before, 6);
    expect(figure("rows.svg")).toContain("leave-one-out effect");
  });
});

describe("probe transfer", () => {
  it("has each layer with its three measures", () => {
    const { layers } = json("transfer", "base.safetensors", "new.csv", "--epochs", "10", "--figure", "t.svg");
    expect(layers.map((l: { layer: number }) => l.layer)).toEqual([0, 2, 4]);
    const shares = layers.reduce((s: number, l: { varianceShare: number }) => s + l.varianceShare, 0);
    expect(shares).toBeCloseTo(1, 10);
    expect(figure("t.svg")).toContain("evidence");
  });
});

describe("probe tickets", () => {
  it("prunes round by round, with controls and a figure", () => {
    const few = ["--rounds", "2", "--seeds", "2", "--epochs", "3", "--rate", "0.5"];
    const { rounds, heldOut } = json("tickets", "base.safetensors", "base.csv", ...few, "--figure", "l.svg");
    expect(heldOut).toBe(75);
    expect(rounds.map((r: { remaining: number }) => r.remaining)).toEqual([
      1,
      expect.closeTo(0.52, 1),
      expect.closeTo(0.27, 1),
    ]);
    expect(rounds[0].ticket.distance.mean).toBe(0);
    expect(rounds[2].shuffled.rmse.mean).toBeGreaterThan(0);
    expect(figure("l.svg")).toContain("weights that remain");
  });
  it("prunes over all layers and in one shot", () => {
    const few = ["--rounds", "1", "--seeds", "1", "--epochs", "1", "--rate", "0.5"];
    const found = json("tickets", "base.safetensors", "base.csv", ...few, "--scope", "global", "--one-shot");
    expect(found).toMatchObject({ scope: "global", oneShot: true });
    expect(found.rounds[1].remaining).toBeCloseTo(0.5, 2);
  });
});

describe("wrong input", () => {
  writeFileSync(join(folder, "short.csv"), "a,y\n1,2\n3,4\n");
  test.each([
    ["a Gaussian process", ["ablate", "gp.safetensors", "base.csv"], 1, "is a Gaussian process"],
    ["one model for a map", ["map", "base.safetensors", "base.csv"], 2, "expected at least 2 models"],
    ["two for one", ["ablate", "base.safetensors", "other.safetensors", "base.csv"], 2, "expected 1 model"],
    ["no table", ["similarity", "base.safetensors", "other.safetensors"], 2, "the table comes last"],
    ["other inputs", ["map", "base.safetensors", "one.safetensors", "base.csv"], 1, "cannot be compared"],
    ["missing columns", ["ablate", "base.safetensors", "short.csv"], 1, '"b"'],
    ["a network not adapted", ["attribute", "base.safetensors", "base.csv"], 1, "was not adapted"],
    ["a row too far", ["attribute", "adapted.safetensors", "new.csv", "--row", "99"], 1, "--row asks"],
    ["an index unknown", ["similarity", "base.safetensors", "base.csv", "--index", "x"], 2, "cka"],
    ["no such file", ["ablate", "gone.safetensors", "base.csv"], 1, "no such file"],
    ["no such probe", ["guess"], 2, "unknown command"],
  ])("%s", (_, args, status, message) => {
    const result = funspace("probe", ...args);
    expect(result.stderr).toContain(message);
    expect(result).toMatchObject({ status, stdout: "" });
  });
  it("checkpoints of other units or structure", () => {
    succeed("train", "new.csv", "--out", "small.safetensors", ...trained, "--epochs", "2");
    const result = funspace("probe", "trajectory", "base.safetensors", "small.safetensors", "base.csv");
    expect(result).toMatchObject({ status: 1, stderr: expect.stringContaining("no checkpoints of one") });
  });
});
