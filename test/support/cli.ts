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

/** An npy file as numpy writes it: f64, or unsigned bytes. */
export function npy(shape: readonly number[], data: Float64Array | Uint8Array): Uint8Array {
  const kind = data instanceof Uint8Array ? "|u1" : "<f8";
  const text = `{'descr': '${kind}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const header = Uint8Array.of(0x93, ...Buffer.from("NUMPY"), 1, 0, length & 255, length >> 8);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([header, Buffer.from(`${text.padEnd(length - 1)}\n`), bytes]);
}
