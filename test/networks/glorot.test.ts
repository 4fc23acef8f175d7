import { expect, it } from "vitest";
import { dense, glorotWeights, layerNorm, network } from "../../src/networks/index.ts";

it("Glorot's weights have variance 2 / (fan_in + fan_out), biases 0; gains stay", () => {
  const net = network({ inputShape: [300], layers: [dense(100), layerNorm(), dense(2)], precision: "f64" });
  const drawn = glorotWeights(net, 3);
  const { weight, bias } = drawn.weights[0]!;
  const square = Float64Array.from(weight!.data).reduce((s, w) => s + w * w, 0) / weight!.data.length;
  // The relative standard error of a variance from 30,000 normal numbers is √(2/30,000) = 0.8 %; four of them.
  expect(Math.abs(square / (2 / 400) - 1)).toBeLessThan(0.033);
  expect(bias!.data.every((b) => b === 0)).toBe(true);
  expect(drawn.weights[1]).toEqual(net.weights[1]);
  expect(glorotWeights(net, 4).weights[0]).not.toEqual(drawn.weights[0]);
});
