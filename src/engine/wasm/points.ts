import { ShapeError } from "../../errors/index.ts";
import type { Block, KernelMap, Points } from "../engine.ts";
import type { Job, Place } from "./machine.ts";
import { copyIn, expectBlock } from "./transfer.ts";

/** As in assembly/kernel-map.ts, assembly/distance.ts and assembly/kernel.ts. */
const MAPS = ["squaredDistance", "rbf", "matern12", "matern32", "matern52", "rationalQuadratic"] as const;
export const ROWS = 16;
export const PARTS = 8;

/** A strip of the matrix on its way in. */
const STRIP_BYTES = 4 * 2 ** 20;
export const up = (count: number, to: number): number => Math.ceil(count / to) * to;
export const mapNumber = (map: KernelMap): number => MAPS.indexOf(map.name);
export const alphaOf = (map: KernelMap): number => (map.name === "rationalQuadratic" ? map.alpha : 1);

/** Operations for one pair of points: its distance, and a map that costs as much as some 15 coordinates. */
export const pairCost = (dims: number): number => 2 * dims + 30;

export function expectPoints(x: Points, z: Points | undefined): void {
  expectBlock("x", x, x.count, x.dims);
  if (!z) return;
  expectBlock("z", z, z.count, z.dims);
  if (x.dims !== z.dims) throw new ShapeError(`x has ${x.dims} coordinates, but z has ${z.dims}.`);
}

/** Rows of a strip of the matrix: whole tiles in each of the parts. */
export function stripRows(rows: number, cols: number): number {
  const unit = ROWS * PARTS;
  return Math.min(up(rows, unit), Math.max(3 * unit, Math.floor(STRIP_BYTES / (8 * cols * unit)) * unit));
}

/** The points in scratch: x by rows, padded; z packed (raw z lies in front of it, or is x). */
export class PointsInScratch {
  readonly x: Place;
  readonly packed: Place;
  private readonly raw: Place;
  private readonly job: Job;
  private readonly given: readonly [x: Points, z: Points | undefined];

  constructor(job: Job, x: Points, z: Points | undefined) {
    const d = x.dims;
    this.job = job;
    this.given = [x, z];
    this.x = job.place(up(x.count, ROWS) * d * 8);
    this.raw = z ? job.place(z.count * d * 8) : this.x;
    this.packed = job.place(up((z ?? x).count, 4) * d * 8);
  }

  /** Copies the points in, less `centre`, and packs z. */
  load(centre?: Float64Array): void {
    const [x, z] = this.given;
    const d = x.dims;
    const toX = this.job.f64(this.x);
    copyIn(toX, x, x.count, d, d);
    toX.fill(0, x.count * d);
    if (z) copyIn(this.job.f64(this.raw), z, z.count, d, d);
    if (centre) {
      subtract(toX.subarray(0, x.count * d), centre);
      if (z) subtract(this.job.f64(this.raw), centre);
    }
    const count = (z ?? x).count;
    this.job.run("pack_points", count * d, count, d, this.raw.address, this.packed.address);
  }

  /** Coordinates of x or z as they lie in scratch. */
  coordinates(of: "x" | "z"): Float64Array {
    return this.job.f64(of === "x" ? this.x : this.raw);
  }
}

function subtract(points: Float64Array, centre: Float64Array): void {
  for (let i = 0, p = 0; i < points.length; i++) {
    points[i]! -= centre[p]!;
    if (++p === centre.length) p = 0;
  }
}

/** The mean point: pull-backs are sums of differences, which are exact only as far as coordinates are small. */
export function centreOf(x: Points): Float64Array {
  const centre = new Float64Array(x.dims);
  for (let i = 0; i < x.count; i++) {
    for (let p = 0; p < x.dims; p++) centre[p]! += x.data[x.offset + i * x.stride + p]! / x.count;
  }
  return centre;
}

/** Rows [row, row + rows) of the lower triangle, into rows of a strip `stride` elements apart. */
export function copyLowerIn(to: Float64Array, strip: Block, row: number, rows: number, stride: number): void {
  for (let i = 0; i < rows; i++) {
    const from = strip.offset + i * strip.stride;
    to.set(strip.data.subarray(from, from + row + i + 1), i * stride);
  }
}
