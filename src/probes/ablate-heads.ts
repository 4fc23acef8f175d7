import { UsageError } from "../errors/index.ts";
import { floatsLike, type Matrix, type Tensor, toTensor } from "../linalg/index.ts";
import { layerValues, type Network, type Weights } from "../networks/index.ts";
import { key, permutation, split } from "../random/index.ts";
import type { AblateOptions } from "./ablate.ts";
import { wholeOutputWith } from "./output-with.ts";
import { type Change, changeOf, standIn } from "./replacement.ts";

/** One head of attention removed. */
export interface HeadEffect extends Change {
  /** The layer of attention. */
  readonly layer: number;
  readonly head: number;
}

/**
 * The functional effect of removing each head of each layer of attention, largest first. Attention's value is the sum
 * of what its heads add to it through their own columns of the output projection, and of a bias; a removed head's part
 * of that sum is replaced at every position. Throws UsageError where there is no attention.
 */
export function ablateHeads(net: Network, x: Matrix, options: AblateOptions = {}): readonly HeadEffect[] {
  const { replacement = "zero" } = options;
  const attentive = net.layers.flatMap(({ definition }, i) =>
    definition.kind === "multiHeadAttention" ? [i] : [],
  );
  const layers = options.layers ?? attentive;
  const bad = layers.find((l) => !attentive.includes(l));
  if (bad !== undefined || layers.length === 0) {
    throw new UsageError(
      bad === undefined
        ? "ablateHeads: the network has no layer of attention"
        : `ablateHeads: layer ${bad} is ${net.layers[bad]?.definition.kind ?? "none of the network's"}, which has no heads`,
    );
  }
  if (x.rows === 0) throw new UsageError("ablateHeads: there are no points");
  const input = toTensor(x, net.inputShape, net.precision);
  const values = layerValues(net, input);
  const output = values.at(-1)!.data;
  const others = permutation(split(options.key ?? key(0), "resample"), x.rows);
  const effects = layers.flatMap((layer) => {
    const source = net.sources[layer]![0]!;
    const tokens = source < 0 ? input : values[source]!;
    const heads = net.layers[layer]!.definition.heads as number;
    return Array.from({ length: heads }, (_, head) => {
      const weights = ofHead(net.weights[layer]!, head, heads);
      const part = net.layers[layer]!.forward(weights, tokens).y;
      const stand = standIn(part, replacement, others);
      const value = moved(values[layer]!, part, stand);
      const { data } = wholeOutputWith(net, input, values, layer, value);
      return {
        layer,
        head,
        ...changeOf(
          Float64Array.from(data, (v, k) => v - output[k]!),
          x.rows,
        ),
      };
    });
  });
  return effects.sort((a, b) => b.effect - a.effect);
}

/** Attention's weights with the output projection of one head alone, without a bias: its value is the head's part. */
function ofHead(weights: Weights, head: number, heads: number): Weights {
  const projection = weights.out_proj_weight!;
  const features = projection.shape[1]!;
  const own = (k: number) => Math.floor(((k % features) * heads) / features) === head;
  return {
    ...weights,
    out_proj_weight: { ...projection, data: projection.data.map((w, k) => (own(k) ? w : 0)) },
    out_proj_bias: { ...weights.out_proj_bias!, data: weights.out_proj_bias!.data.map(() => 0) },
  };
}

/** A sum with one of its parts replaced. */
function moved(sum: Tensor, part: Tensor, stand: Tensor): Tensor {
  const data = floatsLike(sum.data, sum.data.length);
  for (let k = 0; k < data.length; k++) data[k] = sum.data[k]! - part.data[k]! + stand.data[k]!;
  return { shape: sum.shape, data };
}
