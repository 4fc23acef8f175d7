import type { BaseOptions } from "../../../adapt/index.ts";
import { weightedLayers } from "../../../networks/index.ts";
import { shareCosts, type TangentKernel } from "../../../tangent/index.ts";

/** A line that says which layers' weights move, where that was chosen for what the others would have cost. */
export function movedLayers(kernel: TangentKernel, n: number, asked: BaseOptions): readonly string[] {
  const { layers } = kernel.options;
  if (typeof layers === "string" || asked.layers !== undefined) return [];
  const all = shareCosts(kernel.network, n).reduce((sum, { operations }) => sum + operations, 0);
  const digits = all.toExponential(0).replace("e+", " × 10^");
  return [
    `Only the last ${layers.length} of ${weightedLayers(kernel.network).length} layers move (at ${layers.join(", ")}): the kernel of all would take some ${digits} multiplications. --layers chooses, --approximation full insists on all.`,
  ];
}
