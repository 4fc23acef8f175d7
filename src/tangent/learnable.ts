import { type LearnableFn, type Parameters, within } from "../kernels/index.ts";
import { toMatrix, toTensor } from "../linalg/index.ts";
import {
  backward,
  forward,
  type Network,
  networkOf,
  parameters,
  tensorsOf,
  unflatten,
  type Weights,
  withPrecision,
} from "../networks/index.ts";

/**
 * A network as a function that what stands above it can fit: `after(rbf(), learnable(net))` is a deep kernel (Wilson et
 * al. 2016) whose fit goes on training the network, `fit(kernel, data, { mean: learnable(net) })` a mean. Its parameters
 * are the weights by their names ("0.weight", …); buffers stay as they are. It computes in f64 whatever the network's
 * precision: a line search takes f32's rounding for slopes.
 */
export function learnable(given: Network): LearnableFn {
  const net = withPrecision(given, "f64");
  return {
    inputs: net.inputs,
    outputs: net.outputs,
    at: net.at,
    parameters: Object.fromEntries(
      parameters(net.weights).map(({ name, tensor }) => [
        name,
        within(name, Float64Array.from(tensor.data), "real"),
      ]),
    ),
    with(next: Parameters) {
      const values = parameters(net.weights).flatMap(({ name }) => Array.from(next[name]!.value));
      return learnable(networkOf(net, unflatten(Float64Array.from(values), net.weights, net.precision)));
    },
    pullback(x, bar) {
      const { tapes } = forward(net, toTensor(x, net.inputShape, net.precision));
      const slopes: Weights[] = net.layers.map(() => ({}));
      const ofInput = backward(
        net,
        tapes,
        toTensor(bar, net.outputShape, net.precision),
        (i, cotangent) => {
          slopes[i] = net.layers[i]!.vjp(tensorsOf(net, i), tapes[i], cotangent).dweights();
        },
        true,
      );
      return {
        parameters: Object.fromEntries(
          parameters(slopes).map(({ name, tensor }) => [name, Float64Array.from(tensor.data)]),
        ),
        x: toMatrix(ofInput!),
      };
    },
  };
}
