import { ShapeError } from "../../errors/index.ts";
import type { Floats } from "../engine.ts";
import { type Convolution, positionsOf, tapsOf, type Windows } from "../images.ts";
import { type Job, type Place, useScratch } from "./machine.ts";

/** Scratch for a few images at a time: patches that are read again soon should still be in the caches. */
export const CHUNK_BYTES = 8 * 2 ** 20;

export const imageSize = (w: Windows): number => w.channels * w.height * w.width;
export const pooledSize = (w: Windows): number => w.channels * positionsOf(w);
export const columnsSize = (w: Windows): number => pooledSize(w) * tapsOf(w);
export const filteredSize = (c: Convolution): number => c.filters * positionsOf(c);
export const weightsSize = (c: Convolution): number => (c.filters * c.channels * tapsOf(c)) / c.groups;

export function expectLength(name: string, array: Floats | Int32Array, length: number): void {
  if (array.length !== length) {
    throw new ShapeError(
      `${name} should have ${length} elements for these windows, but has ${array.length}.`,
    );
  }
}

/** As assembly/windows.ts reads them. */
export function sizes(w: Windows, count: number): readonly number[] {
  const { filters = 0, groups = 1 } = w as Partial<Convolution>;
  return [
    ...[count, w.channels, w.height, w.width, ...w.kernel, ...w.stride, ...w.dilation],
    ...[...w.padding, ...w.outputs, filters, groups],
  ];
}

/** An array of which a run of images at a time is in scratch: `each` elements an image; 0: all of it, always. */
export interface Part {
  readonly array: Floats | Int32Array;
  readonly each: number;
  readonly use: "in" | "out" | "sum";
}

/**
 * Runs `routine` on a few images at a time, `each` the bytes that one of them takes beside its parts, and `work` its
 * operations. `values` gives the routine's arguments after the windows from the parts' addresses, the first image
 * and the number of images.
 */
export function runOnImages(
  routine: string,
  windows: Windows,
  parts: readonly Part[],
  work: number,
  workspace: number,
  values: (addresses: readonly number[], first: number, count: number, job: Job) => readonly number[],
): void {
  const wide = parts[0]!.array instanceof Float64Array;
  const bytes = workspace + parts.reduce((sum, { each, array }) => sum + each * array.BYTES_PER_ELEMENT, 0);
  const most = Math.max(1, Math.floor(CHUNK_BYTES / Math.max(1, bytes)));
  for (let first = 0; first < windows.count; first += most) {
    const count = Math.min(most, windows.count - first);
    useScratch((job) => {
      const header = job.place(64);
      const places = parts.map(({ array, each }) =>
        job.place((each > 0 ? each * count : array.length) * array.BYTES_PER_ELEMENT),
      );
      const rest = values(
        places.map(({ address }) => address),
        first,
        count,
        job,
      );
      job.open();
      job.i32(header).set(sizes(windows, count));
      const view = (place: Place, array: Floats | Int32Array) =>
        array instanceof Int32Array ? job.i32(place) : wide ? job.f64(place) : job.f32(place);
      const slice = ({ array, each }: Part) =>
        each > 0 ? array.subarray(first * each, (first + count) * each) : array;
      parts.forEach((part, i) => {
        const needed = part.use === "in" || (part.use === "sum" && first > 0);
        if (needed) view(places[i]!, part.array).set(slice(part));
      });
      job.run(`${routine}_${wide ? "f64" : "f32"}`, work * count, header.address, ...rest);
      parts.forEach((part, i) => {
        if (part.use !== "in") slice(part).set(view(places[i]!, part.array));
      });
    });
  }
}

export function expectGroups({ channels, filters, groups }: Convolution): void {
  if (channels % groups !== 0 || filters % groups !== 0) {
    throw new ShapeError(
      `A convolution of ${channels} channels and ${filters} filters has no ${groups} groups.`,
    );
  }
}

/** Throws ShapeError unless these are a convolution's images, its output and its weights. */
export function expectConvolution(c: Convolution, images: Floats, y: Floats, weights: Floats): void {
  expectGroups(c);
  expectLength("images", images, c.count * imageSize(c));
  expectLength("y", y, c.count * filteredSize(c));
  expectLength("weights", weights, weightsSize(c));
}
