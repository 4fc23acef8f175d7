import type { Approximation, MeanChoice, Space } from "../adapt/index.ts";
import { FormatError } from "../errors/index.ts";
import { positive } from "../kernels/index.ts";
import type { Network } from "../networks/index.ts";
import { type Scales, type TangentKernel, type TangentLayers, tangentKernel } from "../tangent/index.ts";

/** What a file says of an adaptation beside its data: enough to condition again. */
export interface AdaptationHeader {
  readonly mean: MeanChoice;
  readonly scales: Scales;
  /** Of the kernel's parameters, in their order. */
  readonly values: readonly number[];
  readonly space: Space;
  /** "full" where it is left out. */
  readonly approximation?: Approximation;
  readonly rank?: number;
  /** Which weights move; all where it is left out. */
  readonly layers?: TangentLayers;
}

export function adaptationHeader({
  mean,
  kernel,
  space,
  approximation,
  rank,
}: {
  readonly mean: MeanChoice;
  readonly kernel: TangentKernel;
  readonly space: Space;
  readonly approximation: Approximation;
  readonly rank: number;
}): AdaptationHeader {
  return {
    mean,
    scales: kernel.scales,
    values: Object.values(kernel.parameters).map(({ value }) => value[0]!),
    space,
    ...(approximation !== "full" && { approximation }),
    ...(approximation === "low-rank" && { rank }),
    ...(kernel.options.layers !== "all" && { layers: kernel.options.layers }),
  };
}

const approximations: readonly Approximation[] = ["full", "last-layer", "diagonal", "kronecker", "low-rank"];

/** The tangent kernel with the scales that a header states. Throws FormatError where they are none. */
export function kernelOf(network: Network, header: AdaptationHeader): TangentKernel {
  const { scales, values, approximation = "full", layers = "all" } = header;
  if (!approximations.includes(approximation)) {
    throw new FormatError(`its approximation "${approximation}" is not one of ${approximations.join(", ")}`);
  }
  const plain = tangentKernel(network, { scales, layers });
  const names = Object.keys(plain.parameters);
  return plain.with(
    Object.fromEntries(names.map((name, l) => [name, positive(name, values[l] ?? Number.NaN)])),
  );
}
