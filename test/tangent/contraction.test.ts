import { describe, expect, it } from "vitest";
import { add, type Matrix, matrix, multiply } from "../../src/linalg/index.ts";
import {
  batchNorm,
  conv2d,
  dense,
  fanInSum,
  flattenLayer,
  gelu,
  layerNorm,
  maxPool2d,
  multiHeadAttention,
  type Network,
  network,
  parallel,
  tanh,
} from "../../src/networks/index.ts";
import { contract, contractDiagonal } from "../../src/tangent/contraction.ts";
import { contraction } from "../../src/tangent/contraction-sides.ts";
import { jacobian, type TangentOutputs, tangentKernel } from "../../src/tangent/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

describe("passes and blocks of points change nothing", () => {
  const images = network({
    inputShape: [2, 6, 5],
    layers: [
      conv2d(3, 3, { padding: 1 }),
      batchNorm(),
      gelu(),
      maxPool2d(2),
      conv2d(4, 2, { parametrisation: "ntk" }),
      tanh(),
      flattenLayer(),
      dense(9),
      tanh(),
      dense(3),
    ],
    seed: 3,
    precision: "f64",
  });
  const mixed = network({
    inputShape: [4],
    layers: [dense(6), tanh(), parallel([[dense(5), gelu()], [dense(5)]], fanInSum()), layerNorm(), dense(3)],
    seed: 2,
    precision: "f64",
  });
  const sequences = network({
    inputShape: [5, 4],
    layers: [dense(4), multiHeadAttention(2), dense(3), flattenLayer(), dense(3)],
    seed: 4,
    precision: "f64",
  });
  const nets = { "dense layers": mixed, convolutions: images, attention: sequences };

  it.each(
    Object.keys(nets).flatMap((name) =>
      (["full", "trace", "independent"] as const).map((kind) => [name, kind] as const),
    ),
  )("%s, %s", (name, kind) => {
    const of = nets[name as keyof typeof nets];
    const [a, b] = [randomMatrix(5, of.inputs, `${name} a`), randomMatrix(3, of.inputs, `${name} b`)];
    const kernel = tangentKernel(of, { outputs: kind });
    const planned = contraction(of, kernel.spans, kind);
    // Both ways of keeping a layer occur.
    expect(new Set(planned.written).size).toBe(2);
    // Attention's tapes cannot be joined: its blocks pass whole.
    for (const plan of [planned, { ...planned, pass: name === "attention" ? 2 : 1, block: 2 }]) {
      for (const other of [undefined, b]) {
        const expected = explicit(of, kind, a, other ?? a);
        const outs = expected.map(({ rows, cols }) => matrix(rows, cols));
        contract(plan, a, other, () => ({ scale: 1, outs }));
        outs.forEach((out, p) => {
          // Sums of some hundred products in f64.
          expectClose(out.data, expected[p]!.data, 1e-12);
        });
      }
      expectClose(contractDiagonal(plan, a, kernel.layerScales), kernel.diagonal(a), 1e-13);
    }
  });
});

/** The products of the Jacobian's rows, formed as one: of all of them, summed over the outputs, or output by output. */
function explicit(of: Network, kind: TangentOutputs, a: Matrix, b: Matrix): readonly Matrix[] {
  const whole = multiply(jacobian(of, a), jacobian(of, b), { b: true });
  if (kind === "full") return [whole];
  const apart = Array.from({ length: of.outputs }, (_, p) => {
    const out = matrix(a.rows, b.rows);
    out.data.forEach((_v, k) => {
      const [i, j] = [Math.floor(k / b.rows), k % b.rows];
      out.data[k] = whole.data[(i * of.outputs + p) * whole.cols + j * of.outputs + p]!;
    });
    return out;
  });
  return kind === "independent" ? apart : [apart.reduce((sum, part) => add(sum, part))];
}
