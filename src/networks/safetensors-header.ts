import { FormatError } from "../errors/index.ts";

/** The entry of the header that is no tensor but the writer's own text. */
export const metadataKey = "__metadata__";

/** The reference implementation's limit on the header, in bytes. */
const longestHeader = 100_000_000;

/** Where the header puts a tensor. */
export interface Place {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** In bytes from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

/**
 * The header of a safetensors file: where its data start, and each tensor's place, in order of place. Whether
 * places fit each other and the file is the reader's to check. Throws FormatError for a damaged header.
 */
export function readHeader(bytes: Uint8Array, source: string) {
  if (bytes.length < 8) throw truncated(source, 8, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stated = view.getBigUint64(0, true);
  // A foreign file shows itself here: its first eight bytes make an absurd length.
  if (stated > BigInt(longestHeader)) {
    throw new FormatError(
      `${source} is not a safetensors file: its header would take ${stated} bytes, more than ${longestHeader}`,
      { offset: 0 },
    );
  }
  const start = 8 + Number(stated);
  if (start > bytes.length) throw truncated(source, start, bytes.length);
  const fields = parseHeader(bytes.subarray(8, start), source);
  const metadata = fields[metadataKey] ?? {};
  if (!isObject(metadata) || Object.values(metadata).some((value) => typeof value !== "string")) {
    throw new FormatError(`${source}: ${metadataKey} should be an object of strings`, { offset: 8 });
  }
  const places = Object.entries(fields)
    .filter(([name]) => name !== metadataKey)
    .map(([name, info]) => [name, readPlace(info, `${source}: tensor "${name}"`)] as const)
    .sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  return { start, places, metadata: metadata as Record<string, string> };
}

function parseHeader(bytes: Uint8Array, source: string): Record<string, unknown> {
  const bad = (what: string, cause?: unknown) =>
    new FormatError(
      `${source}: the header ${what}: the file is damaged or not safetensors`,
      { offset: 8 },
      { cause },
    );
  let text: string;
  let fields: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw bad("is not UTF-8 text", cause);
  }
  try {
    fields = JSON.parse(text);
  } catch (cause) {
    throw bad("is not JSON", cause);
  }
  if (!text.startsWith("{") || !isObject(fields)) throw bad("is not a JSON object");
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw bad(`names "${repeated}" twice`);
  return fields;
}

function readPlace(info: unknown, what: string): Place {
  const { dtype, shape, data_offsets: offsets } = isObject(info) ? info : {};
  if (typeof dtype !== "string" || !isCounts(shape) || !isCounts(offsets) || offsets.length !== 2) {
    throw new FormatError(
      `${what} should have a dtype, a shape and two data_offsets (whole numbers from 0), got ${JSON.stringify(info).slice(0, 200)}`,
      { offset: 8 },
    );
  }
  const [begin = 0, end = 0] = offsets;
  if (begin > end) {
    throw new FormatError(`${what} ends at byte ${end} of the data, before it begins at ${begin}`, {
      offset: 8,
    });
  }
  return { dtype, shape, begin, end };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/** The error for a file that ends before it should. */
export function truncated(source: string, needed: number, have: number): FormatError {
  return new FormatError(
    `${source} is truncated: expected ${needed} bytes, got ${have}; copy or write the file again`,
    { offset: have },
  );
}

/**
 * The first key that some object in a JSON text names twice, else undefined. `JSON.parse` keeps the last
 * of two silently, which would let a file hide one tensor behind another. `text` must be valid JSON.
 */
function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "{") open.push(new Set());
    else if (c === "}") open.pop();
    else if (c === '"') {
      const begin = i;
      for (i++; text[i] !== '"'; i++) if (text[i] === "\\") i++;
      let next = i + 1;
      while (" \t\r\n".includes(text[next] ?? "x")) next++;
      if (text[next] !== ":") continue;
      const key = JSON.parse(text.slice(begin, i + 1)) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}
