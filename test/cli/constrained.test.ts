import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeModel } from "../../src/data/index.ts";
import { formatTable } from "../../src/data/table.ts";
import { matrix } from "../../src/linalg/index.ts";
import { key, normal, uniform } from "../../src/random/index.ts";
import { workplace } from "../support/cli.ts";

const { folder, funspace, succeed } = workplace();
let fitted: Record<string, unknown>;

/** y = √a + noise, and a column that does not matter. */
function write(name: string, rows: number, seed: number): void {
  const [u, e] = [uniform(key(seed), 2 * rows), normal(key(seed), rows)];
  const out = matrix(rows, 3);
  for (let i = 0; i < rows; i++) {
    out.data.set([9 * u[2 * i]!, u[2 * i + 1]!, Math.sqrt(9 * u[2 * i]!) + 0.3 * e[i]!], 3 * i);
  }
  writeFileSync(join(folder, name), formatTable(["a", "b", "y"], out));
}

beforeAll(() => {
  write("data.csv", 25, 1);
  write("more.csv", 10, 2);
  write("test.csv", 100, 3);
  const options = ["--target", "y", "--monotone", "a:up", "--lower", "0", "--out", "m.safetensors"];
  fitted = JSON.parse(succeed("fit", "data.csv", ...options, "--starts", "1", "--json"));
});

describe("fits under constraints on the command line", () => {
  it("say what was held, and what the data think of it", () => {
    expect(fitted).toMatchObject({
      method: "expectation-propagation",
      constraints: [
        { kind: "increasing", column: 0 },
        { kind: "above", value: 0 },
      ],
      broken: 0,
    });
    expect(fitted.logEvidence).toBeGreaterThan(fitted.unconstrained as number);
    expect(succeed("inspect", "m.safetensors")).toContain("rising in a, at least 0");
  });

  it("predict, draw and grow from the file alone", () => {
    const out = JSON.parse(
      succeed("predict", "m.safetensors", "test.csv", "--out", "p.csv", "--target", "y", "--json"),
    );
    expect(out.rmse).toBeLessThan(0.4); // the noise's sd is 0.3
    expect(out.coverage95).toBeGreaterThan(0.85);
    const means = readFileSync(join(folder, "p.csv"), "utf8").trim().split("\n").slice(1);
    expect(means.every((line) => Number(line.split(",")[0]) >= 0)).toBe(true);
    succeed("sample", "m.safetensors", "test.csv", "--count", "2", "--out", "s.csv");
    const grown = ["add", "m.safetensors", "more.csv", "--out", "n.safetensors", "--json"] as const;
    expect(JSON.parse(succeed(...grown))).toMatchObject({ added: 10, rows: 35 });
    const bytes = readFileSync(join(folder, "n.safetensors"));
    const model = decodeModel(bytes, "n.safetensors");
    if (model.kind !== "constrained") throw new Error("the file holds another model");
    expect(model.process.data.x.rows).toBe(35);
    expect(model.process.constraints.length).toBe(2);
  });

  it("draw the function of one input, and say what is wrong", () => {
    const alone = ["--target", "y", "--ignore", "b", "--starts", "1", "--out", "one.safetensors"];
    succeed("fit", "data.csv", ...alone, "--upper", "4", "--figure", "f.svg");
    expect(readFileSync(join(folder, "f.svg"), "utf8")).toContain("at most 4");
    const wrong = (...more: string[]) =>
      funspace("fit", "data.csv", "--target", "y", "--out", "never", ...more).stderr;
    expect(wrong("--monotone", "c:up")).toMatch(/"c" is to be monotone and is no input; inputs are a, b/);
    expect(wrong("--monotone", "a")).toMatch(/such as age:up/);
    expect(wrong("--lower", "2", "--upper", "1")).toMatch(/not below/);
    expect(wrong("--lower", "0", "--method", "sparse")).toMatch(/no use with/);
    expect(wrong("--monotone", "a:up", "--likelihood", "poisson")).toMatch(/--monotone is for/);
  });
});
