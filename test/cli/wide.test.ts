import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { workplace } from "../support/cli.ts";

const { folder, funspace, succeed, write } = workplace();
write("data.csv", 80, 0);

it("dynamics: a network beside its linearisation and its infinite width, and the rows behind a prediction", () => {
  const small = ["--target", "y", "--hidden", "64", "--steps", "200", "--rows", "40"];
  const out = JSON.parse(
    succeed("dynamics", "data.csv", ...small, "--explain", "1", "--figure", "d.svg", "--json"),
  );
  const [first, last] = [out.records[0], out.records.at(-1)];
  expect([first.step, last.step]).toEqual([0, 200]);
  expect([first.rmse, first.kernelMovement]).toEqual([first.linearisedRmse, 0]);
  // The noise's sd is 0.05, the signal's 0.7.
  for (const way of ["rmse", "linearisedRmse", "infiniteRmse"]) expect(last[way]).toBeLessThan(0.4);
  expect(last.loss).toBeLessThan(0.2 * first.loss);
  expect(readFileSync(join(folder, "d.svg"), "utf8")).toMatch(/^<svg/);
  expect(succeed("dynamics", "data.csv", ...small, "--explain", "1")).toMatch(/row/);
});

it("infinite: the processes of infinitely wide networks, fitted, scored and written", () => {
  const small = ["--target", "y", "--depth", "2", "--activation", "erf"];
  const out = JSON.parse(succeed("infinite", "data.csv", ...small, "--out", "p.csv", "--json"));
  expect(out.contenders.map(({ name }: { name: string }) => name)).toEqual(["nngp", "ntk", "rbf(ard)"]);
  for (const { rmse, coverage95 } of out.contenders) {
    expect(rmse).toBeLessThan(0.15);
    expect(coverage95).toBeGreaterThan(0.8);
  }
  const lines = readFileSync(join(folder, "p.csv"), "utf8").trim().split("\n");
  expect(lines[0]).toBe("y_mean,y_sd,y_lower95,y_upper95");
  expect(lines).toHaveLength(1 + out.testRows);
});

it("both say what is wrong with their options", () => {
  const { status, stderr } = funspace("infinite", "data.csv", "--target", "z");
  expect([status, /no column "z"/.test(stderr)]).toEqual([1, true]);
  const unknown = funspace("dynamics", "data.csv", "--target", "y", "--explain", "99");
  expect(unknown.status).toBe(1);
  expect(unknown.stderr).toMatch(/99/);
});
