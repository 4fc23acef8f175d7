import { isLearnable, type LearnableFn, type Parameters, within } from "../kernels/index.ts";
import { type Fn, toMatrix, toTensor } from "../linalg/index.ts";
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

/** A network as a learnable function; the network is as its parameters are now. */
export interface LearnableNetwork extends LearnableFn {
  readonly network: Network;
  with(parameters: Parameters): LearnableNetwork;
}

/**
 * A network as a function that what stands above it can fit: `after(rbf(), learnable(net))` is a deep kernel (Wilson et
 * al. 2016) whose fit goes on training the network, `fit(kernel, data, { mean: learnable(net) })` a mean. Its parameters
 * are the weights by their names ("0.weight", …); buffers stay as they are. It computes in f64 whatever the network's
 * precision: a line search takes f32's rounding for slopes.
 */
export function learnable(given: Network): LearnableNetwork {
  const network = withPrecision(given, "f64");
  return learnableOf(
    network,
    Object.fromEntries(
      parameters(network.weights).map(({ name, tensor }) => [
        name,
        within(name, Float64Array.from(tensor.data), "real"),
      ]),
    ),
  );
}

/** Whether a function is a network. */
export function isLearnableNetwork(fn: Fn): fn is LearnableNetwork {
  return isLearnable(fn) && "network" in fn;
}

function learnableOf(network: Network, own: Parameters): LearnableNetwork {
  return {
    inputs: network.inputs,
    outputs: network.outputs,
    network,
    at: network.at,
    parameters: own,
    with(next: Parameters) {
      const values = parameters(network.weights).flatMap(({ name }) => Array.from(next[name]!.value));
      const weights = unflatten(Float64Array.from(values), network.weights, network.precision);
      return learnableOf(networkOf(network, weights), next);
    },
    pullback(x, bar) {
      const { tapes } = forward(network, toTensor(x, network.inputShape, network.precision));
      const slopes: Weights[] = network.layers.map(() => ({}));
      const ofInput = backward(
        network,
        tapes,
        toTensor(bar, network.outputShape, network.precision),
        (i, cotangent) => {
          slopes[i] = network.layers[i]!.vjp(tensorsOf(network, i), tapes[i], cotangent).dweights();
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
