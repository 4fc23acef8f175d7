import { add, type Fn } from "../linalg/index.ts";
import { tangentFn } from "../tangent/index.ts";
import type { Adaptation } from "./adapt.ts";
import type { AdaptedClassifier } from "./classify.ts";

/**
 * The mean of an adapted network as a plain function, prior(x) + J(x) shift: one pass through the network, however many
 * examples it has met. For a classifier the mean logits.
 */
export function meanFn(adapted: Adaptation | AdaptedClassifier): Fn {
  const { prior, network } = adapted;
  const move = tangentFn(network, adapted.shift());
  return { inputs: prior.inputs, outputs: prior.outputs, at: (x) => add(prior.at(x), move.at(x)) };
}
