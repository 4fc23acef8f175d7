import { activations, dense, type Layer, type Network, networkOf } from "../../src/networks/index.ts";

/** The activation that PyTorch calls `name`. */
export function activationOf(name: string): Layer {
  return activations[name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase())]!();
}

/** Our network with the weights of a golden file. */
export function goldenNetwork(file: {
  widths: number[];
  activation: string;
  layers: { weight: number[][]; bias: number[] }[];
}): Network {
  const { widths, activation, layers } = file;
  const units = widths.slice(1);
  const stack: Layer[] = units.flatMap((u, i) =>
    i === 0 ? [dense(u) as Layer] : [activationOf(activation), dense(u) as Layer],
  );
  const weights = layers.flatMap(({ weight, bias }, i) => {
    const tensors = {
      weight: { shape: [weight.length, weight[0]!.length], data: Float64Array.from(weight.flat()) },
      bias: { shape: [bias.length], data: Float64Array.from(bias) },
    };
    return i === 0 ? [tensors] : [{}, tensors];
  });
  return networkOf({ inputShape: [widths[0]!], layers: stack, precision: "f64" }, weights);
}

export const denseFiles = [
  "dense-1-5-1-tanh",
  "dense-3-7-6-2-relu",
  "dense-3-7-6-2-gelu",
  "dense-4-5-3-leaky_relu",
  "dense-4-5-3-silu",
  "dense-4-5-3-sigmoid",
  "dense-4-5-3-softplus",
  "dense-4-5-3-erf",
  "dense-4-5-3-sin",
];
