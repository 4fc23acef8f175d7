import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeModel, encodeModel, standardise } from "../../src/data/index.ts";
import { compose, fitDeep } from "../../src/deep/index.ts";
import { rbf } from "../../src/kernels/index.ts";
import { columnVector } from "../../src/linalg/index.ts";
import { dense, network, tanh } from "../../src/networks/index.ts";
import { gp } from "../../src/processes/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { workplace } from "../support/cli.ts";

const { folder, funspace, succeed, write } = workplace();
let fitted: Record<string, unknown>;

beforeAll(() => {
  write("data.csv", 80, 0);
  write("test.csv", 100, 0);
  const small = ["--inducing", "20", "--steps", "150", "--target", "y", "--out", "deep.safetensors"];
  fitted = JSON.parse(
    succeed("deep", "data.csv", ...small, "--layers", "2", "--noise", "constant", "--json"),
  );
});

describe("a deep process on the command line", () => {
  it("fits, and says what it came to", () => {
    expect(fitted.widths).toEqual([2, 1]);
    expect(fitted.collapsed).toEqual([]);
    expect(Number.isFinite(fitted.bound)).toBe(true);
  });

  it("predicts from its file alone, and tells what is in it", () => {
    const out = JSON.parse(
      succeed("predict", "deep.safetensors", "test.csv", "--out", "p.csv", "--target", "y", "--json"),
    );
    expect(out.rmse).toBeLessThan(0.2); // the noise's sd is 0.05, the signal's 0.7
    expect(out.coverage95).toBeGreaterThan(0.8);
    expect(readFileSync(join(folder, "p.csv"), "utf8").split("\n")[0]).toBe("mean,sd,lower95,upper95");
    expect(succeed("inspect", "deep.safetensors")).toMatch(/Layer 2: 2 to 1, 20 inducing points/);
    expect(succeed("sample", "deep.safetensors", "test.csv", "--out", "s.csv", "--count", "2")).toBeTruthy();
  });

  it("inspects a process on a network, every layer counted, and says that figures are for networks", () => {
    const [x, y] = [columnVector([-1, 0, 0.5, 1]), columnVector([1, 0, 0.3, 1])];
    const net = network({ inputShape: [1], layers: [dense(3), tanh(), dense(2)], seed: 1 });
    const { process } = runSync(fitDeep(compose(net, gp(rbf({ ard: 2 }))), { x, y }, { steps: 2 }));
    const { standardiser } = standardise;
    const model = { inputs: standardiser(["a"], x), target: standardiser(["y"], y), process };
    writeFileSync(join(folder, "on-net.safetensors"), encodeModel({ kind: "deep", ...model }));
    const text = succeed("inspect", "on-net.safetensors");
    expect(text).toMatch(/Layer 1: 1 to 2, network \(dense, tanh, dense\)\nLayer 2: 2 to 1, 4 inducing/);
    const refused = funspace("inspect", "on-net.safetensors", "--figure", "no.svg");
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toMatch(/holds a Gaussian process: --figure draws/);
  });

  it("keeps checkpoints, goes on from them to the same file, and draws its layers", () => {
    const small = ["data.csv", "--target", "y", "--inducing", "8", "--steps", "120", "--noise", "varying"];
    const whole = JSON.parse(
      succeed("deep", ...small, "--out", "a.safetensors", "--checkpoint", "c.safetensors", "--json"),
    );
    expect(whole.widths).toEqual([2, 2]);
    const [least, most] = whole.noiseSdRange;
    expect(least).toBeLessThan(whole.noiseSd);
    expect(most).toBeGreaterThan(whole.noiseSd);
    succeed(
      "deep",
      ...small,
      "--out",
      "b.safetensors",
      "--resume",
      "c.safetensors",
      "--figure",
      "layers.svg",
    );
    const bytes = (name: string) => readFileSync(join(folder, name));
    expect(bytes("b.safetensors").equals(bytes("a.safetensors"))).toBe(true);
    const figure = bytes("layers.svg").toString();
    expect(figure).toMatch(/How much layer 1 uses what it sees/);
    expect(figure).toMatch(/Knots/);
    const predicted = JSON.parse(
      succeed("predict", "b.safetensors", "test.csv", "--out", "p.csv", "--target", "y", "--json"),
    );
    expect(predicted.coverage95).toBeGreaterThan(0.8);
    const other = funspace(
      "deep",
      ...small,
      "--out",
      "x.safetensors",
      "--resume",
      "c.safetensors",
      "--seed",
      "1",
    );
    expect(other.status).not.toBe(0);
    expect(other.stderr).toMatch(/of another fit/);
    const none = funspace("deep", ...small, "--out", "x.safetensors", "--resume", "a.safetensors");
    expect(none.stderr).toMatch(/no checkpoint/);
  });

  it("refuses files that were altered, and commands that are not for it", () => {
    const bytes = readFileSync(join(folder, "deep.safetensors"));
    const altered = Uint8Array.from(bytes);
    altered[altered.length - 3]! ^= 1;
    expect(() => decodeModel(altered, "altered")).toThrow(/altered/);
    expect(funspace("add", "deep.safetensors", "data.csv", "--out", "x.safetensors").stderr).toMatch(
      /fit it again/,
    );
    expect(funspace("export", "deep.safetensors", "--out", "x.onnx").status).not.toBe(0);
  });
});
