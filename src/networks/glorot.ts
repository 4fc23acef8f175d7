import { floats, sizeOf } from "../linalg/index.ts";
import { key, normal, split } from "../random/index.ts";
import { type Network, networkOf } from "./network.ts";

/**
 * The network with its weights drawn anew as Glorot & Bengio (2010) proposed: normal with variance
 * 2 / (fan_in + fan_out) for each parameter [units, features, …], biases 0. Other parameters, gains among them, stay.
 */
export function glorotWeights(net: Network, seed: number): Network {
  const weights = net.weights.map((record, i) =>
    Object.fromEntries(
      Object.entries(record).map(([name, t]) => {
        const [units, features] = t.shape;
        const data = floats(net.precision, t.data.length);
        if (features !== undefined) {
          const deviation = Math.sqrt(2 / ((units! + features) * sizeOf(t.shape.slice(2))));
          normal(split(split(key(seed), `glorot ${i}`), name), data.length).forEach((z, k) => {
            data[k] = deviation * z;
          });
        } else if (!name.endsWith("bias")) data.set(t.data);
        return [name, { shape: t.shape, data }];
      }),
    ),
  );
  return networkOf(net, weights);
}
