import { FormatError } from "../../errors/index.ts";
import { sizeOf, type Tensor } from "../../linalg/index.ts";
import { fromBrainFloat, fromHalf } from "../half-precision.ts";
import { elementTypes, type OnnxTensor } from "./model.ts";

interface Reading {
  /** Bytes one number takes. */
  readonly size: number;
  readonly read: (view: DataView, offset: number) => number;
}

const readings: ReadonlyMap<number, Reading> = new Map<number, Reading>([
  [elementTypes.float, { size: 4, read: (v, o) => v.getFloat32(o, true) }],
  [elementTypes.double, { size: 8, read: (v, o) => v.getFloat64(o, true) }],
  [elementTypes.float16, { size: 2, read: (v, o) => fromHalf(v.getUint16(o, true)) }],
  [elementTypes.bfloat16, { size: 2, read: (v, o) => fromBrainFloat(v.getUint16(o, true)) }],
  [elementTypes.int64, { size: 8, read: (v, o) => Number(v.getBigInt64(o, true)) }],
  [elementTypes.uint64, { size: 8, read: (v, o) => Number(v.getBigUint64(o, true)) }],
  [elementTypes.int32, { size: 4, read: (v, o) => v.getInt32(o, true) }],
  [elementTypes.uint32, { size: 4, read: (v, o) => v.getUint32(o, true) }],
  [elementTypes.int16, { size: 2, read: (v, o) => v.getInt16(o, true) }],
  [elementTypes.uint16, { size: 2, read: (v, o) => v.getUint16(o, true) }],
  [elementTypes.int8, { size: 1, read: (v, o) => v.getInt8(o) }],
  [elementTypes.uint8, { size: 1, read: (v, o) => v.getUint8(o) }],
  [elementTypes.bool, { size: 1, read: (v, o) => v.getUint8(o) }],
]);

/** Whether numbers of the type are floating-point. */
export function isFloat(elementType: number): boolean {
  const { float, double, float16, bfloat16 } = elementTypes;
  return [float, double, float16, bfloat16].some((type) => type === elementType);
}

/**
 * The numbers of a tensor: f32 for the types that fit into it, else f64. Nothing is allocated before the file is
 * known to hold so many. Throws FormatError for a tensor that is not whole, or whose numbers are in another file.
 */
export function tensorOf(tensor: OnnxTensor, what: string): Tensor {
  const { shape, elementType, raw, list = [], offset } = tensor;
  const where = offset === undefined ? {} : { offset };
  const fail = (message: string) => new FormatError(`${what} ${message}`, where);
  if (tensor.external) {
    throw fail(
      "keeps its numbers in another file: save the model as one file (onnx.save_model(model, path, save_as_external_data=False))",
    );
  }
  const reading = readings.get(elementType);
  if (!reading) throw fail(`has numbers of type ${elementType}, which are not read`);
  const count = sizeOf(shape);
  if (shape.some((size) => size < 0) || !Number.isSafeInteger(count)) {
    throw fail(`has the impossible shape ${shape.join(" × ")}`);
  }
  const found = raw ? raw.length / reading.size : list.length;
  if (found !== count) {
    throw fail(`of shape ${shape.join(" × ")} should hold ${count} numbers, the file has ${found}`);
  }
  const narrow = isFloat(elementType) && elementType !== elementTypes.double;
  const data = narrow ? new Float32Array(count) : new Float64Array(count);
  if (raw) {
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    for (let k = 0; k < count; k++) data[k] = reading.read(view, k * reading.size);
  } else if (elementType === elementTypes.float16) data.set(list.map(fromHalf));
  else if (elementType === elementTypes.bfloat16) data.set(list.map(fromBrainFloat));
  else data.set(list);
  if (data.some(Number.isNaN)) throw fail("holds NaN");
  return { shape, data };
}

/** The tensor as it is written: f32 or f64, little-endian; whole numbers when `whole`. */
export function onnxTensor(name: string, { shape, data }: Tensor, whole = false): OnnxTensor {
  const double = data instanceof Float64Array;
  const raw = new Uint8Array(data.length * (whole || double ? 8 : 4));
  const view = new DataView(raw.buffer);
  data.forEach((value, k) => {
    if (whole) view.setBigInt64(8 * k, BigInt(value), true);
    else if (double) view.setFloat64(8 * k, value, true);
    else view.setFloat32(4 * k, value, true);
  });
  const { int64, float, double: wide } = elementTypes;
  return { name, shape, elementType: whole ? int64 : double ? wide : float, raw };
}
