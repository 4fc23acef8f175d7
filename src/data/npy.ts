/**
 * The npy file format (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): a magic string, a
 * version, the length of a header that is a Python dictionary, and the numbers.
 */
import type { Floats } from "../engine/index.ts";
import { FormatError } from "../errors/index.ts";
import { sizeOf } from "../linalg/index.ts";
import { fromHalf } from "../networks/half-precision.ts";
import { type NumberArray, type NumberType, readNumbers } from "./number-array.ts";

const magic = [0x93, ...Array.from("NUMPY", (c) => c.charCodeAt(0))];

/** Whether a file begins as npy files do. */
export function isNpy(bytes: Uint8Array): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

const types: Readonly<Record<string, NumberType>> = {
  b1: { size: 1, wide: false, read: (v, o) => v.getUint8(o) },
  i1: { size: 1, wide: false, read: (v, o) => v.getInt8(o) },
  u1: { size: 1, wide: false, read: (v, o) => v.getUint8(o) },
  i2: { size: 2, wide: false, read: (v, o, e) => v.getInt16(o, e) },
  u2: { size: 2, wide: false, read: (v, o, e) => v.getUint16(o, e) },
  i4: { size: 4, wide: true, read: (v, o, e) => v.getInt32(o, e) },
  u4: { size: 4, wide: true, read: (v, o, e) => v.getUint32(o, e) },
  i8: { size: 8, wide: true, read: (v, o, e) => exactly(v.getBigInt64(o, e), o) },
  u8: { size: 8, wide: true, read: (v, o, e) => exactly(v.getBigUint64(o, e), o) },
  f2: { size: 2, wide: false, read: (v, o, e) => fromHalf(v.getUint16(o, e)) },
  f4: { size: 4, wide: false, read: (v, o, e) => v.getFloat32(o, e) },
  f8: { size: 8, wide: true, read: (v, o, e) => v.getFloat64(o, e) },
};

function exactly(value: bigint, offset: number): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new FormatError(`the whole number ${value} is beyond ±(2^53 − 1), all that is held exactly`, {
    offset,
  });
}

/**
 * The array in an npy file's bytes, in C order whatever the file's; `source` is what to call it in errors. Throws
 * FormatError for a file that is damaged, cut short, or holds anything but numbers.
 */
export function parseNpy(bytes: Uint8Array, source: string): NumberArray {
  const fail = (what: string, offset = 0) => new FormatError(`${source} ${what}`, { offset });
  if (!isNpy(bytes)) throw fail("is not an npy file: it does not begin as numpy writes them");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6] ?? 0;
  const start = version === 1 ? 10 : 12;
  if (version < 1 || version > 3) throw fail(`is an npy file of version ${version}, read are 1 to 3`, 6);
  if (bytes.length < start)
    throw fail(`is cut short after ${bytes.length} bytes; copy it again`, bytes.length);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (start + length > bytes.length) {
    throw fail(`is cut short inside its header; copy it again`, bytes.length);
  }
  const header = new TextDecoder("latin1").decode(bytes.subarray(start, start + length));
  const [, descr] = /'descr'\s*:\s*'([^']*)'/.exec(header) ?? [];
  const [, order] = /'fortran_order'\s*:\s*(True|False)/.exec(header) ?? [];
  const [, sizes] = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(header) ?? [];
  if (descr === undefined || order === undefined || sizes === undefined) {
    throw fail("has a header without descr, fortran_order or shape; the file was altered", start);
  }
  const [, endian, kind] = /^([<>|=]?)([a-z]\d+)$/.exec(descr) ?? [];
  const type = kind !== undefined && Object.hasOwn(types, kind) ? types[kind] : undefined;
  if (!type) {
    throw fail(
      `holds values of dtype "${descr}": read are numbers and booleans (${Object.keys(types).join(", ")})`,
    );
  }
  const shape = sizes.split(",").flatMap((size) => (size.trim() === "" ? [] : [Number.parseInt(size, 10)]));
  try {
    const data = readNumbers(bytes, source, start + length, shape, type, endian !== ">");
    const inOrder = order === "True" ? fromColumns(data, shape) : data;
    return { source, shape, data: inOrder, bytes: kind === "u1" };
  } catch (cause) {
    if (!(cause instanceof FormatError) || cause.message.startsWith(source)) throw cause;
    throw new FormatError(`${source}: ${cause.message}`, {}, { cause });
  }
}

/** Numbers whose first axis runs fastest, in C order. */
function fromColumns(data: Floats, shape: readonly number[]): Floats {
  const out = data.slice();
  const index = new Array<number>(shape.length).fill(0);
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  for (let k = 0; k < out.length; k++) {
    out[k] = data[index.reduce((sum, i, axis) => sum + i * strides[axis]!, 0)]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      if (index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
  return out;
}
