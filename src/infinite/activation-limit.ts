import { engine } from "../engine/index.ts";
import { borrow, giveBack } from "../linalg/index.ts";
import type { Layer } from "../networks/index.ts";
import {
  blankMoments,
  errorFunction,
  exponential,
  gaussianUnit,
  type PairMoments,
  type PieceLinear,
  pieceLinear,
  wave,
} from "./dual-activation.ts";
import { hermiteMoments } from "./hermite-moments.ts";
import {
  addVariances,
  alignSelf,
  blankBar,
  type Layout,
  type LimitState,
  type LimitStep,
  matchedLayout,
  noWayBack,
  type Panel,
  panelsOf,
  type Span,
  variancesOf,
} from "./limit-state.ts";

/** An activation that acts on each of infinitely many Gaussian units: K ← E[φφ], Θ ← Θ ∘ E[φ′φ′]. */
export function activationLimit(layer: Layer, given: LimitState, spend = false): LimitStep {
  const { layout, nngp, ntk, rowSelf, colSelf } = given;
  const [rows, cols] = [matchedLayout(layout, "rows"), matchedLayout(layout, "cols")];
  const rowVariances = variancesOf(rowSelf, rows);
  const colVariances = rowSelf === colSelf ? rowVariances : variancesOf(colSelf, cols);
  const left = moments(layer, rows, rowSelf, rowVariances, rowVariances).value;
  const right = rowSelf === colSelf ? left : moments(layer, cols, colSelf, colVariances, colVariances).value;
  const { value, slope } = moments(layer, layout, nngp, rowVariances, colVariances, spend);
  const tangent = ntk && times(ntk, slope, spend ? ntk : slope);
  const state: LimitState = { layout, nngp: value, ntk: tangent, rowSelf: left, colSelf: right };
  alignSelf(state);
  if (spend) {
    giveBack(slope);
    return { state, pullback: noWayBack };
  }
  return {
    state,
    pullback(bar) {
      const back = blankBar(given);
      const byRow = new Float64Array(rowVariances.length);
      const byCol = new Float64Array(colVariances.length);
      eachMoment(
        momentsOf(layer, rowVariances, colVariances),
        layout,
        nngp,
        rowVariances,
        colVariances,
        (k, r, c, at) => {
          const onValue = bar.nngp[k]!;
          const onSlope = ntk && bar.ntk ? bar.ntk[k]! * ntk[k]! : 0;
          back.nngp[k] = onValue * at.slope + onSlope * at.slopeP;
          byRow[r]! += onValue * at.valueQ + onSlope * at.slopeQ;
          byCol[c]! += onValue * at.valueR + onSlope * at.slopeR;
          if (back.ntk && bar.ntk) back.ntk[k] = bar.ntk[k]! * at.slope;
        },
      );
      addVariances(back.rowSelf, rows, byRow);
      addVariances(back.colSelf, cols, byCol);
      pullSelf(layer, rows, rowSelf, rowVariances, bar.rowSelf, back.rowSelf);
      pullSelf(layer, cols, colSelf, colVariances, bar.colSelf, back.colSelf);
      return { inputs: [back], parameters: {} };
    },
  };
}

/** Adds the derivatives in covariances of points with themselves to `back`. */
function pullSelf(
  layer: Layer,
  layout: Layout,
  self: Float64Array,
  variances: Float64Array,
  bar: Float64Array,
  back: Float64Array,
): void {
  if (bar.every((v) => v === 0)) return;
  const by = new Float64Array(variances.length);
  eachMoment(momentsOf(layer, variances, variances), layout, self, variances, variances, (k, r, c, at) => {
    back[k]! += bar[k]! * at.slope;
    by[r]! += bar[k]! * at.valueQ;
    by[c]! += bar[k]! * at.valueR;
  });
  addVariances(back, layout, by);
}

/** Visits every pair with its place, those of its variances, and its moments. */
function eachMoment(
  pair: PairMoments,
  layout: Layout,
  values: Float64Array,
  rowVariances: Float64Array,
  colVariances: Float64Array,
  visit: (k: number, row: number, col: number, at: ReturnType<typeof blankMoments>) => void,
): void {
  const at = blankMoments();
  for (const { rows, cols, offset, stride, row, col } of panelsOf(layout)) {
    for (let i = 0, r = row.from; i < rows; i++, r += row.step) {
      const q = rowVariances[r]!;
      for (let j = 0, c = col.from, k = offset + i * stride; j < cols; j++, c += col.step, k++) {
        pair(values[k]!, q, colVariances[c]!, at, r, c);
        visit(k, r, c, at);
      }
    }
  }
}

/** Panels of fewer pairs than this cost more to hand to the engine than to compute here. */
const worthHandingOver = 64;

/** E[φφ] and E[φ′φ′] of every pair; with `spend` in place, and the second in a borrowed array. */
function moments(
  layer: Layer,
  layout: Layout,
  values: Float64Array,
  rowVariances: Float64Array,
  colVariances: Float64Array,
  spend = false,
): { readonly value: Float64Array; readonly slope: Float64Array } {
  const pieces = piecesOf(layer);
  const value = spend ? values : values.slice();
  const slope = spend ? borrow(values.length) : new Float64Array(values.length);
  const panels = panelsOf(layout);
  if (pieces && panels[0] && panels[0].rows * panels[0].cols >= worthHandingOver) {
    for (const panel of panels) bendPanel(pieces, panel, value, slope, rowVariances, colVariances);
    return { value, slope };
  }
  const pair = momentsOf(layer, rowVariances, colVariances, false);
  eachMoment(pair, layout, values, rowVariances, colVariances, (k, _row, _col, at) => {
    value[k] = at.value;
    slope[k] = at.slope;
  });
  return { value, slope };
}

/** In place, by the engine's step for the rectifier. */
function bendPanel(
  { below, above }: PieceLinear,
  { rows, cols, offset, stride, row, col }: Panel,
  values: Float64Array,
  slopes: Float64Array,
  rowVariances: Float64Array,
  colVariances: Float64Array,
): void {
  const covariances = below === 0 ? undefined : values.slice(offset, offset + rows * stride);
  engine().arcCosine(
    rows,
    cols,
    { data: values, offset, stride },
    part(rowVariances, row, rows),
    part(colVariances, col, cols),
    { data: slopes, offset, stride },
  );
  const bend = (above - below) ** 2;
  const straight = above * below;
  if (bend === 1 && straight === 0) return;
  for (let i = 0; i < rows; i++) {
    for (let j = 0, k = offset + i * stride; j < cols; j++, k++) {
      values[k] = bend * values[k]! + (covariances ? straight * covariances[k - offset]! : 0);
      slopes[k] = bend * slopes[k]! + straight;
    }
  }
}

function part(values: Float64Array, { from, step }: Span, count: number): Float64Array {
  if (step === 1) return values.subarray(from, from + count);
  return Float64Array.from({ length: count }, (_, k) => values[from + k * step]!);
}

function times(a: Float64Array, b: Float64Array, out: Float64Array): Float64Array {
  for (let k = 0; k < out.length; k++) out[k] = a[k]! * b[k]!;
  return out;
}

/** The two slopes of an activation that has such. */
export function piecesOf({ definition }: Layer): PieceLinear | undefined {
  switch (definition.kind) {
    case "relu":
      return { below: 0, above: 1 };
    case "leakyRelu":
      return { below: Number(definition.slope), above: 1 };
    case "abs":
      return { below: -1, above: 1 };
    default:
      return undefined;
  }
}

/** Closed forms where there is one; all others go by their Hermite series. */
function momentsOf(
  layer: Layer,
  rowVariances: Float64Array,
  colVariances: Float64Array,
  withDerivatives = true,
): PairMoments {
  const pieces = piecesOf(layer);
  if (pieces) return pieceLinear(pieces);
  switch (layer.definition.kind) {
    case "erf":
      return errorFunction;
    case "sin":
    case "cos":
      return wave(layer.definition.kind);
    case "exp":
      return exponential;
    case "gelu":
      return gaussianUnit;
    default:
      return hermiteMoments(layer, rowVariances, colVariances, withDerivatives);
  }
}
