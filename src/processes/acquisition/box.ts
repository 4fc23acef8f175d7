import { UsageError } from "../../errors/index.ts";
import { lbfgs, type Matrix, matrix, rowRange, stackRows, takeRows } from "../../linalg/index.ts";
import { type Key, normal, permutation, split, uniform } from "../../random/index.ts";

/** Where points may lie: between `lower` and `upper`, one of each a column, in the units of the inputs. */
export interface Box {
  readonly lower: ArrayLike<number>;
  readonly upper: ArrayLike<number>;
}

/** A function to be made large inside a box. */
export interface Landscape {
  /** One value a row of x; −∞ where there is nothing to be found. */
  values(x: Matrix): Float64Array;
  /** Value and gradient at one point, 1 × d. */
  slope(x: Matrix): { readonly value: number; readonly gradient: Float64Array };
}

/** Throws UsageError unless the box has `inputs` columns, each with finite lower < upper. */
export function expectBox({ lower, upper }: Box, inputs: number): void {
  if (lower.length !== inputs || upper.length !== inputs) {
    throw new UsageError(
      `the box has ${lower.length} lower and ${upper.length} upper bounds, the points have ${inputs} columns`,
    );
  }
  for (let c = 0; c < inputs; c++) {
    const width = upper[c]! - lower[c]!;
    if (!(width > 0 && width < Infinity)) {
      throw new UsageError(`the box's column ${c} should have lower < upper, got ${lower[c]} to ${upper[c]}`);
    }
  }
}

/**
 * `count` points spread over the box: in each column one in each of `count` equal slices (a Latin hypercube; McKay,
 * Beckman & Conover 1979).
 */
export function spread(box: Box, count: number, key: Key): Matrix {
  const dims = box.lower.length;
  const out = matrix(count, dims);
  for (let c = 0; c < dims; c++) {
    const order = permutation(split(split(key, c), "order"), count);
    const within = uniform(split(split(key, c), "within"), count);
    for (let i = 0; i < count; i++) {
      const part = (order[i]! + within[i]!) / count;
      out.data[i * dims + c] = box.lower[c]! + part * (box.upper[c]! - box.lower[c]!);
    }
  }
  return out;
}

// Candidates looked at, of which the best few start a climb.
const candidatesPerColumn = 100;
const mostCandidates = 1000;
const nearCandidates = 50;
const starts = 8;
// Points nearer than this, as a share of the box's width in every column, start one climb only.
const apart = 0.1;
// Points nearer than this count as one.
const same = 1e-6;

/**
 * The highest point found that is none of `taken`: candidates all over the box and around the row `near`, then L-BFGS
 * from the best of them. The climb walks u with x = middle + half width · sin u, which cannot leave the box and has
 * the bounds within reach.
 */
export function highest(
  landscape: Landscape,
  box: Box,
  near: Matrix,
  taken: Matrix | undefined,
  key: Key,
): { readonly x: Matrix; readonly value: number } {
  const dims = box.lower.length;
  const middle = Float64Array.from({ length: dims }, (_, c) => (box.lower[c]! + box.upper[c]!) / 2);
  const half = Float64Array.from({ length: dims }, (_, c) => (box.upper[c]! - box.lower[c]!) / 2);
  const inside = (v: number, c: number) => Math.min(box.upper[c]!, Math.max(box.lower[c]!, v));

  const count = Math.min(mostCandidates, candidatesPerColumn * dims);
  const around = matrix(nearCandidates, dims, normal(split(key, "near"), nearCandidates * dims));
  for (let k = 0; k < around.data.length; k++) {
    // From a tenth of the box down to a thousandth.
    const reach = 0.2 * 10 ** ((-2 * Math.floor(k / dims)) / nearCandidates);
    const c = k % dims;
    around.data[k] = inside(near.data[c]! + reach * half[c]! * around.data[k]!, c);
  }
  const candidates = stackRows([spread(box, count, split(key, "spread")), around]);
  const values = landscape.values(candidates);
  const order = Array.from(values.keys()).sort((a, b) => values[b]! - values[a]!);

  const chosen: number[] = [];
  for (const i of order) {
    if (chosen.length === starts || values[i] === -Infinity) break;
    if (!holds(takeRows(candidates, chosen), takeRows(candidates, [i]), half, apart)) chosen.push(i);
  }

  const found = chosen
    .map((i) => {
      const at = (u: Float64Array) =>
        matrix(
          1,
          dims,
          u.map((v, c) => inside(middle[c]! + half[c]! * Math.sin(v), c)),
        );
      const start = Float64Array.from({ length: dims }, (_, c) => {
        // Off the bounds, where the slope in u is 0.
        const share = (candidates.data[i * dims + c]! - middle[c]!) / half[c]!;
        return Math.asin(Math.max(-0.999, Math.min(0.999, share)));
      });
      const best = lbfgs(
        (u) => {
          const { value, gradient } = landscape.slope(at(u));
          return { value: -value, gradient: gradient.map((g, c) => -g * half[c]! * Math.cos(u[c]!)) };
        },
        start,
        { maxIterations: 60, gradientTolerance: 1e-7, valueTolerance: 1e-10 },
      );
      return { x: at(best.x), value: -best.value };
    })
    .sort((a, b) => b.value - a.value);
  const free = (x: Matrix) => !taken || !holds(taken, x, half, same);
  for (const one of found) if (free(one.x)) return one;
  for (const i of order) {
    const x = takeRows(candidates, [i]);
    if (free(x)) return { x, value: values[i]! };
  }
  throw new UsageError("suggest: every point tried in the box is taken already");
}

/** Whether one of these rows is nearer to x than this share of the box's width, in every column. */
function holds(rows: Matrix, x: Matrix, half: Float64Array, share: number): boolean {
  for (let i = 0; i < rows.rows; i++) {
    const row = rowRange(rows, i, i + 1).data;
    if (row.every((v, c) => Math.abs(v - x.data[c]!) <= 2 * share * half[c]!)) return true;
  }
  return false;
}
