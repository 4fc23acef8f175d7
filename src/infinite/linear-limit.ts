import { type LimitState, type LimitStep, mapState, matchedLayout, noWayBack } from "./limit-state.ts";
import type { PositionMap } from "./position-maps.ts";

/** The variances of a layer's weights and biases, in the NTK parametrisation. */
export interface LayerVariances {
  readonly weight: number;
  readonly bias: number;
}

/** Positions mixed by a layer without weights: a pool, a flattening, a part of an image. */
export function mixedLimit(state: LimitState, map: PositionMap): LimitStep {
  return {
    state: mapState(state, map.layout(state.layout), map.apply),
    pullback: (bar) => ({ inputs: [backThrough(bar, state, map)], parameters: {} }),
  };
}

function backThrough(bar: LimitState, { layout }: LimitState, map: PositionMap): LimitState {
  return {
    layout,
    nngp: map.adjoint(bar.nngp, layout),
    ntk: bar.ntk && map.adjoint(bar.ntk, layout),
    rowSelf: map.adjoint(bar.rowSelf, matchedLayout(layout, "rows")),
    colSelf: map.adjoint(bar.colSelf, matchedLayout(layout, "cols")),
  };
}

/**
 * A wide layer that is one linear map at each position, y = σ_w W x / √fan_in + σ_b b (Jacot et al. 2018): its own
 * weights join the tangent kernel. Of a convolution `map` is the mean over its taps (Novak et al. 2019; Arora et al.
 * 2019).
 */
export function linearLimit(
  given: LimitState,
  { weight, bias }: LayerVariances,
  map?: PositionMap,
  spend = false,
): LimitStep {
  const mixed = map ? mapState(given, map.layout(given.layout), map.apply) : given;
  // What was given is not needed again.
  if (spend) return spentOn(mixed, weight, bias);
  const affine = (values: Float64Array): Float64Array => {
    const out = new Float64Array(values.length);
    for (let k = 0; k < out.length; k++) out[k] = weight * values[k]! + bias;
    return out;
  };
  const { nngp, ntk, rowSelf, colSelf } = mixed;
  const next = affine(nngp);
  const tangent = ntk && new Float64Array(ntk.length);
  if (tangent) for (let k = 0; k < tangent.length; k++) tangent[k] = next[k]! + weight * ntk[k]!;
  const left = affine(rowSelf);
  return {
    state: {
      layout: mixed.layout,
      nngp: next,
      ntk: tangent,
      rowSelf: left,
      colSelf: rowSelf === colSelf ? left : affine(colSelf),
    },
    pullback(bar) {
      let [byWeight, byBias] = [0, 0];
      const back = (bars: Float64Array, values: Float64Array): Float64Array => {
        const out = new Float64Array(bars.length);
        for (let k = 0; k < out.length; k++) {
          out[k] = weight * bars[k]!;
          byWeight += bars[k]! * values[k]!;
          byBias += bars[k]!;
        }
        return out;
      };
      const onNngp = bar.nngp.slice();
      if (bar.ntk) for (let k = 0; k < onNngp.length; k++) onNngp[k]! += bar.ntk[k]!;
      const backNngp = back(onNngp, nngp);
      const backNtk = bar.ntk && new Float64Array(bar.ntk.length);
      if (bar.ntk && backNtk && ntk) {
        for (let k = 0; k < backNtk.length; k++) {
          backNtk[k] = weight * bar.ntk[k]!;
          byWeight += bar.ntk[k]! * ntk[k]!;
        }
      }
      const inner: LimitState = {
        layout: mixed.layout,
        nngp: backNngp,
        ntk: backNtk,
        rowSelf: back(bar.rowSelf, rowSelf),
        colSelf: back(bar.colSelf, colSelf),
      };
      const inputs = [map ? backThrough(inner, given, map) : inner];
      return { inputs, parameters: { weight: byWeight, bias: byBias } };
    },
  };
}

/** The same in place, with no way back. */
function spentOn(state: LimitState, weight: number, bias: number): LimitStep {
  const { nngp, ntk, rowSelf, colSelf } = state;
  for (let k = 0; k < nngp.length; k++) nngp[k] = weight * nngp[k]! + bias;
  if (ntk) for (let k = 0; k < ntk.length; k++) ntk[k] = nngp[k]! + weight * ntk[k]!;
  for (const self of rowSelf === colSelf ? [rowSelf] : [rowSelf, colSelf]) {
    for (let k = 0; k < self.length; k++) self[k] = weight * self[k]! + bias;
  }
  return { state, pullback: noWayBack };
}
