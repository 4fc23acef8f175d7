import { UsageError } from "../../errors/index.ts";
import { floatsLike, type Tensor } from "../../linalg/index.ts";
import { uniform } from "../../random/index.ts";
import type { Layer } from "../layer.ts";

/**
 * In training each number is set to 0 with probability `rate` and else divided by 1 − rate, so that its mean stays
 * (Srivastava et al. 2014); otherwise the identity. The tape holds the factors, none for the identity.
 */
export function dropout(rate: number): Layer {
  if (!(rate >= 0 && rate < 1)) {
    throw new UsageError(`dropout(rate): the rate is at least 0 and below 1, got ${rate}`);
  }
  const times = (factors: Tensor | undefined, d: Tensor): Tensor =>
    factors ? { shape: d.shape, data: d.data.map((v, k) => v * factors.data[k]!) } : d;
  const layer: Layer<Tensor | undefined> = {
    definition: { kind: "dropout", rate },
    outputShape: (input) => input,
    weightShapes: () => ({}),
    init: () => ({}),
    forward: (_weights, x) => ({ y: x, tape: undefined }),
    trainingForward(_weights, key, x) {
      const data = floatsLike(x.data, x.data.length);
      uniform(key, data.length).forEach((u, k) => {
        data[k] = u < rate ? 0 : 1 / (1 - rate);
      });
      const tape = { shape: x.shape, data };
      return { y: times(tape, x), tape };
    },
    vjp: (_weights, factors, dy) => ({ dx: () => times(factors, dy), dweights: () => ({}) }),
    // `passes` never asks for the tangent of an input that does not move.
    jvp: (_weights, factors, dx) => times(factors, dx!),
  };
  return layer as Layer;
}
