import { UsageError } from "../errors/index.ts";
import type { Layer } from "../networks/index.ts";
import { blank, type ClosedForm, errorFunction, exponential, pieceLinear, wave } from "./dual-activation.ts";
import { hermiteCoefficients, type Series, series } from "./hermite.ts";
import { addStates, blankState, type LimitBar, type LimitState, type LimitStep } from "./limit-state.ts";

/** The variances of a layer's weights and biases, in the NTK parametrisation. */
export interface LayerVariances {
  readonly weight: number;
  readonly bias: number;
}

/** A wide dense layer, y = σ_w W x / √width + σ_b b (Jacot et al. 2018): its own weights join the tangent kernel. */
export function denseLimit(
  { nngp, ntk, rows, cols }: LimitState,
  { weight, bias }: LayerVariances,
): LimitStep {
  const affine = (values: Float64Array) => {
    const out = values.slice();
    for (let k = 0; k < out.length; k++) out[k] = weight * out[k]! + bias;
    return out;
  };
  const next = affine(nngp);
  const tangent = next.slice();
  for (let k = 0; k < tangent.length; k++) tangent[k]! += weight * ntk[k]!;
  return {
    state: { nngp: next, ntk: tangent, rows: affine(rows), cols: affine(cols) },
    pullback(bar) {
      const back = blankState(rows.length, cols.length);
      let [byWeight, byBias] = [0, 0];
      for (let k = 0; k < nngp.length; k++) {
        const both = bar.nngp[k]! + bar.ntk[k]!;
        back.nngp[k] = weight * both;
        back.ntk[k] = weight * bar.ntk[k]!;
        byWeight += both * nngp[k]! + bar.ntk[k]! * ntk[k]!;
        byBias += both;
      }
      for (const [side, bars, out] of [
        [rows, bar.rows, back.rows],
        [cols, bar.cols, back.cols],
      ] as const) {
        for (let i = 0; i < side.length; i++) {
          out[i] = weight * bars[i]!;
          byWeight += bars[i]! * side[i]!;
          byBias += bars[i]!;
        }
      }
      return { inputs: [back], parameters: { weight: byWeight, bias: byBias } };
    },
  };
}

/** Branches that meet in a sum: their values are independent, since each ends in weights of its own. */
export function sumLimit(states: readonly LimitState[]): LimitStep {
  return {
    state: states.reduce(addStates),
    pullback: (bar) => ({ inputs: states.map(() => bar), parameters: {} }),
  };
}

/** Layer normalisation over the units: values are divided by their standard deviation. */
export function layerNormLimit({ nngp, ntk, rows, cols }: LimitState): LimitStep {
  const m = cols.length;
  const scaled = (values: Float64Array) =>
    values.map((v, k) => v / Math.sqrt(rows[Math.floor(k / m)]! * cols[k % m]!));
  const ones = (values: Float64Array) => new Float64Array(values.length).fill(1);
  const state = { nngp: scaled(nngp), ntk: scaled(ntk), rows: ones(rows), cols: ones(cols) };
  return {
    state,
    pullback(bar) {
      const back = { ...blankState(rows.length, m), nngp: scaled(bar.nngp), ntk: scaled(bar.ntk) };
      for (let k = 0; k < nngp.length; k++) {
        const half = -0.5 * (bar.nngp[k]! * state.nngp[k]! + bar.ntk[k]! * state.ntk[k]!);
        back.rows[Math.floor(k / m)]! += half / rows[Math.floor(k / m)]!;
        back.cols[k % m]! += half / cols[k % m]!;
      }
      return { inputs: [back], parameters: {} };
    },
  };
}

/** Activations whose moments have a closed form; all others go by their Hermite series. */
function closedForm({ definition }: Layer): ClosedForm | undefined {
  switch (definition.kind) {
    case "relu":
      return pieceLinear(0, 1);
    case "leakyRelu":
      return pieceLinear(Number(definition.slope), 1);
    case "abs":
      return pieceLinear(-1, 1);
    case "erf":
      return errorFunction;
    case "sin":
    case "cos":
      return wave(definition.kind);
    case "exp":
      return exponential;
    default:
      return undefined;
  }
}

/** The moments of all pairs at once; position k of a n × m array is the pair of row ⌊k/m⌋ and column k mod m. */
interface AllMoments {
  readonly value: Float64Array;
  readonly slope: Float64Array;
  /** Derivatives: of the value in q and r, of the slope in p, q and r. */
  readonly by: readonly [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
}

/** An activation between wide layers: K ← E[φφ], Θ ← Θ ∘ E[φ′φ′]. */
export function activationLimit(layer: Layer, { nngp, ntk, rows, cols }: LimitState): LimitStep {
  const moments = momentsOf(layer, nngp, rows, cols, false);
  const m = cols.length;
  // A variance is the moment of a point with itself: p = q = r.
  const own = (side: Float64Array) =>
    Float64Array.from(side, (v) => {
      const one = Float64Array.of(v);
      return momentsOf(layer, one, one, one, false).value[0]!;
    });
  const ownSlope = (v: number) => {
    const one = Float64Array.of(v);
    const { slope, by } = momentsOf(layer, one, one, one, true);
    return slope[0]! + by[0][0]! + by[1][0]!;
  };
  const left = own(rows);
  return {
    state: {
      nngp: moments.value,
      ntk: ntk.map((t, k) => t * moments.slope[k]!),
      rows: left,
      cols: rows === cols ? left : own(cols),
    },
    pullback(bar: LimitBar) {
      const back = blankState(rows.length, m);
      const [valueQ, valueR, slopeP, slopeQ, slopeR] = momentsOf(layer, nngp, rows, cols, true).by;
      for (let k = 0; k < nngp.length; k++) {
        const [i, j] = [Math.floor(k / m), k % m];
        const onSlope = bar.ntk[k]! * ntk[k]!;
        back.ntk[k] = bar.ntk[k]! * moments.slope[k]!;
        back.nngp[k] = bar.nngp[k]! * moments.slope[k]! + onSlope * slopeP[k]!;
        back.rows[i]! += bar.nngp[k]! * valueQ[k]! + onSlope * slopeQ[k]!;
        back.cols[j]! += bar.nngp[k]! * valueR[k]! + onSlope * slopeR[k]!;
      }
      rows.forEach((v, i) => {
        if (bar.rows[i] !== 0) back.rows[i]! += bar.rows[i]! * ownSlope(v);
      });
      cols.forEach((v, j) => {
        if (bar.cols[j] !== 0) back.cols[j]! += bar.cols[j]! * ownSlope(v);
      });
      return { inputs: [back], parameters: {} };
    },
  };
}

function momentsOf(
  layer: Layer,
  nngp: Float64Array,
  rows: Float64Array,
  cols: Float64Array,
  withDerivatives: boolean,
): AllMoments {
  const array = (size = nngp.length) => new Float64Array(size);
  const [value, slope] = [array(), array()];
  const kept = withDerivatives ? nngp.length : 0;
  const by: AllMoments["by"] = [array(kept), array(kept), array(kept), array(kept), array(kept)];
  const m = cols.length;
  const out = blank();
  const pair = closedForm(layer) ?? hermitePair(layer, rows, cols, withDerivatives);
  for (let k = 0; k < nngp.length; k++) {
    const [i, j] = [Math.floor(k / m), k % m];
    pair(nngp[k]!, rows[i]!, cols[j]!, out, i, j);
    value[k] = out.value;
    slope[k] = out.slope;
    if (!withDerivatives) continue;
    by[0][k] = out.valueQ;
    by[1][k] = out.valueR;
    by[2][k] = out.slopeP;
    by[3][k] = out.slopeQ;
    by[4][k] = out.slopeR;
  }
  return { value, slope, by };
}

function hermitePair(layer: Layer, rows: Float64Array, cols: Float64Array, withDerivatives: boolean) {
  const phi = (x: Float64Array): Float64Array => {
    const { data } = layer.forward({}, { shape: [x.length, 1], data: x }).y;
    if (!(data instanceof Float64Array) || data.length !== x.length) {
      throw new UsageError(
        `${layer.definition.kind} does not act on each number alone: it has no infinite-width limit here`,
      );
    }
    return data;
  };
  const a = hermiteCoefficients(phi, rows);
  const b = rows === cols ? a : hermiteCoefficients(phi, cols);
  const [whole, byQ, byR]: Series[] = [0, 1, 2].map(() => ({ value: 0, first: 0, second: 0 }));
  return (p: number, q: number, r: number, out: ReturnType<typeof blank>, i: number, j: number): void => {
    const scale = Math.sqrt(q * r);
    const rho = scale > 0 ? Math.max(-1, Math.min(1, p / scale)) : 0;
    series(a.values, i, b.values, j, rho, whole!);
    out.value = whole!.value;
    out.slope = scale > 0 ? whole!.first / scale : 0;
    if (!withDerivatives) return;
    series(a.slopes, i, b.values, j, rho, byQ!);
    series(a.values, i, b.slopes, j, rho, byR!);
    const { first, second } = whole!;
    out.slopeP = scale > 0 ? second / (q * r) : 0;
    // ρ = p/√(qr) falls with q at fixed p: ∂ρ/∂q = −ρ/2q.
    out.valueQ = q > 0 ? byQ!.value - (rho * first) / (2 * q) : 0;
    out.valueR = r > 0 ? byR!.value - (rho * first) / (2 * r) : 0;
    out.slopeQ = scale > 0 ? (byQ!.first - (rho * second) / (2 * q)) / scale - out.slope / (2 * q) : 0;
    out.slopeR = scale > 0 ? (byR!.first - (rho * second) / (2 * r)) / scale - out.slope / (2 * r) : 0;
  };
}
