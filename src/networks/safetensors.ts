/**
 * The safetensors file format (https://github.com/huggingface/safetensors): eight bytes of little-endian
 * header length, a JSON header that gives each tensor its dtype, shape and place, then the numbers. Bytes in,
 * bytes out: reading and writing files is the business of `data/files.ts`.
 */
import { FormatError, ShapeError, UsageError } from "../errors/index.ts";
import { sizeOf, type Tensor } from "../linalg/tensor.ts";
import { fromBrainFloat, fromHalf } from "./half-precision.ts";
import { metadataKey, readHeader, truncated } from "./safetensors-header.ts";

/** What a file holds: tensors in order of their place in it, and text the writer added. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

interface Dtype {
  /** Bytes one number takes. */
  readonly size: number;
  /** Whether f64 is needed to hold every number of this type (f32 otherwise). */
  readonly wide: boolean;
  read(view: DataView, offset: number): number;
}

const dtypes: ReadonlyMap<string, Dtype> = new Map<string, Dtype>([
  ["F64", { size: 8, wide: true, read: (v, o) => v.getFloat64(o, true) }],
  ["F32", { size: 4, wide: false, read: (v, o) => v.getFloat32(o, true) }],
  ["F16", { size: 2, wide: false, read: (v, o) => fromHalf(v.getUint16(o, true)) }],
  ["BF16", { size: 2, wide: false, read: (v, o) => fromBrainFloat(v.getUint16(o, true)) }],
  ["I64", { size: 8, wide: true, read: (v, o) => safe(v.getBigInt64(o, true), o) }],
  ["I32", { size: 4, wide: true, read: (v, o) => v.getInt32(o, true) }],
  ["I16", { size: 2, wide: true, read: (v, o) => v.getInt16(o, true) }],
  ["I8", { size: 1, wide: true, read: (v, o) => v.getInt8(o) }],
  ["U64", { size: 8, wide: true, read: (v, o) => safe(v.getBigUint64(o, true), o) }],
  ["U32", { size: 4, wide: true, read: (v, o) => v.getUint32(o, true) }],
  ["U16", { size: 2, wide: true, read: (v, o) => v.getUint16(o, true) }],
  ["U8", { size: 1, wide: true, read: (v, o) => v.getUint8(o) }],
  ["BOOL", { size: 1, wide: true, read: (v, o) => v.getUint8(o) }],
]);

function safe(value: bigint, offset: number): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new FormatError(
    `the integer ${value} is beyond ±(2^53 − 1), which is all that a number holds exactly`,
    {
      offset,
    },
  );
}

/**
 * The file that holds `tensors` (f32 as F32, f64 as F64) and `metadata`. Laid out as the reference
 * implementation does, widest type first and then by name, so equal contents give equal bytes whatever their
 * order. Throws ShapeError for a tensor whose data do not fill its shape, UsageError for a reserved name.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries = [...tensors].sort(([a, x], [b, y]) => width(y) - width(x) || (a < b ? -1 : 1));
  const fields: string[] = [];
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0) {
    const pairs = keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`);
    fields.push(`"${metadataKey}":{${pairs.join(",")}}`);
  }
  let end = 0;
  for (const [name, tensor] of entries) {
    if (name === metadataKey) throw new UsageError(`a tensor cannot be called ${metadataKey}: rename it`);
    if (sizeOf(tensor.shape) !== tensor.data.length) {
      throw new ShapeError(
        `tensor "${name}" of shape ${shown(tensor.shape)} needs ${sizeOf(tensor.shape)} numbers, got ${tensor.data.length}`,
      );
    }
    const begin = end;
    end += tensor.data.length * width(tensor);
    fields.push(
      `${JSON.stringify(name)}:{"dtype":"F${8 * width(tensor)}","shape":[${tensor.shape.join(",")}],"data_offsets":[${begin},${end}]}`,
    );
  }
  const text = new TextEncoder().encode(`{${fields.join(",")}}`);
  // Spaces after the JSON, so that the numbers start on a multiple of eight bytes.
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + length + end);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  bytes.fill(0x20, 8 + text.length, 8 + length);
  let offset = 8 + length;
  for (const [, { data }] of entries) {
    const wide = data instanceof Float64Array;
    for (const value of data) {
      if (wide) view.setFloat64(offset, value, true);
      else view.setFloat32(offset, value, true);
      offset += wide ? 8 : 4;
    }
  }
  return bytes;
}

/** Bytes one number of the tensor takes. */
function width(tensor: Tensor): 4 | 8 {
  return tensor.data instanceof Float64Array ? 8 : 4;
}

function shown(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/**
 * The tensors and metadata of a file's bytes; `source` is what to call the file in errors. F32, F16 and BF16
 * come back as f32; F64, integers and booleans (0 and 1) as f64. The data are copies. Throws FormatError, with
 * the offset in bytes, for anything the format does not promise: a truncated, altered or foreign file.
 */
export function decodeSafetensors(bytes: Uint8Array, source: string): Safetensors {
  const header = readHeader(bytes, source);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tensors = new Map<string, Tensor>();
  let expected = 0;
  for (const [name, { dtype, shape, begin, end }] of header.places) {
    const what = `${source}: tensor "${name}"`;
    const offset = header.start + begin;
    if (begin !== expected) {
      throw new FormatError(
        `${what} begins at byte ${begin} of the data, where ${expected} was expected: tensors must follow each other without gap or overlap`,
        { offset },
      );
    }
    const type = dtypes.get(dtype);
    if (!type) {
      const known = [...dtypes.keys()].join(", ");
      throw new FormatError(`${what} has dtype ${dtype}, expected one of ${known}: convert it to F32`, {
        offset,
      });
    }
    const count = sizeOf(shape);
    if (count * type.size !== end - begin) {
      throw new FormatError(
        `${what}, ${dtype} of shape ${shown(shape)}, needs ${count * type.size} bytes, but its data_offsets give ${end - begin}`,
        { offset },
      );
    }
    if (header.start + end > bytes.length) throw truncated(source, header.start + end, bytes.length);
    const data = type.wide ? new Float64Array(count) : new Float32Array(count);
    try {
      for (let i = 0; i < count; i++) data[i] = type.read(view, offset + i * type.size);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new FormatError(
        `${what}: ${error.message}`,
        { offset: error.offset ?? offset },
        { cause: error },
      );
    }
    tensors.set(name, { shape, data });
    expected = end;
  }
  const end = header.start + expected;
  if (end < bytes.length) {
    throw new FormatError(
      `${source} has ${bytes.length - end} bytes after its last tensor: the file was altered or joined to another`,
      { offset: end },
    );
  }
  return { tensors, metadata: header.metadata };
}
