import { sizeOf } from "../linalg/index.ts";
import { type Network, type Shape, weightCount, weightedLayers } from "../networks/index.ts";

/** A layer with weights, by position, and what its share of a Gram matrix costs. */
export interface ShareCost {
  readonly index: number;
  /** Multiplications. */
  readonly operations: number;
}

// Multiplications of a matrix product that take as long as one step of a loop over numbers.
const perStep = 32;

/**
 * What each layer's share of the Gram matrix of n points costs, outputs with all their covariances: the cheaper of pairs of
 * positions and of the gradients' products, as the layers themselves choose. Backward passes come to it.
 */
export function shareCosts(net: Network, n: number): readonly ShareCost[] {
  const entries = net.outputs ** 2;
  const pairs = (n * (n + 1)) / 2;
  const shapes = outputShapes(net);
  return weightedLayers(net).map((index) => {
    const weights = net.weights[index]!;
    const gradients = entries * weightCount(weights);
    const matrix = net.layers[index]!.linearSide && weights.weight;
    if (!matrix) return { index, operations: pairs * gradients };
    const units = matrix.shape[0]!;
    const positions = sizeOf(shapes[index]!) / units;
    const features = sizeOf(matrix.shape) / units;
    const byPositions = positions ** 2 * (features + entries * (units + perStep));
    return { index, operations: pairs * Math.min(gradients, byPositions) };
  });
}

/** Multiplications of one point's pass through the layers with weights, each applied at all positions of its output. */
export function forwardCost(net: Network): number {
  const shapes = outputShapes(net);
  return weightedLayers(net).reduce((sum, index) => {
    const weights = net.weights[index]!;
    const units = weights.weight?.shape[0] ?? 1;
    return sum + weightCount(weights) * Math.max(1, sizeOf(shapes[index]!) / units);
  }, 0);
}

function outputShapes(net: Network): readonly Shape[] {
  const shapes: Shape[] = [];
  net.layers.forEach((layer, i) => {
    const inputs = net.sources[i]!.map((s) => (s < 0 ? net.inputShape : shapes[s]!));
    shapes.push(layer.outputShape(...(inputs as [Shape])));
  });
  return shapes;
}
