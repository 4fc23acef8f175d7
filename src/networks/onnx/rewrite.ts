import type { OnnxNode } from "./model.ts";

/**
 * The nodes with PyTorch's guarded softplus, x where x is above a threshold and else log(1 + eˣ), as plain softplus:
 * beyond the threshold, 20, the two differ by e⁻²⁰, less than f32 shows, and ours does not overflow.
 */
export function rewritten(nodes: readonly OnnxNode[]): readonly OnnxNode[] {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  return nodes.map((node) => {
    if (node.operator !== "Where") return node;
    const [condition, above, below] = node.inputs as [string, string, string];
    const guarded =
      makers.get(condition)?.operator === "Greater" &&
      makers.get(condition)?.inputs[0] === above &&
      makers.get(below)?.operator === "Softplus" &&
      makers.get(below)?.inputs[0] === above;
    return guarded ? { ...node, operator: "Identity", inputs: [below] } : node;
  });
}
