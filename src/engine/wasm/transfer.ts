import { ShapeError } from "../../errors/index.ts";
import type { Block, Floats } from "../engine.ts";
import type { Job, Place } from "./machine.ts";

/**
 * A scratch copy of a block: `stride` elements between its rows. Wide rows are padded off powers of two, at
 * which all rows of a tile would fall into the same cache sets.
 */
export interface Copy {
  readonly place: Place;
  readonly stride: number;
}

/** Rows narrower than this are copied element by element: a typed-array call costs as much as some 30 elements. */
const NARROW = 32;

export function placeBlock(job: Job, rows: number, cols: number, size: 4 | 8): Copy {
  let stride = cols;
  if (cols * size >= 1024 && (cols * size) % 512 === 0) stride += 64 / size;
  return { place: job.place(rows * stride * size), stride };
}

/** Refuses a block that its array cannot hold: reading past the end would yield undefined, not an error. */
export function expectBlock(name: string, block: Block<Floats>, rows: number, cols: number): void {
  const { data, offset, stride } = block;
  if (rows === 0 || cols === 0) return;
  const end = offset + (rows - 1) * stride + cols;
  if (stride < cols && rows > 1) {
    throw new ShapeError(`Block ${name} has ${cols} columns but a stride of only ${stride}.`);
  }
  if (!(offset >= 0 && end <= data.length)) {
    throw new ShapeError(
      `Block ${name} (${rows} × ${cols}, offset ${offset}, stride ${stride}) needs ${end} elements, ` +
        `but its array has ${data.length}.`,
    );
  }
}

/** Copies a block in, or with `lower` its lower triangle. */
export function copyIn(
  to: Floats,
  block: Block<Floats>,
  rows: number,
  cols: number,
  stride: number,
  lower = false,
) {
  copy(to, 0, stride, block.data, block.offset, block.stride, rows, cols, lower);
}

/** Copies a block out, or with `lower` its lower triangle. */
export function copyOut(
  from: Floats,
  block: Block<Floats>,
  rows: number,
  cols: number,
  stride: number,
  lower = false,
) {
  copy(block.data, block.offset, block.stride, from, 0, stride, rows, cols, lower);
}

function copy(
  to: Floats,
  toOffset: number,
  toStride: number,
  from: Floats,
  fromOffset: number,
  fromStride: number,
  rows: number,
  cols: number,
  lower: boolean,
): void {
  if (!lower && toStride === cols && fromStride === cols) {
    to.set(from.subarray(fromOffset, fromOffset + rows * cols), toOffset);
    return;
  }
  for (let i = 0; i < rows; i++) {
    const width = lower ? i + 1 : cols;
    const p = toOffset + i * toStride;
    const q = fromOffset + i * fromStride;
    if (width < NARROW) for (let j = 0; j < width; j++) to[p + j] = from[q + j]!;
    else to.set(from.subarray(q, q + width), p);
  }
}
