import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readBytes, readTable, writeAtomically } from "../../src/data/files.ts";
import { column } from "../../src/data/table.ts";
import { DataError } from "../../src/errors/index.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "funspace-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string) => join(folder, name);

async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(DataError);
  expect((error as Error).message).not.toContain("\n");
  return (error as Error).message;
}

describe("readTable", () => {
  it("reads CSV, plain and gzipped", async () => {
    writeFileSync(at("a.csv"), "\uFEFFy,z\n1,2\n");
    writeFileSync(at("a.csv.gz"), gzipSync("y,z\n1,2\n"));
    for (const name of ["a.csv", "a.csv.gz"]) {
      const table = await readTable(at(name));
      expect(table.source).toBe(at(name));
      expect(column(table, "y")).toEqual(Float64Array.of(1));
    }
  });

  it("tells what is wrong with a file in one line", async () => {
    writeFileSync(at("empty.csv"), "");
    writeFileSync(at("latin.csv"), Uint8Array.of(0x79, 0x0a, 0xe9, 0x0a));
    writeFileSync(at("cut.csv.gz"), gzipSync("y,z\n1,2\n").subarray(0, 20));
    expect(await failure(readTable(at("no.csv")))).toContain("no.csv: there is no such file; check the path");
    expect(await failure(readTable(folder))).toContain("it is a directory");
    expect(await failure(readTable(at("empty.csv")))).toContain("empty.csv is empty");
    expect(await failure(readTable(at("latin.csv")))).toContain("not UTF-8");
    expect(await failure(readTable(at("cut.csv.gz")))).toContain("damaged gzip");
  });
});

describe("writeAtomically", () => {
  it("writes text and bytes, over what was there, and makes directories", async () => {
    await writeAtomically(at("b/c/d.txt"), "one");
    await writeAtomically(at("b/c/d.txt"), Uint8Array.of(1, 2));
    expect(await readBytes(at("b/c/d.txt"))).toEqual(Buffer.from([1, 2]));
    expect(readdirSync(at("b/c"))).toEqual(["d.txt"]);
  });

  it("writes through a link instead of replacing it", async () => {
    mkdirSync(at("real"));
    writeFileSync(at("real/f"), "old");
    symlinkSync(at("real/f"), at("link"));
    await writeAtomically(at("link"), "new");
    expect(readFileSync(at("real/f"), "utf8")).toBe("new");
  });

  it("writes to what is no plain file without replacing it", async () => {
    await writeAtomically("/dev/null", "gone");
    expect(await failure(writeAtomically(folder, "x"))).toContain("it is a directory");
  });

  it("leaves nothing behind when it fails", async () => {
    writeFileSync(at("file"), "kept");
    expect(await failure(writeAtomically(at("file/below"), "x"))).toContain("not a directory");
    const bad = { toString: () => "no bytes" } as unknown as Uint8Array;
    await failure(writeAtomically(at("file"), bad));
    expect(readdirSync(folder)).toEqual(["file"]);
    expect(readFileSync(at("file"), "utf8")).toBe("kept");
  });
});
