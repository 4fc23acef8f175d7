/** Files in and out. The only part of the library proper, besides `plot/png.ts`, that knows a file system. */
import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { DataError } from "../errors/index.ts";
import { isIdx, parseIdx } from "./idx.ts";
import { isNpy, parseNpy } from "./npy.ts";
import { isZip, parseNpz } from "./npz.ts";
import type { NumberArray } from "./number-array.ts";
import { parseTable, type Table } from "./table.ts";

const inflate = promisify(gunzip);

/**
 * The table in a CSV file, plain or gzipped (known by its first bytes). Throws DataError for a file that cannot
 * be read, is not UTF-8 text or a damaged gzip, and whatever `parseTable` throws.
 */
export async function readTable(path: string): Promise<Table> {
  return tableOf(await readUnzipped(path), path, "not UTF-8 text; export the table as CSV in UTF-8");
}

/**
 * The table (CSV) or the array (.npy, .npz, IDX) in a file, plain or gzipped, known by its first bytes. One array of
 * several in an .npz file is named after a colon: "digits.npz:images". Throws DataError or FormatError for a file that
 * cannot be read or is damaged.
 */
export async function readRows(place: string): Promise<Table | NumberArray> {
  const [, path, name] = /^(.*\.npz):([^:\\/]+)$/i.exec(place) ?? [place, place, undefined];
  const bytes = await readUnzipped(path!);
  if (isZip(bytes)) return parseNpz(bytes, path!, name);
  if (isNpy(bytes)) return parseNpy(bytes, path!);
  if (isIdx(bytes)) return parseIdx(bytes, path!);
  const other =
    "neither UTF-8 text (CSV) nor an array that is read (.npy, .npz, IDX); export it as one of these";
  return tableOf(bytes, path!, other);
}

/** The table in text; `otherwise` is what bytes are that are no text. */
function tableOf(bytes: Uint8Array, path: string, otherwise: string): Table {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new DataError(`${path} is ${otherwise}`, {}, { cause });
  }
  return parseTable(text, path);
}

async function readUnzipped(path: string): Promise<Uint8Array> {
  const bytes = await readBytes(path);
  const zipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return zipped ? await inflated(bytes, path) : bytes;
}

async function inflated(bytes: Uint8Array, path: string): Promise<Uint8Array> {
  try {
    return await inflate(bytes);
  } catch (cause) {
    throw new DataError(`${path} is a damaged gzip file (${reason(cause)}); copy it again`, {}, { cause });
  }
}

/** All bytes of a file. Throws DataError when it is missing, a directory, or may not be read. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new DataError(`cannot read ${path}: ${reason(cause)}`, {}, { cause });
  }
}

/**
 * Writes a file whole or not at all: into a temporary file beside it, to the disk, then renamed over it. Makes
 * the directories above it. Throws DataError, leaving whatever was there before, when it cannot.
 */
export async function writeAtomically(path: string, content: Uint8Array | string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const target = await targetOf(path);
    if (target.replace) await replace(target.path, content);
    else await writeFile(target.path, content);
  } catch (cause) {
    throw new DataError(`cannot write ${path}: ${reason(cause)}`, {}, { cause });
  }
}

/** Links are followed, and what is no plain file (/dev/stdout, a pipe) is written to instead of replaced. */
async function targetOf(path: string): Promise<{ path: string; replace: boolean }> {
  const real = await realpath(path).catch(() => path);
  const status = await stat(real).catch(() => undefined);
  return { path: real, replace: status === undefined || status.isFile() };
}

async function replace(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

const reasons: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "there is no such file; check the path"],
  ["EISDIR", "it is a directory; name a file"],
  ["ENOTDIR", "part of the path is a file, not a directory; check the path"],
  ["EEXIST", "part of the path is a file, not a directory; check the path"],
  ["EACCES", "permission denied; check who may use it"],
  ["EPERM", "permission denied; check who may use it"],
  ["EROFS", "the disk is read-only; write elsewhere"],
  ["ENOSPC", "the disk is full; free some space"],
]);

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return reasons.get(code ?? "") ?? message;
}
