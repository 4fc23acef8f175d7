/**
 * How the numbers of a state lie. An example has P positions: pixels, tokens; 1 for a row of a table. The diagonal form
 * holds the covariances of each position with the same one of another point, P × n × m: enough while no layer mixes
 * positions. The full form holds those of every pair, as a matrix of rows (position, point) and such columns, P·n × P·m.
 */
export interface Layout {
  readonly positions: number;
  readonly full: boolean;
  /** Points of the rows and of the columns. */
  readonly rows: number;
  /** 1 where points are matched: each with itself alone, P × n, or P·n × P. */
  readonly cols: number;
  readonly matched: boolean;
}

/**
 * What an infinitely wide layer hands to the next: the covariance of its values (NNGP), the tangent kernel so far (NTK;
 * left out where nobody wants it), and on both sides the covariances of each point with itself, matched.
 */
export interface LimitState {
  readonly layout: Layout;
  readonly nngp: Float64Array;
  readonly ntk: Float64Array | undefined;
  readonly rowSelf: Float64Array;
  /** The same array as `rowSelf` where the columns are the same points as the rows: what is done with it is done once. */
  readonly colSelf: Float64Array;
}

/** The derivative of some number in each entry of a state. */
export type LimitBar = LimitState;

/** One layer's step and the way back. */
export interface LimitStep {
  readonly state: LimitState;
  /** The derivatives in each of the step's inputs, and in the layer's own variances by name. */
  pullback(bar: LimitBar): {
    readonly inputs: readonly LimitBar[];
    readonly parameters: Readonly<Record<string, number>>;
  };
}

/** The pull-back of a step that has overwritten what it was given. */
export function noWayBack(): never {
  throw new RangeError("a step that was computed in place cannot be pulled back");
}

export function sizeOfLayout({ positions, full, rows, cols }: Layout): number {
  return positions * (full ? positions : 1) * rows * cols;
}

/** The layout of one side's covariances of points with themselves. */
export function matchedLayout(layout: Layout, side: "rows" | "cols"): Layout {
  // Matched points have one side.
  const rows = side === "rows" || layout.matched ? layout.rows : layout.cols;
  return { ...layout, rows, cols: 1, matched: true };
}

/** A state of zeros like another: what derivatives are added to. Its two sides are apart. */
export function blankBar({ layout, ntk }: LimitState): LimitBar {
  return {
    layout,
    nngp: new Float64Array(sizeOfLayout(layout)),
    ntk: ntk && new Float64Array(sizeOfLayout(layout)),
    rowSelf: new Float64Array(sizeOfLayout(matchedLayout(layout, "rows"))),
    colSelf: new Float64Array(sizeOfLayout(matchedLayout(layout, "cols"))),
  };
}

/** Σ weight · state, of states of one layout. */
export function combine(states: readonly LimitState[], weights: readonly number[]): LimitState {
  const sum = (pick: (state: LimitState) => Float64Array): Float64Array => {
    const out = new Float64Array(pick(states[0]!).length);
    states.forEach((state, s) => {
      const [from, weight] = [pick(state), weights[s]!];
      for (let k = 0; k < out.length; k++) out[k]! += weight * from[k]!;
    });
    return out;
  };
  const { layout, ntk, rowSelf, colSelf } = states[0]!;
  const left = sum((state) => state.rowSelf);
  return {
    layout,
    nngp: sum((state) => state.nngp),
    ntk: ntk && sum((state) => state.ntk!),
    rowSelf: left,
    colSelf: rowSelf === colSelf ? left : sum((state) => state.colSelf),
  };
}

/** The same function of all of a state's arrays, the two sides once where they are one. */
export function mapState(
  state: LimitState,
  layout: Layout,
  f: (values: Float64Array, of: Layout) => Float64Array,
): LimitState {
  const { nngp, ntk, rowSelf, colSelf } = state;
  const left = f(rowSelf, matchedLayout(state.layout, "rows"));
  return {
    layout,
    nngp: f(nngp, state.layout),
    ntk: ntk && f(ntk, state.layout),
    rowSelf: left,
    colSelf: rowSelf === colSelf ? left : f(colSelf, matchedLayout(state.layout, "cols")),
  };
}

/**
 * Where the rows' points are the columns', a point's covariance with itself is set to what stands in `rowSelf`: to
 * the last digit, so that a correlation of 1 is 1, whose angle would lose half of its digits otherwise.
 */
export function alignSelf({ layout, nngp, rowSelf, colSelf }: LimitState): void {
  if (layout.matched) nngp.set(rowSelf);
  if (layout.matched || rowSelf !== colSelf) return;
  const { positions, full, rows, cols } = layout;
  if (!full) {
    for (let r = 0; r < positions * rows; r++) nngp[r * cols + (r % rows)] = rowSelf[r]!;
    return;
  }
  for (let r = 0; r < positions * rows; r++) {
    for (let q = 0; q < positions; q++) {
      nngp[(r * positions + q) * cols + (r % rows)] = rowSelf[r * positions + q]!;
    }
  }
}

/** The variances within a side's covariances: one a position and point, P × n. */
export function variancesOf(self: Float64Array, { positions, full, rows }: Layout): Float64Array {
  if (!full) return self;
  const out = new Float64Array(positions * rows);
  for (let r = 0; r < out.length; r++) out[r] = self[r * positions + Math.floor(r / rows)]!;
  return out;
}

/** Adds derivatives in variances to those in the covariances they stand in. */
export function addVariances(
  bar: Float64Array,
  { positions, full, rows }: Layout,
  variances: Float64Array,
): void {
  for (let r = 0; r < variances.length; r++) {
    bar[full ? r * positions + Math.floor(r / rows) : r]! += variances[r]!;
  }
}

/** A matrix within a state's array, and which variances (P × n) its rows and columns have: the `from + k · step`-th. */
export interface Panel {
  readonly rows: number;
  readonly cols: number;
  readonly offset: number;
  readonly stride: number;
  readonly row: Span;
  readonly col: Span;
}

export interface Span {
  readonly from: number;
  readonly step: number;
}

/** The matrices that an array of this layout is made of. */
export function panelsOf({ positions, full, rows, cols, matched }: Layout): readonly Panel[] {
  const count = (size: number, make: (k: number) => Panel) => Array.from({ length: size }, (_, k) => make(k));
  const span = (from: number, step: number): Span => ({ from, step });
  if (matched && full) {
    return count(rows, (i) => ({
      ...{ rows: positions, cols: positions, offset: i * positions, stride: rows * positions },
      ...{ row: span(i, rows), col: span(i, rows) },
    }));
  }
  if (matched) {
    return count(positions * rows, (k) => ({
      ...{ rows: 1, cols: 1, offset: k, stride: 1, row: span(k, 1), col: span(k, 1) },
    }));
  }
  if (full) {
    const [height, width] = [positions * rows, positions * cols];
    return [{ rows: height, cols: width, offset: 0, stride: width, row: span(0, 1), col: span(0, 1) }];
  }
  return count(positions, (p) => ({
    ...{ rows, cols, offset: p * rows * cols, stride: cols },
    ...{ row: span(p * rows, 1), col: span(p * cols, 1) },
  }));
}
