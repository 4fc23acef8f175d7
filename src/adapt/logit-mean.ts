import type { Fn } from "../linalg/index.ts";
import type { Network } from "../networks/index.ts";
import { constantMean } from "../processes/index.ts";
import { expectFineTuned, fineTunedMean } from "./fine-tuned.ts";
import type { KnownMean } from "./known-mean.ts";
import { classCount } from "./likelihoods.ts";

/** The logits before the labels are seen. */
export function logitMean({ mean, fineTuned }: KnownMean, network: Network, labels: ArrayLike<number>): Fn {
  if (mean === "network") return network;
  return mean === "fine-tuned"
    ? fineTunedMean(expectFineTuned(fineTuned), network)
    : constantMean(network.inputs, frequencyLogits(labels, network.outputs));
}

/** Logits of the classes' frequencies, each class counted once more than it was seen; they add to 0. */
function frequencyLogits(labels: ArrayLike<number>, outputs: number): Float64Array {
  const counts = new Float64Array(classCount(outputs)).fill(1);
  for (let i = 0; i < labels.length; i++) counts[labels[i]!]!++;
  if (outputs === 1) return Float64Array.of(Math.log(counts[1]! / counts[0]!));
  const logs = counts.map(Math.log);
  const middle = logs.reduce((sum, v) => sum + v / outputs, 0);
  return logs.map((v) => v - middle);
}
