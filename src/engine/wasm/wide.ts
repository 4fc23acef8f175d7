import { ShapeError } from "../../errors/index.ts";
import type { Block } from "../engine.ts";
import type { SparseMap, WideChain, WidePoints, WideStep } from "../wide.ts";
import { type Job, type Place, useScratch } from "./machine.ts";
import { up } from "./points.ts";
import { copyOut, expectBlock } from "./transfer.ts";

/** As in assembly/wide.ts: numbers of a step's record. */
const RECORD = 12;
/** Sides of a tile, and the numbers of one that all its states may have. */
const MOST_SIDE = 64;
const TILE = 2 ** 14;
/** Points of a block that is copied out while the workers go on with the next. */
const SIDE = 256;
/** Operations of a bend, about. */
const BEND_COST = 40;

export const wasmWide = {
  wideKernels(
    chain: WideChain,
    x: WidePoints,
    z: WidePoints | undefined,
    nngp: Block,
    ntk: Block | undefined,
  ): void {
    const other = z ?? x;
    const [n, m] = [x.count, other.count];
    if (n === 0 || m === 0) return;
    expectChain(chain, x, other);
    expectBlock("NNGP", nngp, n, m);
    if (ntk) expectBlock("NTK", ntk, n, m);
    const { positions, full, steps } = chain;
    const d = x.channels;
    const { states, most, cost } = sizesOf(chain, d);
    if (states !== 1) throw new ShapeError(`A chain of wide layers should end in one state, not ${states}.`);
    const side = Math.max(4, Math.min(MOST_SIDE, Math.floor(Math.sqrt(TILE / most) / 4) * 4));
    const blocks = blocksOf(n, m, z === undefined);
    useScratch((job) => {
      const rows = job.place((positions * n + 3) * d * 8);
      const panels = job.place(positions * up(m, 4) * d * 8);
      const program = new Program(job, steps, n, m);
      const size = Math.min(n, SIDE) * Math.min(m, SIDE) * 8;
      // Each block of K and Θ, and across the diagonal their images; the next while one is copied out.
      const places = [0, 1].map(() => job.place((z ? 2 : 4) * size));
      job.open();
      const raw = job.f64(rows);
      raw.set(x.data.subarray(0, positions * n * d));
      raw.fill(0, positions * n * d);
      packPanels(job.f64(panels), other, positions);
      program.write();
      const start = (index: number) => {
        const { row, rows: h, col, cols: w } = blocks[index]!;
        const at = places[index % 2]!.address;
        const self = !z && row === col;
        const mirrored = !z && !self;
        return job.start(
          "wide_block",
          h * w * (self ? 0.5 : 1) * cost,
          ...[steps.length, program.address, positions, full ? 1 : 0, most, side, self ? 1 : 0],
          ...[row, h, col, w, d, rows.address, n, panels.address, up(m, 4) * d * 8],
          ...[at, w * 8, mirrored ? at + 2 * size : 0, h * 8, ntk ? size : 0],
        );
      };
      let join = start(0);
      blocks.forEach(({ row, rows: h, col, cols: w }, index) => {
        join();
        if (index + 1 < blocks.length) join = start(index + 1);
        const values = job.f64(places[index % 2]!);
        [nngp, ntk].forEach((to, which) => {
          if (!to) return;
          const from = values.subarray((which * size) / 8);
          copyOut(from, { ...to, offset: to.offset + row * to.stride + col }, h, w, w);
          if (z || row === col) return;
          const image = values.subarray(((2 + which) * size) / 8);
          copyOut(image, { ...to, offset: to.offset + col * to.stride + row }, w, h, h);
        });
      });
    });
  },
};

interface BlockPlace {
  readonly row: number;
  readonly rows: number;
  readonly col: number;
  readonly cols: number;
}

/** Blocks of the matrix; of a symmetric one those that meet the lower triangle. */
function blocksOf(n: number, m: number, symmetric: boolean): readonly BlockPlace[] {
  const blocks: BlockPlace[] = [];
  for (let row = 0; row < n; row += SIDE) {
    for (let col = 0; col < (symmetric ? row + 1 : m); col += SIDE) {
      blocks.push({ row, rows: Math.min(SIDE, n - row), col, cols: Math.min(SIDE, m - col) });
    }
  }
  return blocks;
}

/** The states at the end and the most on the way, and operations of one pair of points. */
function sizesOf({ positions, full, steps }: WideChain, channels: number) {
  let states = positions * (full ? positions : 1);
  let most = states;
  let cost = 2 * states * channels;
  for (const step of steps) {
    if (step.name === "mix") {
      states = step.map.outputs;
      most = Math.max(most, states);
      cost += 2 * step.map.sources.length;
    } else cost += states * (step.name === "bend" ? BEND_COST : 4);
  }
  return { states, most, cost };
}

function expectChain({ positions, full, steps }: WideChain, x: WidePoints, z: WidePoints): void {
  if (x.channels !== z.channels) {
    throw new ShapeError(`x has ${x.channels} channels, but z has ${z.channels}.`);
  }
  for (const [name, { count, channels, data }] of [
    ["x", x],
    ["z", z],
  ] as const) {
    if (data.length < positions * count * channels) {
      throw new ShapeError(
        `${name} of ${positions} positions × ${count} points × ${channels} channels has ${data.length} numbers.`,
      );
    }
  }
  let states = positions * (full ? positions : 1);
  for (const step of steps) {
    if (step.name === "mix") {
      if (step.map.sources.some((s) => s < 0 || s >= states)) {
        throw new ShapeError(`A mixture reads beyond the ${states} states before it.`);
      }
      states = step.map.outputs;
    } else if (step.name === "bend") {
      const at = step.rowVariances.length / x.count;
      const wanted = step.full ? at * at : at;
      if (wanted !== states || step.colVariances.length !== at * z.count) {
        throw new ShapeError(
          `A bend of ${states} states needs variances of positions × points, but got ${step.rowVariances.length} and ${step.colVariances.length}.`,
        );
      }
    }
  }
}

/** Points in panels of four, position by position, zeros behind the last. */
function packPanels(to: Float64Array, { count, channels, data }: WidePoints, positions: number): void {
  to.fill(0);
  const pitch = up(count, 4) * channels;
  for (let p = 0, from = 0; p < positions; p++) {
    for (let j = 0; j < count; j++) {
      const at = p * pitch + (j >> 2) * 4 * channels + (j & 3);
      for (let c = 0; c < channels; c++, from++) to[at + 4 * c] = data[from]!;
    }
  }
}

/** The steps as records in scratch, with what they point to. */
class Program {
  private readonly records: Place;
  private readonly job: Job;
  private readonly written: readonly (() => readonly number[])[];

  constructor(job: Job, steps: readonly WideStep[], n: number, m: number) {
    this.job = job;
    this.records = job.place(Math.max(1, steps.length) * RECORD * 8);
    this.written = steps.map((step) => placeStep(job, step, n, m));
  }

  get address(): number {
    return this.records.address;
  }

  write(): void {
    const to = this.job.f64(this.records);
    this.written.forEach((write, s) => {
      to.set(write(), s * RECORD);
    });
  }
}

/** Lays out what a step points to, and returns what fills that in and makes the step's record. */
function placeStep(job: Job, step: WideStep, n: number, m: number): () => readonly number[] {
  if (step.name === "linear") return () => [0, step.weight, step.bias];
  if (step.name === "mix") return placeMap(job, step.map);
  const { below, above, full, rowVariances, colVariances } = step;
  const positions = rowVariances.length / n;
  const pitch = up(m, 4);
  const rows = job.place(2 * positions * n * 8);
  const cols = job.place(2 * positions * pitch * 8);
  return () => {
    writeDeviations(job.f64(rows), rowVariances, n, n);
    writeDeviations(job.f64(cols), colVariances, m, pitch);
    const factors = [(above - below) ** 2, above * below];
    return [1, rows.address, cols.address, ...factors, positions, full ? 1 : 0, n, pitch];
  };
}

function placeMap(job: Job, { outputs, offsets, sources, weights }: SparseMap): () => readonly number[] {
  const places = [offsets, sources, weights].map((values) => job.place(Math.max(8, values.byteLength)));
  const [o, s, w] = places as [Place, Place, Place];
  return () => {
    job.i32(o).set(offsets);
    job.i32(s).set(sources);
    job.f64(w).set(weights);
    return [2, outputs, o.address, s.address, w.address];
  };
}

/** Square roots of variances (positions × count), and behind all of them their reciprocals; 0 where there is none. */
function writeDeviations(to: Float64Array, variances: Float64Array, count: number, pitch: number): void {
  to.fill(0);
  const half = to.length / 2;
  for (let k = 0; k < variances.length; k++) {
    const at = Math.floor(k / count) * pitch + (k % count);
    const deviation = Math.sqrt(variances[k]!);
    to[at] = deviation;
    to[half + at] = deviation > 0 ? 1 / deviation : deviation;
  }
}
