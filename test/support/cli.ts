import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { formatTable } from "../../src/data/table.ts";
import { matrix } from "../../src/linalg/index.ts";
import { randomMatrix } from "./random.ts";

/** The built command line: `npm run build` makes it. */
export const cli = new URL("../../dist/cli/main.js", import.meta.url).pathname;

/** The command line run in a folder of its own. */
export function workplace() {
  const folder = mkdtempSync(join(tmpdir(), "funspace-cli-"));
  const funspace = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
      cwd: folder,
      encoding: "utf8",
    });
    return { status, stdout, stderr };
  };
  const succeed = (...args: string[]) => {
    const { status, stdout, stderr } = funspace(...args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    return stdout;
  };
  /** y = sin(2a) + shift, with a column b that does not matter. */
  const write = (name: string, rows: number, shift: number): void => {
    const z = randomMatrix(rows, 3, name);
    const out = matrix(rows, 3);
    for (let i = 0; i < rows; i++) {
      const a = z.data[3 * i]!;
      out.data.set([a, z.data[3 * i + 1]!, Math.sin(2 * a) + shift + 0.05 * z.data[3 * i + 2]!], 3 * i);
    }
    writeFileSync(join(folder, name), formatTable(["a", "b", "y"], out));
  };
  return { folder, funspace, succeed, write };
}
