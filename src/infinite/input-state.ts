import { type Block, engine } from "../engine/index.ts";
import type { Matrix } from "../linalg/index.ts";
import { positionsOf, type Values } from "./layer-limit.ts";
import { alignSelf, type LimitState, matchedLayout, sizeOfLayout } from "./limit-state.ts";

/** Points of one side, their features at each position together: rows (position, point), channels columns. */
export interface Side {
  readonly points: number;
  readonly channels: number;
  readonly data: Float64Array;
}

export function sideOf(x: Matrix, values: Values): Side {
  const channels = values.shape[values.channelAxis]!;
  const positions = positionsOf(values);
  if (positions === 1) return { points: x.rows, channels, data: x.data };
  const behind = values.shape.slice(values.channelAxis + 1).reduce((a, b) => a * b, 1);
  const data = new Float64Array(x.data.length);
  for (let i = 0, k = 0; i < x.rows; i++) {
    for (let before = 0; before < positions; before += behind) {
      for (let c = 0; c < channels; c++) {
        for (let p = before; p < before + behind; p++, k++)
          data[(p * x.rows + i) * channels + c] = x.data[k]!;
      }
    }
  }
  return { points: x.rows, channels, data };
}

/**
 * The inputs as the first layer's values: x·z / channels between positions. Of one side alone: its points matched, each
 * with itself.
 */
export function inputState(
  values: Values,
  full: boolean,
  withNtk: boolean,
  x: Side,
  z: Side | undefined,
): LimitState {
  const positions = positionsOf(values);
  const layout = {
    positions,
    full,
    rows: x.points,
    cols: z ? z.points : 1,
    matched: !z,
  };
  const rowSelf = selfOf(x, positions, full);
  const nngp = z ? products(x, z, positions, full) : rowSelf.slice();
  const state: LimitState = {
    layout,
    nngp,
    ntk: withNtk ? new Float64Array(sizeOfLayout(layout)) : undefined,
    rowSelf,
    colSelf: !z || z === x ? rowSelf : selfOf(z, positions, full),
  };
  alignSelf(state);
  return state;
}

function products(x: Side, z: Side, positions: number, full: boolean): Float64Array {
  const { channels } = x;
  const out = new Float64Array(positions * (full ? positions : 1) * x.points * z.points);
  const rows = full ? positions * x.points : x.points;
  const cols = full ? positions * z.points : z.points;
  const part = (data: Float64Array, offset: number, stride: number): Block => ({ data, offset, stride });
  for (let p = 0; p < (full ? 1 : positions); p++) {
    const a = { ...part(x.data, p * x.points * channels, channels), transposed: false };
    const b = { ...part(z.data, p * z.points * channels, channels), transposed: true };
    engine().gemm(rows, cols, channels, 1 / channels, a, b, 0, part(out, p * rows * cols, cols));
  }
  return out;
}

function selfOf({ points, channels, data }: Side, positions: number, full: boolean): Float64Array {
  const layout = { positions, full, rows: points, cols: 1, matched: true };
  const out = new Float64Array(sizeOfLayout(matchedLayout(layout, "rows")));
  const between = (p: number, q: number, i: number): number => {
    let sum = 0;
    const [from, other] = [(p * points + i) * channels, (q * points + i) * channels];
    for (let c = 0; c < channels; c++) sum += data[from + c]! * data[other + c]!;
    return sum / channels;
  };
  for (let p = 0, k = 0; p < positions; p++) {
    for (let i = 0; i < points; i++) {
      if (!full) out[k++] = between(p, p, i);
      else for (let q = 0; q < positions; q++) out[k++] = between(p, q, i);
    }
  }
  return out;
}
