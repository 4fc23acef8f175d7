import type { Scales, TangentKernel } from "../tangent/index.ts";
import type { ConditionOptions } from "./adapt.ts";
import { baseOf, type Space, withScales } from "./base.ts";
import { rememberingBeside } from "./beside.ts";
import { type AdaptedClassifier, type ClassifierMethod, conditionClassifier } from "./classify.ts";
import { conditionLabels } from "./label-regression.ts";
import type { LabelledExamples } from "./labelled-examples.ts";
import { poolClassifiers } from "./pool.ts";

/** One way of meeting labels whose scales (and noise, of "regression") are known. */
export interface KnownWay extends ConditionOptions {
  readonly method: ClassifierMethod;
  readonly kernel: TangentKernel;
  readonly noiseVariance?: number;
}

/** The adapted classifier of one known way, or the pool of several: what a saved one is made from again. */
export function conditionWays(ways: readonly KnownWay[], data: LabelledExamples): AdaptedClassifier {
  const conditioned = (way: KnownWay, kernel: TangentKernel) =>
    way.method === "regression"
      ? conditionLabels(kernel, data, { ...way, noiseVariance: way.noiseVariance ?? Number.NaN })
      : conditionClassifier(kernel, data, way);
  const first = ways[0]!;
  if (ways.length === 1) return conditioned(first, first.kernel);
  // One kernel for all ways with the same choice of scales: what it needs of the network is computed once.
  const kernels = new Map<Scales, TangentKernel>();
  const shared = ({ network, scales, options: { layers } }: TangentKernel, space: Space) => {
    const known = kernels.get(scales);
    if (known) return known;
    const { kernel } = rememberingBeside(baseOf(network, data.x, { layers, scales, space }));
    kernels.set(scales, kernel);
    return kernel;
  };
  return poolClassifiers(
    ways.map((way) => {
      const values = Object.values(way.kernel.parameters).map(({ value }) => value[0]!);
      return conditioned(way, withScales(shared(way.kernel, way.space), values));
    }),
    data,
  );
}
