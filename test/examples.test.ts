import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const root = new URL("../", import.meta.url).pathname;
const examples = readdirSync(`${root}examples`).filter((name) => name.endsWith(".ts"));

describe("examples", () => {
  it.each(examples)("%s runs", (name) => {
    const tsx = `${root}node_modules/tsx/dist/cli.mjs`;
    const out = execFileSync(process.execPath, [tsx, `examples/${name}`], { cwd: root, encoding: "utf8" });
    expect(out.trim().split("\n").length).toBeGreaterThan(2);
    expect(out).not.toContain("NaN");
  });

  it("in the README are the files themselves", () => {
    const readme = readFileSync(`${root}README.md`, "utf8");
    for (const name of examples)
      expect(readme).toContain(readFileSync(`${root}examples/${name}`, "utf8").trim());
  });
});
