import { unzipSync } from "fflate";
import { DataError, FormatError } from "../errors/index.ts";
import { parseNpy } from "./npy.ts";
import type { NumberArray } from "./number-array.ts";

/** Whether a file begins as zip files do, which npz files are. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

// What one array may take unpacked: a damaged or hostile file states any size.
const largest = 2 ** 31;

/**
 * An array of an npz file, the zip of npy files that `numpy.savez` writes: the one of this name, or the only one. Throws
 * DataError for a name that is not there or needed and missing, FormatError for a damaged file.
 */
export function parseNpz(bytes: Uint8Array, source: string, name?: string): NumberArray {
  const sizes = new Map<string, number>();
  unzip(bytes, source, (file, size) => {
    if (file.endsWith(".npy")) sizes.set(file.slice(0, -".npy".length), size);
    return false;
  });
  const names = [...sizes.keys()];
  const listed = names.join(", ") || "none";
  if (names.length === 0) throw new DataError(`${source} is a zip file without arrays (.npy) inside`);
  if (name === undefined && names.length > 1) {
    throw new DataError(
      `${source} holds ${names.length} arrays: ${listed}; say which, as in ${source}:${names[0]}`,
    );
  }
  const wanted = name ?? names[0]!;
  const size = sizes.get(wanted);
  if (size === undefined) throw new DataError(`${source} has no array "${wanted}"; it has ${listed}`);
  if (size > largest) {
    throw new FormatError(`${source}: the array "${wanted}" is ${size} bytes unpacked, more than 2 GB`);
  }
  const files = unzip(bytes, source, (file) => file === `${wanted}.npy`);
  return parseNpy(files[`${wanted}.npy`]!, `${source}:${wanted}`);
}

function unzip(
  bytes: Uint8Array,
  source: string,
  wanted: (file: string, size: number) => boolean,
): Record<string, Uint8Array> {
  try {
    return unzipSync(bytes, { filter: ({ name, originalSize }) => wanted(name, originalSize) });
  } catch (cause) {
    throw new FormatError(
      `${source} is a damaged npz file (${(cause as Error).message}); copy it again`,
      {},
      { cause },
    );
  }
}
