import {
  dense,
  fanInConcatenate,
  fanInMatmul,
  type Layer,
  relu,
  softmax,
  transposeLayer,
} from "../networks/index.ts";
import type { AttentionForm, AttentionVariances } from "./attention-limit.ts";

/** Layers in order, each with the places of its inputs: −1, −2, … are the values that the part is given. */
export interface WidePart {
  readonly layers: readonly Layer[];
  readonly sources: readonly (readonly number[])[];
}

/**
 * Finite attention on [tokens, features] whose limit is that of a form: of about √width heads with as many features
 * each, both of which must grow (Hron et al. 2020). Scales of the scores stand in the weights' deviations.
 */
export function wideAttention(
  form: AttentionForm,
  { weight, bias, scores }: AttentionVariances,
  width: number,
): WidePart {
  const size = Math.max(1, Math.round(Math.sqrt(width)));
  const layers: Layer[] = [];
  const sources: (readonly number[])[] = [];
  const add = (layer: Layer, ...from: readonly number[]): number => {
    sources.push(from);
    return layers.push(layer) - 1;
  };
  const project = (variance: number) =>
    dense(size, { parametrisation: "ntk", weightDeviation: Math.sqrt(variance), bias: false });
  const heads = Array.from({ length: size }, () => {
    // Q Kᵀ / √d, or with one projection for both Q Qᵀ / d, where tokens meet themselves.
    const tied = form !== "identity";
    const queries = add(project(Math.sqrt(scores) / (tied ? size : Math.sqrt(size))), -1);
    const keys = tied ? queries : add(project(Math.sqrt(scores / size)), -1);
    let weights = add(fanInMatmul(), queries, add(transposeLayer([1, 0]), keys));
    if (form === "tiedSoftmax") weights = add(softmax(), weights);
    if (form === "tiedRelu") weights = add(relu(), weights);
    return add(fanInMatmul(), weights, add(project(1), -1));
  });
  const joined = add(fanInConcatenate(-1), ...heads);
  const deviations = { weightDeviation: Math.sqrt(weight), biasDeviation: Math.sqrt(bias) };
  add(dense(width, { parametrisation: "ntk", ...deviations }), joined);
  return { layers, sources };
}
