import { ShapeError, UsageError } from "../../errors/index.ts";
import { sizeOf } from "../../linalg/index.ts";
import type { Layer, Shape } from "../layer.ts";
import { normalisation } from "./normalisation.ts";
import { standardiseRuns } from "./standardise.ts";

/**
 * Mean 0 and variance 1 over each example's groups of neighbouring channels, then weight · x̂ + bias by channel
 * (Wu & He 2018). Takes [channels, …]; with as many groups as channels it is instance normalisation.
 */
export function groupNorm(groups: number, { epsilon = 1e-5 }: { readonly epsilon?: number } = {}): Layer {
  if (!Number.isInteger(groups) || groups < 1) {
    throw new UsageError(`groupNorm(groups): groups is a whole number of at least 1, got ${groups}`);
  }
  const channels = (input: Shape): Shape => {
    if (input.length === 0 || input[0]! % groups !== 0) {
      throw new ShapeError(
        `groupNorm cannot part the channels of shape ${input.join(" × ")} into ${groups} groups`,
      );
    }
    return [input[0]!];
  };
  return normalisation(
    { kind: "groupNorm", groups, epsilon },
    channels,
    (input) => sizeOf(input.slice(1)),
    (_weights, x) => standardiseRuns(x, sizeOf(x.shape.slice(1)) / groups, epsilon),
  ) as Layer;
}
