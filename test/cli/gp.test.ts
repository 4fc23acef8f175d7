import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { workplace } from "../support/cli.ts";

const { folder, funspace, succeed, write } = workplace();

beforeAll(() => {
  write("data.csv", 80, 0);
  write("more.csv", 40, 0);
  write("test.csv", 100, 0);
  succeed(
    "fit",
    "data.csv",
    "--target",
    "y",
    "--ignore",
    "b",
    "--kernel",
    "matern52",
    "--out",
    "gp.safetensors",
  );
  succeed("fit", "data.csv", "--target", "y", "--out", "two.safetensors");
});

const lines = (name: string) => readFileSync(join(folder, name), "utf8").trim().split("\n");

describe("a Gaussian process on the command line", () => {
  it("fits, and predicts with intervals that hold", () => {
    const out = JSON.parse(
      succeed("predict", "gp.safetensors", "test.csv", "--out", "p.csv", "--target", "y", "--json"),
    );
    expect(out.rmse).toBeLessThan(0.1); // the noise's sd is 0.05, the signal's 0.7
    expect(out.coverage95).toBeGreaterThan(0.85);
    expect(lines("p.csv")[0]).toBe("mean,sd,lower95,upper95");
  });

  it("tells the column that matters from the one that does not", () => {
    const { kernel, noiseSd, warnings } = JSON.parse(
      succeed(
        "fit",
        "data.csv",
        "--target",
        "y",
        "--out",
        "ard.safetensors",
        "--figure",
        "loo.svg",
        "--json",
      ),
    );
    const [a, b] = /lengthscale=\[([^\]]+)\]/.exec(kernel)![1]!.split(",").map(Number);
    expect(b! / a!).toBeGreaterThan(5);
    expect(noiseSd).toBeGreaterThan(0.03);
    expect(noiseSd).toBeLessThan(0.08);
    expect(Array.isArray(warnings)).toBe(true);
    expect(readFileSync(join(folder, "loo.svg"), "utf8")).toContain("Leave-one-out");
  });

  it("takes more rows, as if it had seen them at once", () => {
    const out = JSON.parse(
      succeed("add", "gp.safetensors", "more.csv", "--out", "gp2.safetensors", "--json"),
    );
    expect(out).toMatchObject({ added: 40, rows: 120 });
    succeed("predict", "gp2.safetensors", "test.csv", "--out", "p2.csv");
    const sd = (name: string) =>
      lines(name)
        .slice(1)
        .reduce((sum, line) => sum + Number(line.split(",")[1]), 0);
    expect(sd("p2.csv")).toBeLessThan(sd("p.csv"));
  });

  it("draws functions, the same for the same seed", () => {
    succeed("sample", "gp.safetensors", "test.csv", "--count", "3", "--out", "s1.csv", "--figure", "s.svg");
    succeed("sample", "gp.safetensors", "test.csv", "--count", "3", "--out", "s2.csv");
    expect(lines("s1.csv")).toEqual(lines("s2.csv"));
    expect(lines("s1.csv")[0]).toBe("sample1,sample2,sample3");
    expect(readFileSync(join(folder, "s.svg"), "utf8")).toContain("samples");
  });

  it("suggests where sin(2a) is smallest and largest", () => {
    for (const [goal, sign] of [
      ["minimise", -1],
      ["maximise", 1],
    ] as const) {
      const { points } = JSON.parse(
        succeed(
          "suggest",
          "gp.safetensors",
          "--goal",
          goal,
          "--count",
          "2",
          "--acquisition",
          "confidenceBound",
          "--width",
          "0.1",
          "--json",
        ),
      );
      // With a narrow bound the mean decides: it is within a tenth of the sine's extreme.
      expect(sign * Math.sin(2 * points[0].a)).toBeGreaterThan(0.9);
      expect(points[0].a).not.toBe(points[1].a);
    }
    const text = succeed(
      "suggest",
      "two.safetensors",
      "--count",
      "3",
      "--acquisition",
      "thompson",
      "--out",
      "next.csv",
      "--figure",
      "next.svg",
    );
    expect(readFileSync(join(folder, "next.svg"), "utf8")).toContain("y around the first suggestion");
    expect(text).toContain("evaluate 3 points");
    expect(lines("next.csv")).toHaveLength(4);
  });

  it("adapted networks can be sampled too; a plain one is a single function", () => {
    succeed(
      "train",
      "data.csv",
      "--target",
      "y",
      "--out",
      "net.safetensors",
      "--hidden",
      "8",
      "--epochs",
      "5",
    );
    succeed("adapt", "net.safetensors", "more.csv", "--out", "adapted.safetensors");
    succeed("sample", "adapted.safetensors", "test.csv", "--count", "2", "--out", "s3.csv");
    expect(lines("s3.csv")).toHaveLength(101);
    const { status, stderr } = funspace("sample", "net.safetensors", "test.csv", "--out", "never.csv");
    expect(status).toBe(2);
    expect(stderr).toContain("adapt it");
  });
});

describe("mistakes are one clear line, and nothing is written", () => {
  it.each([
    [
      "a kernel that is none",
      ["fit", "data.csv", "--target", "y", "--kernel", "matern5 + rbf", "--out", "never"],
      1,
      'did you mean "matern52"',
    ],
    [
      "a kernel cut short",
      ["fit", "data.csv", "--target", "y", "--kernel", "rbf +", "--out", "never"],
      1,
      "kernel",
    ],
    ["a network to add to", ["add", "net.safetensors", "more.csv", "--out", "never"], 1, "funspace adapt"],
    ["a process to adapt", ["adapt", "gp.safetensors", "more.csv", "--out", "never"], 1, "funspace add"],
    ["a network to suggest from", ["suggest", "net.safetensors", "--out", "never"], 1, "funspace fit"],
    [
      "a mean unheard of",
      ["fit", "data.csv", "--target", "y", "--mean", "cubic", "--out", "never"],
      2,
      "linear",
    ],
    [
      "noise below nothing",
      ["fit", "data.csv", "--target", "y", "--noise-sd", "-1", "--out", "never"],
      2,
      "above 0",
    ],
  ] as [string, string[], number, string][])("%s", (_name, args, code, message) => {
    const { status, stdout, stderr } = funspace(...args);
    expect({ status, stdout }).toEqual({ status: code, stdout: "" });
    expect(stderr).toContain(message);
    expect(existsSync(join(folder, "never"))).toBe(false);
  });
});

describe("the doctor", () => {
  it("finds a healthy fit healthy", () => {
    expect(succeed("doctor", "gp.safetensors")).toContain("Nothing was found");
    const { health, findings } = JSON.parse(succeed("doctor", "gp.safetensors", "test.csv", "--json"));
    expect(findings).toEqual([]);
    expect(health).toMatchObject({ rows: 80, jitter: 0 });
  });

  it("explains spoiled rows, sets them aside and writes a model that predicts without them", () => {
    const rows = lines("data.csv");
    const spoiled = rows.map((line, i) => (i === 11 || i === 31 ? line.replace(/[^,]+$/, "9") : line));
    writeFileSync(join(folder, "spoiled.csv"), `${spoiled.join("\n")}\n`);
    succeed("fit", "spoiled.csv", "--target", "y", "--ignore", "b", "--out", "spoiled.safetensors");
    const found = succeed("doctor", "spoiled.safetensors");
    expect(found).toMatch(/\[outliers\] row (11|31) \(9, .* sds off\), row (11|31) \(9/);
    expect(found).toContain("--apply --out fixed.safetensors");
    const { steps, left } = JSON.parse(
      succeed(
        "doctor",
        "spoiled.safetensors",
        "--apply",
        "outliers",
        "--out",
        "fixed.safetensors",
        "--figure",
        "cured.svg",
        "--json",
      ),
    );
    expect(left).toEqual([]);
    expect(steps[0]).toMatchObject({ kind: "outliers", helped: true });
    expect([...steps[0].withoutRows].sort()).toEqual([11, 31]);
    expect(readFileSync(join(folder, "cured.svg"), "utf8")).toContain("y, treated");
    const score = (model: string) =>
      JSON.parse(succeed("predict", model, "test.csv", "--target", "y", "--out", "d.csv", "--json")).rmse;
    expect(score("fixed.safetensors")).toBeLessThan(0.1);
    expect(score("spoiled.safetensors")).toBeGreaterThan(2 * score("fixed.safetensors"));
  });

  it.each([
    ["a network", ["doctor", "net.safetensors"], 1, "funspace fit"],
    ["a cure without a place", ["doctor", "gp.safetensors", "--apply"], 2, "--out"],
    [
      "an illness unheard of",
      ["doctor", "gp.safetensors", "--apply", "flu", "--out", "never"],
      2,
      "outliers",
    ],
    ["engines of a model", ["doctor", "gp.safetensors", "--engine"], 2, "machine"],
  ] as [string, string[], number, string][])("refuses %s", (_name, args, code, message) => {
    const { status, stderr } = funspace(...args);
    expect(status).toBe(code);
    expect(stderr).toContain(message);
  });
});
