import type { Network } from "../networks/index.ts";
import { shareCosts, type TangentLayers } from "../tangent/index.ts";

// Multiplications of the Gram matrix, half a minute, and of one prediction, a tenth of a second.
const affordable = 1e11;
const affordableToPredict = 1e9;

/**
 * Which layers' weights move where all might cost too much: "all", or those at the end of the network whose shares of the
 * Gram matrix of n examples together take at most about half a minute (or what the algebra behind it takes), and of a prediction
 * no more than a tenth of a second; at least the last.
 */
export function affordableLayers(network: Network, n: number): TangentLayers {
  const costs = shareCosts(network, n);
  const algebra = (n * network.outputs) ** 3;
  const kept: number[] = [];
  let sum = 0;
  for (const { index, operations } of [...costs].reverse()) {
    sum += operations;
    const dear = sum > Math.max(affordable, algebra) || (2 * sum) / n > affordableToPredict;
    if (dear && kept.length > 0) break;
    kept.unshift(index);
  }
  return kept.length === costs.length ? "all" : kept;
}
