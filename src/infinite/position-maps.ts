import type { SparseMap } from "../engine/index.ts";
import { sizeOf } from "../linalg/index.ts";
import type { Layer, Shape } from "../networks/index.ts";
import type { Layout } from "./limit-state.ts";

/** A linear map of the covariances between positions, the same for every pair of points. */
export interface PositionMap {
  /** The layout that one becomes. */
  layout(of: Layout): Layout;
  apply(values: Float64Array, of: Layout): Float64Array;
  /** The transposed map, of an array that lies as `layout(of)`. */
  adjoint(values: Float64Array, of: Layout): Float64Array;
  /** The same as sparse maps of one pair's positions, or in full of its pairs of positions, one after the other. */
  sparse(positions: number, full: boolean): readonly SparseMap[];
}

/** An entry of a sparse map. */
interface Entry {
  readonly output: number;
  readonly input: number;
  readonly weight: number;
}

function sparseOf(outputs: number, entries: readonly Entry[]): SparseMap {
  const offsets = new Int32Array(outputs + 1);
  for (const { output } of entries) offsets[output + 1]!++;
  for (let o = 0; o < outputs; o++) offsets[o + 1]! += offsets[o]!;
  const sources = new Int32Array(entries.length);
  const weights = new Float64Array(entries.length);
  const next = offsets.slice();
  for (const { output, input, weight } of entries) {
    const at = next[output]!++;
    sources[at] = input;
    weights[at] = weight;
  }
  return { outputs, offsets, sources, weights };
}

/** The diagonal (p, p) of all pairs, by p. */
function diagonalOf(positions: number): readonly Entry[] {
  return Array.from({ length: positions }, (_, p) => ({ output: p, input: p * (positions + 1), weight: 1 }));
}

/** From the full form to the diagonal one. */
export const restriction: PositionMap = {
  layout: (of) => ({ ...of, full: false }),
  apply(values, { positions, rows, cols }) {
    const out = new Float64Array(positions * rows * cols);
    eachDiagonal(positions, rows, cols, (to, from) => {
      for (let j = 0; j < cols; j++) out[to + j] = values[from + j]!;
    });
    return out;
  },
  adjoint(values, { positions, rows, cols }) {
    const out = new Float64Array(positions * rows * positions * cols);
    eachDiagonal(positions, rows, cols, (from, to) => {
      for (let j = 0; j < cols; j++) out[to + j] = values[from + j]!;
    });
    return out;
  },
  sparse: (positions) => [sparseOf(positions, diagonalOf(positions))],
};

/** Visits the runs of the diagonal form with the places where they begin in the full one. */
function eachDiagonal(
  positions: number,
  rows: number,
  cols: number,
  visit: (inDiagonal: number, inFull: number) => void,
): void {
  for (let r = 0; r < positions * rows; r++) {
    visit(r * cols, (r * positions + Math.floor(r / rows)) * cols);
  }
}

/** All positions side by side as features: the mean of their covariances. */
export const flattening: PositionMap = {
  layout: (of) => ({ ...of, positions: 1, full: false }),
  apply(values, of) {
    const diagonal = of.full ? restriction.apply(values, of) : values;
    const out = new Float64Array(of.rows * of.cols);
    for (let k = 0; k < diagonal.length; k++) out[k % out.length]! += diagonal[k]! / of.positions;
    return out;
  },
  adjoint(values, of) {
    const diagonal = new Float64Array(of.positions * values.length);
    for (let k = 0; k < diagonal.length; k++) diagonal[k] = values[k % values.length]! / of.positions;
    return of.full ? restriction.adjoint(diagonal, of) : diagonal;
  },
  sparse(positions, full) {
    const entries = diagonalOf(positions).map(({ output, input }) => ({
      output: 0,
      input: full ? input : output,
      weight: 1 / positions,
    }));
    return [sparseOf(1, entries)];
  },
};

/** One axis of an image under a convolution's windows. */
interface Sweep {
  /** Sizes before and behind the axis, as they are when it is its turn. */
  readonly before: number;
  readonly behind: number;
  readonly size: number;
  readonly outputs: number;
  readonly taps: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padding: number;
}

/**
 * The mean over a convolution's taps of the covariances between what its windows see: zero in the padding. One axis
 * after the other, since the sum over taps is one over rows of taps and one along them.
 */
export function windowMap({ definition, outputShape }: Layer, image: Shape): PositionMap {
  const [, height, width] = image as [number, number, number];
  const [, outHeight, outWidth] = outputShape(image) as [number, number, number];
  const { kernel, stride, dilation, padding } = definition as unknown as Record<string, readonly number[]>;
  const sweep = (axis: 0 | 1): Omit<Sweep, "before" | "behind" | "size" | "outputs"> => ({
    ...{ taps: kernel![axis]!, stride: stride![axis]!, dilation: dilation![axis]!, padding: padding![axis]! },
  });
  const down: Sweep = { ...sweep(0), before: 1, behind: width, size: height, outputs: outHeight };
  const across: Sweep = { ...sweep(1), before: outHeight, behind: 1, size: width, outputs: outWidth };
  return {
    layout: (of) => ({ ...of, positions: outHeight * outWidth }),
    apply: (values, of) => swept(across, swept(down, values, of), of),
    adjoint: (values, of) => sweptBack(down, sweptBack(across, values, of), of),
    sparse: (_positions, full) => [down, across].map((axis) => sparseSweep(axis, full)),
  };
}

function swept(sweep: Sweep, values: Float64Array, of: Layout): Float64Array {
  const { before, behind, outputs, taps } = sweep;
  const positions = before * outputs * behind;
  const out = new Float64Array(positions * (of.full ? positions : 1) * of.rows * of.cols);
  eachRun(sweep, of, (to, from, length) => {
    for (let k = 0; k < length; k++) out[to + k]! += values[from + k]!;
  });
  for (let k = 0; k < out.length; k++) out[k]! /= taps;
  return out;
}

function sweptBack(sweep: Sweep, values: Float64Array, of: Layout): Float64Array {
  const { before, behind, size, taps } = sweep;
  const positions = before * size * behind;
  const out = new Float64Array(positions * (of.full ? positions : 1) * of.rows * of.cols);
  eachRun(sweep, of, (from, to, length) => {
    for (let k = 0; k < length; k++) out[to + k]! += values[from + k]!;
  });
  for (let k = 0; k < out.length; k++) out[k]! /= taps;
  return out;
}

function sparseSweep(sweep: Sweep, full: boolean): SparseMap {
  const { before, behind, size, outputs, taps } = sweep;
  const entries: Entry[] = [];
  eachRun(
    sweep,
    { positions: before * size * behind, full, rows: 1, cols: 1, matched: false },
    (to, from, length) => {
      for (let k = 0; k < length; k++) entries.push({ output: to + k, input: from + k, weight: 1 / taps });
    },
  );
  return sparseOf((before * outputs * behind) ** (full ? 2 : 1), entries);
}

/** Visits what is added to what: runs of outputs and of the inputs under one tap of their windows. */
function eachRun(
  { before, behind, size, outputs, taps, stride, dilation, padding }: Sweep,
  { full, rows, cols }: Layout,
  visit: (output: number, input: number, length: number) => void,
): void {
  for (let tap = 0; tap < taps; tap++) {
    const shift = dilation * tap - padding;
    const first = Math.max(0, Math.ceil(-shift / stride));
    const last = Math.min(outputs - 1, Math.floor((size - 1 - shift) / stride));
    // Neighbouring outputs see neighbouring inputs at stride 1: one run for all of them.
    const step = stride === 1 ? Math.max(1, last - first + 1) : 1;
    const within = (outer: number, inputOuter: number, unit: number) => {
      for (let a = 0; a < before; a++) {
        for (let o = first; o <= last; o += step) {
          const [to, from] = [a * outputs + o, a * size + o * stride + shift];
          visit(outer + to * behind * unit, inputOuter + from * behind * unit, step * behind * unit);
        }
      }
    };
    if (!full) {
      within(0, 0, rows * cols);
      continue;
    }
    const [width, inputWidth] = [before * outputs * behind * cols, before * size * behind * cols];
    for (let a = 0; a < before; a++) {
      for (let o = first; o <= last; o++) {
        const to = (a * outputs + o) * behind * rows;
        const from = (a * size + o * stride + shift) * behind * rows;
        for (let r = 0; r < behind * rows; r++) within((to + r) * width, (from + r) * inputWidth, cols);
      }
    }
  }
}

/** A linear map of positions by its nonzero entries, output by output. */
export type Mixture = readonly (readonly { readonly input: number; readonly weight: number }[])[];

/**
 * What a layer without weights makes of positions, found by giving it one position after the other; the channels, of
 * which each is treated alike, count as one.
 */
export function mixtureOf(layer: Layer, input: Shape, channelAxis: number): Mixture {
  const shape = input.map((size, axis) => (axis === channelAxis ? 1 : size));
  const positions = sizeOf(shape);
  const data = new Float64Array(positions * positions);
  for (let p = 0; p < positions; p++) data[p * positions + p] = 1;
  const { y } = layer.forward({}, { shape: [positions, ...shape], data });
  const outputs = y.data.length / positions;
  return Array.from({ length: outputs }, (_, o) =>
    Array.from({ length: positions }, (_, p) => ({ input: p, weight: y.data[p * outputs + o]! })).filter(
      ({ weight }) => weight !== 0,
    ),
  );
}

/** Whether no output mixes positions, so that the diagonal form is enough. */
export function selects(mixture: Mixture): boolean {
  return mixture.every((entries) => entries.length <= 1);
}

/** K ← A K Aᵀ for positions mixed by A. */
export function mixtureMap(mixture: Mixture): PositionMap {
  const entries = mixture.flatMap((row, output) =>
    row.map(({ input, weight }) => ({ output, input, weight })),
  );
  const outputs = mixture.length;
  const add = (
    out: Float64Array,
    to: number,
    values: Float64Array,
    from: number,
    length: number,
    by: number,
  ) => {
    for (let k = 0; k < length; k++) out[to + k]! += by * values[from + k]!;
  };
  return {
    layout: (of) => ({ ...of, positions: outputs, full: of.full && outputs > 1 }),
    apply(values, { positions, full, rows, cols }) {
      if (!full) {
        const out = new Float64Array(outputs * rows * cols);
        const run = rows * cols;
        for (const { output, input, weight } of entries) {
          add(out, output * run, values, input * run, run, weight * weight);
        }
        return out;
      }
      const half = new Float64Array(outputs * rows * positions * cols);
      const run = rows * positions * cols;
      for (const { output, input, weight } of entries) {
        add(half, output * run, values, input * run, run, weight);
      }
      const out = new Float64Array(outputs * rows * outputs * cols);
      for (let r = 0; r < outputs * rows; r++) {
        for (const { output, input, weight } of entries) {
          add(out, (r * outputs + output) * cols, half, (r * positions + input) * cols, cols, weight);
        }
      }
      return out;
    },
    adjoint(values, { positions, full, rows, cols }) {
      if (!full) {
        const out = new Float64Array(positions * rows * cols);
        const run = rows * cols;
        for (const { output, input, weight } of entries) {
          add(out, input * run, values, output * run, run, weight * weight);
        }
        return out;
      }
      const half = new Float64Array(outputs * rows * positions * cols);
      for (let r = 0; r < outputs * rows; r++) {
        for (const { output, input, weight } of entries) {
          add(half, (r * positions + input) * cols, values, (r * outputs + output) * cols, cols, weight);
        }
      }
      const out = new Float64Array(positions * rows * positions * cols);
      const run = rows * positions * cols;
      for (const { output, input, weight } of entries) {
        add(out, input * run, half, output * run, run, weight);
      }
      return out;
    },
    sparse(positions, full) {
      if (!full) {
        const squares = entries.map((entry) => ({ ...entry, weight: entry.weight ** 2 }));
        return [sparseOf(outputs, squares)];
      }
      const pairs = entries.flatMap((row) =>
        entries.map((col) => ({
          output: row.output * outputs + col.output,
          input: row.input * positions + col.input,
          weight: row.weight * col.weight,
        })),
      );
      return [sparseOf(outputs * outputs, pairs)];
    },
  };
}
