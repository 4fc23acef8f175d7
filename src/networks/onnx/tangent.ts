import { UsageError } from "../../errors/index.ts";
import type { Weights } from "../layer.ts";
import type { Network } from "../network.ts";
import { linearTangents } from "./tangents/linear.ts";
import type { TangentWriter } from "./tangents/moved.ts";
import { normalisingTangents } from "./tangents/normalising.ts";
import { pointwiseTangents } from "./tangents/pointwise.ts";
import { productTangents } from "./tangents/products.ts";
import type { Writer, WrittenValue } from "./writer.ts";

const writers: Readonly<Record<string, TangentWriter>> = {
  ...linearTangents,
  ...pointwiseTangents,
  ...normalisingTangents,
  ...productTangents,
};

/**
 * J(x) times a move of the weights, by forward accumulation beside the layers' values: the product rule, layer by layer.
 * Throws UsageError for a layer whose derivative has no form in standard operators.
 */
export function writeTangent(
  to: Writer,
  net: Network,
  layers: readonly WrittenValue[],
  move: readonly Weights[],
): string | undefined {
  const tangents: (string | undefined)[] = [];
  layers.forEach((layer, i) => {
    const from = net.sources[i]!.map((s) => (s < 0 ? undefined : tangents[s]));
    const own = move[i] ?? {};
    if (from.every((t) => t === undefined) && Object.keys(own).length === 0) {
      tangents.push(undefined);
      return;
    }
    const { kind } = layer.definition;
    const write = Object.hasOwn(writers, kind) ? writers[kind] : undefined;
    if (!write)
      throw new UsageError(`layer ${i}: the derivative of "${kind}" has no form in ONNX that is written`);
    to.begin(`${i}.tangent`);
    tangents.push(write(to, { ...layer, tangents: from, move: own }));
  });
  return tangents.at(-1);
}
