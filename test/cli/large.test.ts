import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeModel, type LargeGpModel } from "../../src/data/index.ts";
import { workplace } from "../support/cli.ts";

const { folder, funspace, succeed, write } = workplace();
const methods = ["iterative", "sparse", "variational"] as const;
const fitted = new Map<string, Record<string, unknown>>();

beforeAll(() => {
  write("data.csv", 80, 0);
  write("more.csv", 40, 0);
  write("test.csv", 100, 0);
  for (const method of methods) {
    const own = method === "iterative" ? ["--tolerance", "1e-6"] : ["--inducing", "20"];
    const out = ["--target", "y", "--out", `${method}.safetensors`, "--starts", "1", "--steps", "30"];
    fitted.set(method, JSON.parse(succeed("fit", "data.csv", "--method", method, ...own, ...out, "--json")));
  }
});

const modelOf = (file: string) => decodeModel(readFileSync(join(folder, file)), file) as LargeGpModel;

describe("fits to many rows on the command line", () => {
  it("say the method, why, and how well the answer holds", () => {
    for (const method of methods) {
      expect(fitted.get(method)).toMatchObject({ method, why: "it was asked for", rows: 80 });
      expect(Number.isFinite(fitted.get(method)!.logEvidence)).toBe(true);
    }
    expect(fitted.get("iterative")!.residual).toBeLessThan(1e-5);
    expect(fitted.get("iterative")!.tolerance).toBe(1e-6);
    // Twenty asked for; fewer where the rest of the rows say nothing new to a smooth kernel.
    expect(fitted.get("sparse")!.inducing).toBeLessThanOrEqual(20);
    expect(fitted.get("sparse")!.inducing).toBeGreaterThan(5);
  });

  it.each(methods)("predict from the file of a %s model alone", (method) => {
    const file = `${method}.safetensors`;
    const out = JSON.parse(succeed("predict", file, "test.csv", "--out", "p.csv", "--target", "y", "--json"));
    expect(out.rmse).toBeLessThan(0.2); // the noise's sd is 0.05, the signal's 0.7
    expect(out.coverage95).toBeGreaterThan(0.8);
    expect(succeed("inspect", file)).toContain(`method: ${method}`);
  });

  it("filter a series of one input, chosen by its kernel and size", () => {
    write("long.csv", 1_100, 0);
    const options = ["--target", "y", "--ignore", "b", "--kernel", "matern52", "--starts", "1", "--json"];
    const out = ["--out", "series.safetensors", "--figure", "series.svg"];
    const found = JSON.parse(succeed("fit", "long.csv", ...options, ...out));
    expect(found).toMatchObject({ method: "state-space", rows: 1_100 });
    expect(found.why).toMatch(/exact in linear time/);
    expect(found.noiseSd).toBeCloseTo(0.05, 2);
    expect(readFileSync(join(folder, "series.svg"), "utf8")).toContain("the last 500 of 1100 rows");
    const scores = JSON.parse(
      succeed("predict", "series.safetensors", "test.csv", "--out", "p.csv", "--target", "y", "--json"),
    );
    expect(scores.rmse).toBeLessThan(0.1);
    expect(scores.coverage95).toBeGreaterThan(0.85);
    expect(succeed("inspect", "series.safetensors")).toContain("method: state-space");
    const grown = ["add", "series.safetensors", "more.csv", "--out", "longer.safetensors", "--json"] as const;
    expect(JSON.parse(succeed(...grown))).toMatchObject({ added: 40, rows: 1_140 });
    succeed("sample", "series.safetensors", "test.csv", "--count", "2", "--out", "s.csv");
    const refused = funspace("fit", "data.csv", "--target", "y", "--method", "state-space", "--out", "never");
    expect(refused.stderr).toMatch(/one input column, got 2/);
  });

  it("add rows where the rows are kept", () => {
    for (const method of ["iterative", "sparse"]) {
      const out = JSON.parse(
        succeed("add", `${method}.safetensors`, "more.csv", "--out", "grown.safetensors", "--json"),
      );
      expect(out).toMatchObject({ added: 40, rows: 120 });
      const { process } = modelOf("grown.safetensors");
      expect(process.method).toBe(method);
    }
    const refused = funspace("add", "variational.safetensors", "more.csv", "--out", "never.safetensors");
    expect(refused.status).toBe(2);
    expect(refused.stderr).toMatch(/keeps no rows/);
  });

  it("refuse options of another method", () => {
    const wrong = (...more: string[]) =>
      funspace("fit", "data.csv", "--target", "y", "--out", "never", ...more);
    expect(wrong("--method", "sparse", "--tolerance", "0.1").stderr).toMatch(/--tolerance is for/);
    expect(wrong("--method", "iterative", "--inducing", "9").stderr).toMatch(/--inducing is for/);
    expect(wrong("--inducing", "9").stderr).toMatch(/name a --method/);
    expect(wrong("--method", "sparse", "--objective", "leave-one-out").stderr).toMatch(/--method exact/);
  });
});
