import { dot } from "../linalg/index.ts";
import {
  alignSelf,
  blankBar,
  type Layout,
  type LimitState,
  type LimitStep,
  matchedLayout,
  sizeOfLayout,
} from "./limit-state.ts";
import type { LayerVariances } from "./linear-limit.ts";
import { eachPointPair, gather, type PointPair, scatterAdd } from "./point-pairs.ts";

/**
 * Forms of attention whose limit is known (Hron et al. 2020, of infinitely many heads and features):
 *
 * - `identity`: the scores Q Kᵀ / √d themselves in place of their softmax, with independent queries and keys.
 * - `tied…`: one projection is both queries and keys and the scores are divided by d, so that they tend to the tokens'
 *   own covariances; softmax, relu or nothing is taken of them.
 *
 * The usual one, the softmax of Q Kᵀ / √d, has random weights in the limit, over which no integral is known.
 */
export type AttentionForm = "identity" | "tiedSoftmax" | "tiedIdentity" | "tiedRelu";

export interface AttentionVariances extends LayerVariances {
  /** Of the weights of queries times that of the keys; `weight` is that of the values times that of the outputs. */
  readonly scores: number;
}

export function attentionLimit(
  form: AttentionForm,
  given: LimitState,
  variances: AttentionVariances,
): LimitStep {
  return form === "identity" ? untied(given, variances) : tied(form, given, variances);
}

/** K ← c ‖K‖² K + b over the pairs of tokens of two points, c = scores · weight. */
function untied(given: LimitState, { weight, bias, scores }: AttentionVariances): LimitStep {
  const { layout, nngp, ntk, rowSelf, colSelf } = given;
  const by = scores * weight;
  const { positions } = layout;
  const attended = (values: Float64Array, of: Layout, tangents?: Float64Array): Float64Array => {
    const out = new Float64Array(sizeOfLayout(of)).fill(bias);
    eachPointPair(of, (pair) => {
      const k = gather(values, pair, positions);
      const size = dot(k, k);
      if (!tangents) {
        scatterAdd(out, pair, positions, sum([by * size, k]));
        return;
      }
      const t = gather(tangents, pair, positions);
      // Each of the four weights' own share is the kernel; the input reaches the output through each of K's three.
      scatterAdd(out, pair, positions, sum([by * (4 * size + 2 * dot(k, t)), k], [by * size, t]));
    });
    return out;
  };
  const rows = matchedLayout(layout, "rows");
  const cols = matchedLayout(layout, "cols");
  const left = attended(rowSelf, rows);
  const state: LimitState = {
    layout,
    nngp: attended(nngp, layout),
    ntk: ntk && attended(nngp, layout, ntk),
    rowSelf: left,
    colSelf: rowSelf === colSelf ? left : attended(colSelf, cols),
  };
  alignSelf(state);
  return {
    state,
    pullback(bar) {
      const back = blankBar(given);
      let [byProduct, byBias] = [0, 0];
      const pull = (on: Float64Array, of: Layout, values: Float64Array, out: Float64Array): void => {
        eachPointPair(of, (pair) => {
          const k = gather(values, pair, positions);
          const o = gather(on, pair, positions);
          const [size, along] = [dot(k, k), dot(o, k)];
          scatterAdd(out, pair, positions, sum([by * size, o], [2 * by * along, k]));
          byProduct += size * along;
          byBias += total(o);
        });
      };
      pull(bar.nngp, layout, nngp, back.nngp);
      pull(bar.rowSelf, rows, rowSelf, back.rowSelf);
      pull(bar.colSelf, cols, colSelf, back.colSelf);
      if (ntk && bar.ntk && back.ntk) {
        const [onNtk, backNtk] = [bar.ntk, back.ntk];
        eachPointPair(layout, (pair) => {
          const k = gather(nngp, pair, positions);
          const t = gather(ntk, pair, positions);
          const o = gather(onNtk, pair, positions);
          const [size, cross, onK, onT] = [dot(k, k), dot(k, t), dot(o, k), dot(o, t)];
          const ofK = sum([4 * size + 2 * cross, o], [8 * onK + 2 * onT, k], [2 * onK, t]);
          scatterAdd(back.nngp, pair, positions, sum([by, ofK]));
          scatterAdd(backNtk, pair, positions, sum([by * size, o], [2 * by * onK, k]));
          byProduct += 4 * size * onK + size * onT + 2 * cross * onK;
          byBias += total(o);
        });
      }
      const parameters = { weight: byProduct * scores, scores: byProduct * weight, bias: byBias };
      return { inputs: [back], parameters };
    },
  };
}

/** K ← weight · G K Hᵀ + bias with each point's own attention weights G, H = f(√scores · its own covariances). */
function tied(
  form: AttentionForm,
  given: LimitState,
  { weight, bias, scores }: AttentionVariances,
): LimitStep {
  const { layout, nngp, ntk, rowSelf, colSelf } = given;
  const { positions } = layout;
  const root = Math.sqrt(scores);
  const rows = matchedLayout(layout, "rows");
  const cols = matchedLayout(layout, "cols");
  const weightsOf = (self: Float64Array, of: Layout): readonly Float64Array[] => {
    const out: Float64Array[] = [];
    eachPointPair(of, (pair) => {
      out.push(attention(form, sum([root, gather(self, pair, positions)]), positions));
    });
    return out;
  };
  const left = weightsOf(rowSelf, rows);
  const right = rowSelf === colSelf ? left : weightsOf(colSelf, cols);
  const times = (a: Float64Array, b: Float64Array, transpose: "" | "a" | "b" = "") =>
    product(a, b, positions, transpose);
  const attended = (values: Float64Array, of: Layout, sides: typeof left, others: typeof right) => {
    const out = new Float64Array(sizeOfLayout(of));
    eachPointPair(of, (pair) => {
      const half = times(sides[pair.i]!, gather(values, pair, positions));
      scatterAdd(out, pair, positions, times(half, others[pair.j]!, "b"));
    });
    return out;
  };
  const affine = (values: Float64Array) => values.map((v) => weight * v + bias);
  const whole = attended(nngp, layout, left, right);
  const tangents = ntk && attended(ntk, layout, left, right);
  const own = affine(attended(rowSelf, rows, left, left));
  const state: LimitState = {
    layout,
    nngp: affine(whole),
    // The weights of the values and of the outputs each have the kernel as their share.
    ntk: tangents?.map((t, k) => weight * (t + 2 * whole[k]!) + bias),
    rowSelf: own,
    colSelf: rowSelf === colSelf ? own : affine(attended(colSelf, cols, right, right)),
  };
  alignSelf(state);
  return {
    state,
    pullback(bar) {
      const back = blankBar(given);
      const zeros = (sides: typeof left) => sides.map(() => new Float64Array(positions * positions));
      const [onLeft, onRight] = [zeros(left), zeros(right)];
      let [byWeight, byBias, byScores] = [0, 0, 0];
      /** Back through G K Hᵀ, for the derivative in it. */
      const pull = (
        o: Float64Array,
        pair: PointPair,
        values: Float64Array,
        out: Float64Array,
        [g, h, onG, onH]: readonly (readonly Float64Array[])[],
      ): void => {
        const k = gather(values, pair, positions);
        const [G, H] = [g![pair.i]!, h![pair.j]!];
        const oh = times(o, H);
        const go = times(G, o, "a");
        scatterAdd(out, pair, positions, sum([weight, times(go, H)]));
        addTo(onG![pair.i]!, sum([weight, times(oh, k, "b")]));
        addTo(onH![pair.j]!, sum([weight, times(times(o, G, "a"), k)]));
        byWeight += dot(o, times(times(G, k), H, "b"));
      };
      const across = [left, right, onLeft, onRight];
      eachPointPair(layout, (pair) => {
        const o = gather(bar.nngp, pair, positions);
        const t = bar.ntk && gather(bar.ntk, pair, positions);
        pull(t ? sum([1, o], [2, t]) : o, pair, nngp, back.nngp, across);
        if (t && ntk && back.ntk) pull(t, pair, ntk, back.ntk, across);
        byBias += total(o) + (t ? total(t) : 0);
      });
      const pullSelf = (
        on: Float64Array,
        of: Layout,
        self: Float64Array,
        out: Float64Array,
        g: typeof left,
        onG: typeof left,
      ): void => {
        eachPointPair(of, (pair) => {
          const o = gather(on, pair, positions);
          pull(o, pair, self, out, [g, g, onG, onG]);
          byBias += total(o);
          const s = gather(self, pair, positions);
          const onScores = attentionSlope(form, g[pair.i]!, onG[pair.i]!, positions);
          scatterAdd(out, pair, positions, sum([root, onScores]));
          byScores += dot(onScores, s) / (2 * root);
        });
      };
      pullSelf(bar.rowSelf, rows, rowSelf, back.rowSelf, left, onLeft);
      pullSelf(bar.colSelf, cols, colSelf, back.colSelf, right, onRight);
      return { inputs: [back], parameters: { weight: byWeight, bias: byBias, scores: byScores } };
    },
  };
}

/** f of a P × P matrix of scores; of softmax row by row. */
function attention(form: AttentionForm, scores: Float64Array, positions: number): Float64Array {
  if (form === "tiedIdentity") return scores;
  if (form === "tiedRelu") return scores.map((v) => Math.max(0, v));
  const out = new Float64Array(scores.length);
  for (let from = 0; from < out.length; from += positions) {
    const row = scores.subarray(from, from + positions);
    const most = row.reduce((a, b) => Math.max(a, b));
    const exps = row.map((v) => Math.exp(v - most));
    const norm = total(exps);
    for (let q = 0; q < positions; q++) out[from + q] = exps[q]! / norm;
  }
  return out;
}

/** The derivative in the scores from that in their f, which is given by its values. */
function attentionSlope(
  form: AttentionForm,
  values: Float64Array,
  bar: Float64Array,
  positions: number,
): Float64Array {
  if (form === "tiedIdentity") return bar;
  if (form === "tiedRelu") return bar.map((b, k) => (values[k]! > 0 ? b : 0));
  const out = new Float64Array(bar.length);
  for (let from = 0; from < out.length; from += positions) {
    let mean = 0;
    for (let q = from; q < from + positions; q++) mean += values[q]! * bar[q]!;
    for (let q = from; q < from + positions; q++) out[q] = values[q]! * (bar[q]! - mean);
  }
  return out;
}

function sum(...terms: readonly (readonly [number, Float64Array])[]): Float64Array {
  const out = new Float64Array(terms[0]![1].length);
  for (const [by, values] of terms) for (let k = 0; k < out.length; k++) out[k]! += by * values[k]!;
  return out;
}

function addTo(out: Float64Array, values: Float64Array): void {
  for (let k = 0; k < out.length; k++) out[k]! += values[k]!;
}

function total(values: Float64Array): number {
  return values.reduce((a, b) => a + b, 0);
}

/** A B of P × P matrices, or with one of them transposed. */
function product(a: Float64Array, b: Float64Array, size: number, transpose: "" | "a" | "b"): Float64Array {
  const out = new Float64Array(size * size);
  const [down, across] = transpose === "a" ? [1, size] : [size, 1];
  const [inward, along] = transpose === "b" ? [1, size] : [size, 1];
  for (let p = 0; p < size; p++) {
    for (let t = 0; t < size; t++) {
      const v = a[p * down + t * across]!;
      for (let q = 0; q < size; q++) out[p * size + q]! += v * b[t * inward + q * along]!;
    }
  }
  return out;
}
