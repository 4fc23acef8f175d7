import type { Matrix } from "../linalg/index.ts";
import { columnSpreads } from "../processes/index.ts";
import type { DeepModel } from "./deep-model.ts";
import { sideBySide } from "./ops/elementwise.ts";
import { type FittedLayer, predictor } from "./sparse-layer.ts";

// Of a column's spread: central differences keep eight digits of smooth means.
const stepShare = 1e-4;

/**
 * By layer and column of what the layer sees (those of a skip connection last): the mean square, over the points x
 * (n × inputs) handed on by the layers' means, of how much the layer's mean changes along the column in units of the
 * column's spread, over the largest of the layer. Near 0 the layer looks away from the column, whatever its kernel.
 */
export function layerRelevances({ layers }: DeepModel, x: Matrix): readonly Float64Array[] {
  let h = x;
  return layers.map((layer) => {
    const points = layer.kind === "gp" && layer.skip ? sideBySide(h, x) : h;
    const meanAt = meanOf(layer);
    const spreads = columnSpreads(points);
    const squares = Float64Array.from(spreads, (spread, c) => {
      const step = stepShare * spread;
      const moved = (by: number) =>
        meanAt({ ...points, data: points.data.map((v, k) => (k % points.cols === c ? v + by : v)) }).data;
      const [up, down] = [moved(step), moved(-step)];
      return up.reduce((sum, v, k) => sum + (((v - down[k]!) / (2 * step)) * spread) ** 2, 0);
    });
    h = meanAt(points);
    const largest = squares.reduce((a, b) => Math.max(a, b), 0);
    return squares.map((v) => (largest > 0 ? v / largest : 0));
  });
}

function meanOf(layer: FittedLayer): (points: Matrix) => Matrix {
  if (layer.kind === "fn") return (points) => layer.fn.at(points);
  const { moments } = predictor(layer);
  return (points) => moments(points).mean;
}
