/**
 * What an infinitely wide layer hands to the next: the covariance of its values (NNGP), the tangent kernel so far (NTK),
 * each n × m, and the variances on both sides.
 */
export interface LimitState {
  readonly nngp: Float64Array;
  readonly ntk: Float64Array;
  /** Variances at the n points of the rows and at the m points of the columns. */
  readonly rows: Float64Array;
  readonly cols: Float64Array;
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

export function blankState(n: number, m: number): LimitState {
  return {
    nngp: new Float64Array(n * m),
    ntk: new Float64Array(n * m),
    rows: new Float64Array(n),
    cols: new Float64Array(m),
  };
}

export function addStates(a: LimitState, b: LimitState): LimitState {
  const add = (p: Float64Array, q: Float64Array) => {
    const out = p.slice();
    for (let k = 0; k < out.length; k++) out[k]! += q[k]!;
    return out;
  };
  return {
    nngp: add(a.nngp, b.nngp),
    ntk: add(a.ntk, b.ntk),
    rows: add(a.rows, b.rows),
    cols: add(a.cols, b.cols),
  };
}
