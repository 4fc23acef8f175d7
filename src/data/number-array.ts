import type { Floats } from "../engine/index.ts";
import { DataError, FormatError } from "../errors/index.ts";
import { sizeOf } from "../linalg/index.ts";

/** An array of numbers as a file holds it: images, labels, rows of features. The first axis counts the examples. */
export interface NumberArray {
  /** What to call the array in errors: its path, say. */
  readonly source: string;
  readonly shape: readonly number[];
  /** In C order. */
  readonly data: Floats;
  /** Whether the file held unsigned bytes, as images are: 0 to 255. */
  readonly bytes: boolean;
}

/** How one kind of number lies in a file. */
export interface NumberType {
  /** Bytes a number takes. */
  readonly size: number;
  /** Whether f64 is needed to hold every number of this kind (f32 otherwise). */
  readonly wide: boolean;
  read(view: DataView, offset: number, littleEndian: boolean): number;
}

/**
 * `count` numbers of one kind from `offset` on, which end the file. Throws FormatError, before any memory is taken, for
 * a file that is shorter or longer.
 */
export function readNumbers(
  bytes: Uint8Array,
  source: string,
  offset: number,
  shape: readonly number[],
  { size, wide, read }: NumberType,
  littleEndian: boolean,
): Floats {
  const count = sizeOf(shape);
  const end = offset + count * size;
  if (end !== bytes.length) {
    const what =
      end > bytes.length ? "it was cut short; copy it again" : "it was altered or joined to another";
    throw new FormatError(
      `${source} holds ${bytes.length} bytes, where its header (shape ${shape.join(" × ")}) says ${end}: ${what}`,
      { offset: Math.min(end, bytes.length) },
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = wide ? new Float64Array(count) : new Float32Array(count);
  for (let i = 0; i < count; i++) data[i] = read(view, offset + i * size, littleEndian);
  return data;
}

/** How many examples there are. Throws DataError for a single number. */
export function exampleCount({ source, shape }: NumberArray): number {
  const [count] = shape;
  if (count === undefined || count === 0) {
    throw new DataError(`${source} holds no examples: its first axis should count them`);
  }
  return count;
}

/** Some of the examples, in the order of `indices`. */
export function takeExamples(array: NumberArray, indices: ArrayLike<number>): NumberArray {
  const size = sizeOf(array.shape.slice(1));
  const data = array.data.slice(0, indices.length * size);
  for (let i = 0; i < indices.length; i++) {
    data.set(array.data.subarray(indices[i]! * size, (indices[i]! + 1) * size), i * size);
  }
  return { ...array, shape: [indices.length, ...array.shape.slice(1)], data };
}
