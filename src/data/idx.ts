import { FormatError } from "../errors/index.ts";
import { type NumberArray, type NumberType, readNumbers } from "./number-array.ts";

const types: ReadonlyMap<number, NumberType> = new Map<number, NumberType>([
  [0x08, { size: 1, wide: false, read: (v, o) => v.getUint8(o) }],
  [0x09, { size: 1, wide: false, read: (v, o) => v.getInt8(o) }],
  [0x0b, { size: 2, wide: false, read: (v, o) => v.getInt16(o) }],
  [0x0c, { size: 4, wide: true, read: (v, o) => v.getInt32(o) }],
  [0x0d, { size: 4, wide: false, read: (v, o) => v.getFloat32(o) }],
  [0x0e, { size: 8, wide: true, read: (v, o) => v.getFloat64(o) }],
]);

/** Whether a file begins as IDX files do: two zeros, a type, a number of axes. No text does. */
export function isIdx(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && bytes[1] === 0 && types.has(bytes[2] ?? 0);
}

/**
 * The array in an IDX file's bytes, the format of MNIST (http://yann.lecun.com/exdb/mnist): big-endian sizes, then the
 * numbers. Throws FormatError for a file that is damaged or cut short.
 */
export function parseIdx(bytes: Uint8Array, source: string): NumberArray {
  const type = types.get(bytes[2] ?? 0);
  if (!isIdx(bytes) || !type) throw new FormatError(`${source} is not an IDX file`, { offset: 0 });
  const axes = bytes[3] ?? 0;
  const start = 4 + 4 * axes;
  if (axes === 0 || bytes.length < start) {
    throw new FormatError(`${source} is cut short inside its header; copy it again`, {
      offset: bytes.length,
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  const data = readNumbers(bytes, source, start, shape, type, false);
  return { source, shape, data, bytes: bytes[2] === 0x08 };
}
