import type { DeepTableModel } from "../data/index.ts";
import { formatKernel, type LearnableFn } from "../kernels/index.ts";
import { isLearnableNetwork } from "../tangent/index.ts";
import { elided, type Report } from "./report.ts";

/** What is in a deep process, layer by layer, as figures and messages count them: from 1. */
export function aboutDeep({ inputs, target, process }: DeepTableModel): Report {
  const layers = process.model.layers.map((layer) => {
    const { inputs: from, width } = layer;
    if (layer.kind === "fn") return { inputs: from, width, function: functionText(layer.fn) };
    return {
      inputs: from,
      width,
      inducing: layer.inducing.rows,
      mean: layer.meanName === "given" ? functionText(layer.mean) : layer.meanName,
      kernel: formatKernel(layer.kernel, 4),
    };
  });
  return {
    json: { command: "inspect", kind: "deep", inputs: inputs.names, target: target.names[0], layers },
    text: [
      `A deep Gaussian process of ${target.names[0]} over ${inputs.names.join(", ")}.`,
      ...layers.map((l, i) => {
        const what =
          "function" in l
            ? l.function
            : `${l.inducing} inducing points, ${l.mean} mean, kernel ${elided(l.kernel)}`;
        return `Layer ${i + 1}: ${l.inputs} to ${l.width}, ${what}`;
      }),
    ].join("\n"),
  };
}

function functionText(fn: LearnableFn): string {
  if (!isLearnableNetwork(fn)) return "an affine function";
  return `network (${fn.network.layers.map(({ definition }) => definition.kind).join(", ")})`;
}
