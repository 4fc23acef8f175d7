import { describe, expect, it } from "vitest";
import { jacobian, traceShares } from "../../src/tangent/index.ts";
import { inputsOf, netOf } from "../support/onnx-networks.ts";

describe("shares of the tangent kernel's trace", () => {
  it.each(["convolutions", "dense of tokens", "dense"])(
    "%s: the squares of the Jacobian's columns",
    (name) => {
      const net = netOf(name);
      const x = inputsOf(name, net);
      const j = jacobian(net, x);
      const shares = traceShares(net, x);
      let whole = 0;
      for (const v of j.data) whole += v * v;
      for (const { place, size, trace, share } of shares) {
        let sum = 0;
        j.data.forEach((v, k) => {
          const column = k % j.cols;
          if (column >= place && column < place + size) sum += v * v;
        });
        // f32 passes, sums in other orders.
        expect(trace / (sum / x.rows)).toBeCloseTo(1, 4);
        expect(share / (sum / whole)).toBeCloseTo(1, 4);
      }
      expect(shares.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
    },
  );
});
