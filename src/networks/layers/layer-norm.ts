import { ShapeError, UsageError } from "../../errors/index.ts";
import { sizeOf } from "../../linalg/index.ts";
import type { Layer } from "../layer.ts";
import { normalisation } from "./normalisation.ts";
import { standardiseRuns } from "./standardise.ts";

export interface LayerNormOptions {
  /** How many of the last axes are normalised together, with a weight and a bias for each of their entries. */
  readonly axes?: number;
  /** Added to the variances. */
  readonly epsilon?: number;
}

/** Mean 0 and variance 1 over the features of each position, then weight · x̂ + bias (Ba, Kiros & Hinton 2016). */
export function layerNorm({ axes = 1, epsilon = 1e-5 }: LayerNormOptions = {}): Layer {
  if (!Number.isInteger(axes) || axes < 1) {
    throw new UsageError(`layerNorm: axes is a whole number of at least 1, got ${axes}`);
  }
  return normalisation(
    { kind: "layerNorm", axes, epsilon },
    (input) => {
      if (input.length < axes) {
        throw new ShapeError(
          `layerNorm over the last ${axes} axes cannot take inputs of shape ${input.join(" × ")}`,
        );
      }
      return input.slice(-axes);
    },
    () => 1,
    (_weights, x) => standardiseRuns(x, sizeOf(x.shape.slice(-axes)), epsilon),
  ) as Layer;
}
