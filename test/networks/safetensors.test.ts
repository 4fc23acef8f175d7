import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, test } from "vitest";
import { FormatError, ShapeError, UsageError } from "../../src/errors/index.ts";
import type { Tensor } from "../../src/linalg/tensor.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/networks/safetensors.ts";
import { golden } from "../support/golden.ts";

const tensors: ReadonlyMap<string, Tensor> = new Map<string, Tensor>([
  ["layer.0.weight", { shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 0.1, -0, 1e30) }],
  ["scale", { shape: [], data: Float64Array.of(0.1) }],
  ["empty", { shape: [0, 4], data: new Float32Array(0) }],
  ['a "quoted" naïve name', { shape: [1], data: Float64Array.of(5e-324) }],
  ["__proto__", { shape: [1], data: Float64Array.of(7) }],
]);
const metadata = { note: 'naïve – "quoted"\n', empty: "", definition: '{"layers":[{"a":1},{"a":2}]}' };

/** Set PYTHON to an interpreter that has safetensors and numpy. */
const python = process.env.PYTHON ?? "python3";

function pythonReads(): boolean {
  try {
    execFileSync(python, ["-c", "import numpy, safetensors"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** A file with this header, whatever it says, and so many bytes of data, each its place modulo 251. */
function fileOf(header: string | Uint8Array, length: number): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  for (let i = 0; i < length; i++) bytes[8 + text.length + i] = i % 251;
  return bytes;
}

function one(dtype: string, data: Uint8Array, shape: readonly number[]) {
  const bytes = fileOf(
    `{"t":{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[0,${data.length}]}}`,
    data.length,
  );
  bytes.set(data, bytes.length - data.length);
  return decodeSafetensors(bytes, "m").tensors.get("t")!;
}

function failure(bytes: Uint8Array): FormatError {
  try {
    decodeSafetensors(bytes, "model.safetensors");
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message).not.toContain("\n");
    expect((error as Error).message).toContain("model.safetensors");
    return error as FormatError;
  }
  throw new Error("the file was read");
}

describe("writing", () => {
  it("reads back what was written, with its precision", () => {
    const read = decodeSafetensors(encodeSafetensors(tensors, metadata), "m");
    expect(read.metadata).toEqual(metadata);
    expect(new Set(read.tensors.keys())).toEqual(new Set(tensors.keys()));
    for (const [name, tensor] of tensors) expect(read.tensors.get(name)).toEqual(tensor);
  });

  it("gives the same bytes whatever the order of tensors and metadata", () => {
    const reversed = new Map([...tensors].reverse());
    const back = Object.fromEntries(Object.entries(metadata).reverse());
    expect(encodeSafetensors(reversed, back)).toEqual(encodeSafetensors(tensors, metadata));
  });

  it("starts the data, and every f64 tensor, on a multiple of eight bytes", () => {
    const bytes = encodeSafetensors(tensors, metadata);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    expect(header.scale.data_offsets[0] % 8).toBe(0);
    expect(header["layer.0.weight"].dtype).toBe("F32");
  });

  it("writes no tensors at all", () => {
    const read = decodeSafetensors(encodeSafetensors(new Map(), {}), "m");
    expect(read).toEqual({ tensors: new Map(), metadata: {} });
  });

  it("refuses data that do not fill the shape, and the reserved name", () => {
    const t = { shape: [2, 2], data: new Float32Array(3) };
    expect(() => encodeSafetensors(new Map([["w", t]]), {})).toThrow(ShapeError);
    const u = { shape: [1], data: new Float32Array(1) };
    expect(() => encodeSafetensors(new Map([["__metadata__", u]]), {})).toThrow(UsageError);
  });
});

describe("reading other types", () => {
  it("widens half precision: subnormal, normal, largest, infinite, NaN", () => {
    const { data } = one("F16", Uint8Array.of(1, 0, 0, 0x3c, 0xff, 0x7b, 0, 0xfc, 0, 0x7e, 0, 0x80), [6]);
    expect(data).toEqual(Float32Array.of(2 ** -24, 1, 65504, Number.NEGATIVE_INFINITY, Number.NaN, -0));
  });

  it("widens bfloat16", () => {
    expect(one("BF16", Uint8Array.of(0x80, 0x3f, 0x49, 0xc0), [2]).data).toEqual(
      Float32Array.of(1, -3.140625),
    );
  });

  it("reads integers and booleans into f64", () => {
    const minusTwo = Uint8Array.of(0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
    expect(one("I64", minusTwo, [1]).data).toEqual(Float64Array.of(-2));
    expect(one("I32", minusTwo, [2]).data).toEqual(Float64Array.of(-2, -1));
    expect(one("U16", minusTwo.subarray(0, 2), [1]).data).toEqual(Float64Array.of(65534));
    expect(one("I8", minusTwo.subarray(0, 2), [2]).data).toEqual(Float64Array.of(-2, -1));
    expect(one("U8", minusTwo.subarray(0, 2), [2, 1]).data).toEqual(Float64Array.of(254, 255));
    expect(one("BOOL", Uint8Array.of(0, 1), [2]).data).toEqual(Float64Array.of(0, 1));
  });

  it("reads bytes that lie unaligned in a larger buffer", () => {
    const bytes = encodeSafetensors(tensors, metadata);
    const larger = new Uint8Array(bytes.length + 3);
    larger.set(bytes, 3);
    expect(decodeSafetensors(larger.subarray(3), "m")).toEqual(decodeSafetensors(bytes, "m"));
  });
});

describe("damaged files", () => {
  const good = encodeSafetensors(tensors, metadata);

  it("are refused wherever they are cut off", () => {
    for (let n = 0; n < good.length; n++) {
      const error = failure(good.subarray(0, n));
      expect(error.message).toContain("truncated");
      expect(error.offset).toBe(n);
    }
  });

  it("are refused with bytes too many", () => {
    const longer = new Uint8Array(good.length + 5);
    longer.set(good);
    expect(failure(longer)).toMatchObject({
      offset: good.length,
      message: expect.stringContaining("5 bytes after"),
    });
  });

  const info = (dtype: string, shape: string, offsets: string) =>
    `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
  const a = info("F32", "[2]", "[0,8]");
  test.each([
    ["a foreign file", new TextEncoder().encode("PK a zip archive, say"), "not a safetensors file", 0],
    ["a header that is no JSON", fileOf('{"a":', 0), "not JSON", 8],
    ["a header that is no object", fileOf("[]", 0), "not a JSON object", 8],
    ["a header that starts with a space", fileOf(" {}", 0), "not a JSON object", 8],
    ["a header that is no text", fileOf(Uint8Array.of(0x7b, 0xff, 0x7d), 0), "not UTF-8", 8],
    [
      "a name twice",
      fileOf(`{"a":${a},"b":${info("U8", "[1]", "[8,9]")},"\\u0061" :${a}}`, 9),
      'names "a" twice',
      8,
    ],
    ["a field twice", fileOf(`{"a":{"dtype":"F64",${a.slice(1)}}`, 8), 'names "dtype" twice', 8],
    ["metadata that are no strings", fileOf('{"__metadata__":{"n":1}}', 0), "object of strings", 8],
    ["a tensor that is no object", fileOf('{"a":null}', 0), "should have a dtype", 8],
    ["a negative shape", fileOf(`{"a":${info("F32", "[-2]", "[0,8]")}}`, 8), "should have a dtype", 8],
    ["a fractional offset", fileOf(`{"a":${info("F32", "[2]", "[0,8.5]")}}`, 8), "should have a dtype", 8],
    ["offsets the wrong way round", fileOf(`{"a":${info("F32", "[2]", "[8,0]")}}`, 8), "before it begins", 8],
    ["an unknown dtype", fileOf(`{"a":${info("F8_E4M3", "[8]", "[0,8]")}}`, 8), "dtype F8_E4M3", -8],
    ["a shape too large", fileOf(`{"a":${info("F32", "[3]", "[0,8]")}}`, 8), "needs 12 bytes", -8],
    [
      "a shape beyond all numbers",
      fileOf(`{"a":${info("U8", "[4294967296,4294967296]", "[0,8]")}}`, 8),
      "give 8",
      -8,
    ],
    ["a gap", fileOf(`{"a":${a},"b":${info("U8", "[1]", "[9,10]")}}`, 10), "begins at byte 9", -1],
    ["an overlap", fileOf(`{"a":${a},"b":${info("U8", "[4]", "[4,8]")}}`, 8), "begins at byte 4", -4],
    ["data that do not start at 0", fileOf(`{"a":${info("U8", "[4]", "[4,8]")}}`, 8), "begins at byte 4", -4],
  ])("%s", (_, bytes, message, place) => {
    // Places in the data count from the file's end.
    const offset = place < 0 ? bytes.length + place : place;
    expect(failure(bytes)).toMatchObject({ message: expect.stringContaining(message), offset });
  });

  it("take no memory for what a damaged header promises", () => {
    const huge = fileOf(`{"a":${info("F64", "[1125899906842624]", "[0,9007199254740984]")}}`, 8);
    expect(failure(huge).message).toContain("needs 9007199254740992 bytes");
    expect(
      failure(fileOf(`{"a":${info("F64", "[100000000000]", "[0,800000000000]")}}`, 8)).message,
    ).toContain("truncated");
  });
});

describe("Python's safetensors", () => {
  const { tensors: expected, metadata: text } = golden("from-python");
  const bytes = new Uint8Array(readFileSync(new URL("../golden/from-python.safetensors", import.meta.url)));

  it("writes files that we read", () => {
    // Integers that no double holds are refused, by the tensor's name; put small ones there and read the rest.
    expect(failure(bytes).message).toContain('"int.edge": the integer 9007199254740993');
    const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
    const mended = bytes.slice();
    mended.fill(0, start + header["int.edge"].data_offsets[0], start + header["int.edge"].data_offsets[1]);
    const read = decodeSafetensors(mended, "from-python");
    expect(read.metadata).toEqual(text);
    expect(read.tensors.size).toBe(Object.keys(expected).length);
    for (const [name, { dtype, shape, values }] of Object.entries<Golden>(expected)) {
      const tensor = read.tensors.get(name)!;
      expect(tensor.shape).toEqual(shape);
      expect(tensor.data instanceof Float32Array).toBe(dtype === "F32");
      if (name !== "int.edge") expect(Array.from(tensor.data)).toEqual(values.map(Number));
    }
  });

  it.skipIf(!pythonReads())("reads files that we write (skipped where Python has no safetensors)", () => {
    const folder = mkdtempSync(join(tmpdir(), "funspace-"));
    try {
      const path = join(folder, "ours.safetensors");
      writeFileSync(path, encodeSafetensors(tensors, metadata));
      const script = fileURLToPath(new URL("../golden/read_safetensors.py", import.meta.url));
      const seen = JSON.parse(execFileSync(python, ["-B", script, path], { encoding: "utf8" }));
      expect(seen.metadata).toEqual(metadata);
      expect(seen.tensors["layer.0.weight"]).toMatchObject({ dtype: "F32", shape: [2, 3], first: 1 });
      expect(seen.tensors["layer.0.weight"].last).toBe(Math.fround(1e30));
      expect(seen.tensors.scale).toEqual({ dtype: "F64", shape: [], sum: 0.1, first: 0.1, last: 0.1 });
      expect(seen.tensors.empty.shape).toEqual([0, 4]);
      expect(Object.keys(seen.tensors).sort()).toEqual([...tensors.keys()].sort());
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

interface Golden {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: readonly (number | string)[];
}
