import {
  addVariances,
  alignSelf,
  blankBar,
  type Layout,
  type LimitState,
  type LimitStep,
  matchedLayout,
  panelsOf,
  variancesOf,
} from "./limit-state.ts";

/**
 * Normalisation over the units, of each position or of all positions together: values are divided by √(variance +
 * epsilon). The norm's own scale and shift stay 1 and 0.
 */
export function normLimit(given: LimitState, epsilon: number, together: boolean): LimitStep {
  const { layout, nngp, ntk, rowSelf, colSelf } = given;
  const [rows, cols] = [matchedLayout(layout, "rows"), matchedLayout(layout, "cols")];
  const factorsOf = (self: Float64Array, of: Layout): Float64Array => {
    const own = variancesOf(self, of);
    const variances = together ? meanOverPositions(own, of) : own;
    return variances.map((v) => 1 / Math.sqrt(v + epsilon));
  };
  const rowFactors = factorsOf(rowSelf, rows);
  const colFactors = rowSelf === colSelf ? rowFactors : factorsOf(colSelf, cols);
  const left = scaled(rowSelf, rows, rowFactors, rowFactors);
  const state: LimitState = {
    layout,
    nngp: scaled(nngp, layout, rowFactors, colFactors),
    ntk: ntk && scaled(ntk, layout, rowFactors, colFactors),
    rowSelf: left,
    colSelf: rowSelf === colSelf ? left : scaled(colSelf, cols, colFactors, colFactors),
  };
  alignSelf(state);
  return {
    state,
    pullback(bar) {
      const back = blankBar(given);
      const byRow = new Float64Array(rowFactors.length);
      const byCol = new Float64Array(colFactors.length);
      const pull = (
        on: Float64Array,
        of: Layout,
        values: Float64Array,
        out: Float64Array,
        sides: readonly [Float64Array, Float64Array, Float64Array, Float64Array],
      ): void => {
        const [rowFactor, colFactor, ofRow, ofCol] = sides;
        eachPlace(of, (k, r, c) => {
          const [f, g] = [rowFactor[r]!, colFactor[c]!];
          out[k]! += on[k]! * f * g;
          // The derivative of (v + ε)^(−½) is −½ of its cube.
          const half = -0.5 * on[k]! * values[k]! * f * g;
          ofRow[r]! += half * f * f;
          ofCol[c]! += half * g * g;
        });
      };
      const across = [rowFactors, colFactors, byRow, byCol] as const;
      pull(bar.nngp, layout, nngp, back.nngp, across);
      if (ntk && bar.ntk && back.ntk) pull(bar.ntk, layout, ntk, back.ntk, across);
      pull(bar.rowSelf, rows, rowSelf, back.rowSelf, [rowFactors, rowFactors, byRow, byRow]);
      pull(bar.colSelf, cols, colSelf, back.colSelf, [colFactors, colFactors, byCol, byCol]);
      addVariances(back.rowSelf, rows, together ? meanOverPositions(byRow, rows) : byRow);
      addVariances(back.colSelf, cols, together ? meanOverPositions(byCol, cols) : byCol);
      return { inputs: [back], parameters: {} };
    },
  };
}

/** At each position of a point the mean over its positions; its own transpose. */
function meanOverPositions(values: Float64Array, { positions, rows }: Layout): Float64Array {
  const sums = new Float64Array(rows);
  values.forEach((v, k) => {
    sums[k % rows]! += v / positions;
  });
  return values.map((_, k) => sums[k % rows]!);
}

function scaled(
  values: Float64Array,
  layout: Layout,
  rowFactors: Float64Array,
  colFactors: Float64Array,
): Float64Array {
  const out = new Float64Array(values.length);
  eachPlace(layout, (k, r, c) => {
    out[k] = values[k]! * rowFactors[r]! * colFactors[c]!;
  });
  return out;
}

function eachPlace(layout: Layout, visit: (k: number, row: number, col: number) => void): void {
  for (const { rows, cols, offset, stride, row, col } of panelsOf(layout)) {
    for (let i = 0, r = row.from; i < rows; i++, r += row.step) {
      for (let j = 0, c = col.from, k = offset + i * stride; j < cols; j++, c += col.step, k++)
        visit(k, r, c);
    }
  }
}
