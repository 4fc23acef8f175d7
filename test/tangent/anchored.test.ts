import { describe, expect, it } from "vitest";
import { multiply, rowRange, transpose } from "../../src/linalg/index.ts";
import { dense, network, tanh } from "../../src/networks/index.ts";
import { jacobian, tangentKernel } from "../../src/tangent/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const net = network({
  inputShape: [2],
  layers: [dense(7), tanh(), dense(5), tanh(), dense(3)],
  seed: 4,
  precision: "f64",
});
const [x, z] = [randomMatrix(6, 2, "anchored x"), randomMatrix(9, 2, "anchored z")];

describe("the tangent kernel beside points that stay, in parts", () => {
  it.each(["shared", "layer"] as const)(
    "%s scales: each is the product of its Jacobian's columns",
    (scales) => {
      // The scales are those of the sum; the parts have none.
      const kernel = tangentKernel(net, { scales });
      const halved = kernel.with(
        Object.fromEntries(
          Object.entries(kernel.parameters).map(([k, v]) => [k, { ...v, value: v.value.map(() => 0.5) }]),
        ),
      );
      const [jx, jz] = [jacobian(net, x), jacobian(net, z)];
      const groups = scales === "shared" ? [kernel.spans] : kernel.spans.map((span) => [span]);
      const anchored = halved.anchoredShares!(z)!;
      for (const own of ["blocks", "diagonal"] as const) {
        const parts = anchored.at(x, own);
        expect(parts.length).toBe(groups.length);
        parts.forEach((part, l) => {
          const moves = (column: number) =>
            groups[l]!.some(({ place, size }) => column >= place && column < place + size);
          const kept = (j: typeof jx) => ({ ...j, data: j.data.map((v, k) => (moves(k % j.cols) ? v : 0)) });
          expectClose(part.cross.data, multiply(kept(jx), transpose(kept(jz))).data, 1e-10);
          for (let i = 0; i < x.rows; i++) {
            const rows = rowRange(kept(jx), 3 * i, 3 * i + 3);
            const block = multiply(rows, transpose(rows)).data;
            const expected = own === "blocks" ? block : [block[0]!, block[4]!, block[8]!];
            const width = own === "blocks" ? 9 : 3;
            expectClose(part.own.data.subarray(i * width, (i + 1) * width), expected, 1e-10);
          }
        });
      }
    },
  );
});
