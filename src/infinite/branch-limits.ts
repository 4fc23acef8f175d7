import { combine, type LimitBar, type LimitState, type LimitStep } from "./limit-state.ts";

/**
 * Σ weight · covariance: of independent branches that meet in a sum (weights 1), or of features side by side (their
 * shares of the width).
 */
export function mixedBranches(states: readonly LimitState[], weights: readonly number[]): LimitStep {
  return {
    state: combine(states, weights),
    pullback: (bar) => ({ inputs: weights.map((weight) => combine([bar], [weight])), parameters: {} }),
  };
}

/** Independent branches multiplied unit by unit: K is their product, Θ as products are differentiated. */
export function productLimit(states: readonly LimitState[]): LimitStep {
  const { layout, ntk, rowSelf, colSelf } = states[0]!;
  const others = (pick: (state: LimitState) => Float64Array, left: number): Float64Array => {
    const out = new Float64Array(pick(states[0]!).length).fill(1);
    states.forEach((state, s) => {
      if (s !== left) multiplyInto(out, pick(state));
    });
    return out;
  };
  const nngpOf = (state: LimitState) => state.nngp;
  const rowsOf = (state: LimitState) => state.rowSelf;
  const colsOf = (state: LimitState) => state.colSelf;
  const tangent = ntk && new Float64Array(ntk.length);
  if (tangent) {
    states.forEach((state, s) => {
      addProduct(tangent, others(nngpOf, s), state.ntk!);
    });
  }
  const left = others(rowsOf, -1);
  return {
    state: {
      layout,
      nngp: others(nngpOf, -1),
      ntk: tangent,
      rowSelf: left,
      colSelf: rowSelf === colSelf ? left : others(colsOf, -1),
    },
    pullback: (bar) => ({
      inputs: states.map((state, s): LimitBar => {
        const times = (on: Float64Array, by: Float64Array) => {
          const out = on.slice();
          multiplyInto(out, by);
          return out;
        };
        const onNngp = times(bar.nngp, others(nngpOf, s));
        if (bar.ntk) {
          // K_s stands in every other branch's share of Θ.
          states.forEach((other, t) => {
            if (t === s) return;
            const rest = times(bar.ntk!, other.ntk!);
            states.forEach((third, u) => {
              if (u !== s && u !== t) multiplyInto(rest, third.nngp);
            });
            for (let k = 0; k < rest.length; k++) onNngp[k]! += rest[k]!;
          });
        }
        return {
          layout: state.layout,
          nngp: onNngp,
          ntk: bar.ntk && times(bar.ntk, others(nngpOf, s)),
          rowSelf: times(bar.rowSelf, others(rowsOf, s)),
          colSelf: times(bar.colSelf, others(colsOf, s)),
        };
      }),
      parameters: {},
    }),
  };
}

function multiplyInto(out: Float64Array, by: Float64Array): void {
  for (let k = 0; k < out.length; k++) out[k]! *= by[k]!;
}

function addProduct(out: Float64Array, a: Float64Array, b: Float64Array): void {
  for (let k = 0; k < out.length; k++) out[k]! += a[k]! * b[k]!;
}
