import { describe, expect, it } from "vitest";
import { gramOf, type Matrix, matrix, multiply, reshape, type Tensor } from "../../src/linalg/index.ts";
import { type LinearSide, positionsFirst } from "../../src/networks/layers/linear-gradients.ts";
import {
  addLinearTangentDiagonal,
  addLinearTangentGram,
  writeLinearJacobian,
} from "../../src/networks/layers/linear-tangent.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

interface Case {
  readonly positions: number;
  readonly features: number;
  readonly units: number;
  readonly outputs: number;
  readonly order: LinearSide["order"];
  readonly bias: boolean;
}

function side(c: Case, n: number, name: string): LinearSide {
  const tensor = (last: number, part: string): Tensor => ({
    shape: [n, c.positions, last],
    data: randomMatrix(n * c.positions, last, `${name} ${part}`).data,
  });
  return {
    inputs: tensor(c.features, "a"),
    cotangents: Array.from({ length: c.outputs }, (_, p) => ({
      ...tensor(c.units, `d${p}`),
      shape: c.order === "units first" ? [n, c.units, c.positions] : [n, c.positions, c.units],
    })),
    order: c.order,
    bias: c.bias,
  };
}

/** Σ_s Δ_s a_sᵀ and Σ_s Δ_s, written out by loops. */
function explicit(side: LinearSide): Matrix {
  const { inputs, bias } = side;
  const cotangents = positionsFirst(side);
  const [n, positions, features] = inputs.shape as [number, number, number];
  const units = cotangents[0]!.shape[2]!;
  const out = matrix(n * cotangents.length, units * (features + (bias ? 1 : 0)));
  for (let i = 0; i < n; i++) {
    cotangents.forEach(({ data }, p) => {
      const row = (i * cotangents.length + p) * out.cols;
      for (let s = 0; s < positions; s++) {
        for (let u = 0; u < units; u++) {
          const d = data[(i * positions + s) * units + u]!;
          for (let f = 0; f < features; f++) {
            out.data[row + u * features + f]! += d * inputs.data[(i * positions + s) * features + f]!;
          }
          if (bias) out.data[row + units * features + u]! += d;
        }
      }
    });
  }
  return out;
}

/** A point's rows as one: the Gram of these is the trace over the outputs. */
function joined(j: Matrix, outputs: number): Matrix {
  return reshape(j, j.rows / outputs, j.cols * outputs);
}

describe("the tangent of a linear map equals the explicit Jacobian product", () => {
  // One position; few positions and many features (position pairs are cheaper); many positions (gradients are).
  it.each<Case>([
    { positions: 1, features: 5, units: 4, outputs: 3, order: "positions first", bias: true },
    { positions: 1, features: 5, units: 4, outputs: 1, order: "positions first", bias: false },
    { positions: 2, features: 60, units: 50, outputs: 2, order: "positions first", bias: true },
    { positions: 2, features: 60, units: 50, outputs: 2, order: "units first", bias: true },
    { positions: 3, features: 90, units: 80, outputs: 1, order: "positions first", bias: false },
    { positions: 40, features: 3, units: 2, outputs: 3, order: "positions first", bias: true },
    { positions: 40, features: 3, units: 2, outputs: 3, order: "units first", bias: true },
    { positions: 40, features: 3, units: 2, outputs: 3, order: "positions first", bias: false },
  ])("$positions positions, $features → $units, $outputs outputs, $order, bias $bias", (c) => {
    const [a, b] = [side(c, 7, "left"), side(c, 4, "right")];
    const [ja, jb] = [explicit(a), explicit(b)];
    const written = matrix(ja.rows, ja.cols + 2);
    writeLinearJacobian(a, written, 1);
    const inner = Float64Array.from(
      { length: ja.data.length },
      (_, k) => written.data[Math.floor(k / ja.cols) * written.cols + 1 + (k % ja.cols)]!,
    );
    // Sums of some hundred products in f64, in two orders.
    expectClose(inner, ja.data, 1e-13);
    for (const [left, right] of [
      [ja, jb],
      [joined(ja, c.outputs), joined(jb, c.outputs)],
    ] as const) {
      const start = randomMatrix(left.rows, right.rows, "start");
      const out = matrix(left.rows, right.rows, start.data.slice());
      addLinearTangentGram(a, b, 0.5, out);
      const cross = multiply(left, right, { b: true });
      expectClose(
        out.data,
        cross.data.map((v, k) => start.data[k]! + 0.5 * v),
        1e-13,
      );
      const square = matrix(left.rows, left.rows);
      addLinearTangentGram(a, a, 2, square);
      const gram = gramOf(left);
      expectClose(
        square.data,
        gram.data.map((v) => 2 * v),
        1e-13,
      );
      expect(
        square.data.every(
          (v, k) => v === square.data[(k % left.rows) * left.rows + Math.floor(k / left.rows)],
        ),
      ).toBe(true);
      const diagonal = new Float64Array(left.rows).fill(1);
      addLinearTangentDiagonal(a, 2, diagonal);
      expectClose(
        diagonal,
        diagonal.map((_, i) => 1 + 2 * gram.data[i * gram.cols + i]!),
        1e-13,
      );
    }
  });
});
