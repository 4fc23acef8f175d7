import { describe, expect, it } from "vitest";
import {
  beside,
  drawn,
  elementwise,
  known,
  minus,
  plus,
  repeated,
  scaled,
  total,
} from "../../src/deep/ops/elementwise.ts";
import { factored, jittered, squares, substituted } from "../../src/deep/ops/factors.ts";
import { crossNode, diagonalNode, gramNode, valueNode } from "../../src/deep/ops/kernels.ts";
import { marginalVariances, whitenedDivergence } from "../../src/deep/ops/marginal.ts";
import { times } from "../../src/deep/ops/products.ts";
import { type Node, Tape } from "../../src/deep/tape.ts";
import {
  affine,
  fix,
  fromVector,
  gradientVector,
  linear,
  matern52,
  rbf,
  sum,
  toVector,
} from "../../src/kernels/index.ts";
import { identity, type Matrix, matrix, multiply } from "../../src/linalg/index.ts";
import { randomMatrix } from "../support/random.ts";

type Op = (tape: Tape, ...inputs: readonly Node[]) => Node;

/** A number that depends on every entry of a value: its weighted sum. */
function weighted(tape: Tape, a: Node): Node {
  const weights = tape.constant(randomMatrix(a.value.rows, a.value.cols, "weights"));
  return total(tape, elementwise(tape, a, weights));
}

/**
 * Central differences of step 1e-5 err by about 1e-10 of the third derivative and 1e-11 of the value: 1e-7 leaves a
 * hundredfold for both.
 */
function checkSlopes(op: Op, inputs: readonly Matrix[], wanted = inputs.map(() => true)): void {
  const evaluate = (values: readonly Matrix[]) => {
    const tape = new Tape();
    const nodes = values.map((v) => tape.variable(v));
    return { tape, nodes, out: weighted(tape, op(tape, ...nodes)) };
  };
  const { tape, nodes, out } = evaluate(inputs);
  tape.backward(out);
  inputs.forEach((input, i) => {
    if (!wanted[i]) return;
    const slope = tape.derivative(nodes[i]!);
    for (let k = 0; k < input.data.length; k++) {
      const at = (by: number) => {
        const data = input.data.slice();
        data[k]! += by;
        const moved = inputs.map((other, j) => (j === i ? { ...input, data } : other));
        return evaluate(moved).out.value.data[0]!;
      };
      const numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
      expect(Math.abs(slope.data[k]! - numeric)).toBeLessThan(1e-7 * Math.max(1, Math.abs(numeric)));
    }
  });
}

const a = randomMatrix(4, 3, "a");
const b = randomMatrix(4, 3, "b");
const square = randomMatrix(4, 4, "square");
const positive = (m: Matrix) => {
  const out = multiply(m, m, { b: true });
  for (let i = 0; i < m.rows; i++) out.data[i * m.rows + i]! += 1;
  return out;
};

describe("operations on the tape have the derivatives of finite differences", () => {
  it("elementwise", () => {
    checkSlopes(plus, [a, b]);
    checkSlopes(minus, [a, b]);
    checkSlopes(elementwise, [a, b]);
    checkSlopes((t, x) => scaled(t, x, -1.7), [a]);
    checkSlopes((t, x) => repeated(t, x, 3), [a]);
    checkSlopes(beside, [a, randomMatrix(4, 2, "c")]);
    const variance = { ...b, data: b.data.map((v) => v * v + 0.1) };
    checkSlopes((t, mean, v) => drawn(t, mean, v, randomMatrix(4, 3, "noise")), [a, variance]);
    checkSlopes((t, x) => known(t, 0.5 * x.value.data.reduce((s, v) => s + v * v, 0), [x], [x.value]), [a]);
  });

  it("a value used twice gathers both derivatives", () => {
    checkSlopes((t, x) => plus(t, x, plus(t, elementwise(t, x, x), x)), [a]);
  });

  it("products, however transposed", () => {
    for (const [ta, tb] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      const left = ta ? randomMatrix(5, 4, "l") : randomMatrix(4, 5, "l");
      const right = tb ? randomMatrix(3, 5, "r") : randomMatrix(5, 3, "r");
      checkSlopes((t, x, y) => times(t, x, y, { a: ta, b: tb }), [left, right]);
    }
  });

  it("factorisations and substitutions", () => {
    // Through a product with itself: the factor's argument stays symmetric when an entry moves.
    const spd = (t: Tape, x: Node) => plus(t, times(t, x, x, { b: true }), t.constant(identity(4)));
    checkSlopes((t, x) => factored(t, spd(t, x)), [square]);
    checkSlopes((t, x, y) => substituted(t, factored(t, spd(t, x)), y), [square, a]);
    checkSlopes((t, x) => jittered(t, x, 0.3), [square]);
    const triangles = lower({ ...matrix(8, 4), data: new Float64Array(32).fill(1) });
    checkSlopes(
      (t, x) => squares(t, elementwise(t, x, t.constant(triangles))),
      [randomMatrix(8, 4, "roots")],
    );
  });

  it("kernels: in their points and in their parameters", () => {
    const z = randomMatrix(4, 2, "z");
    const x = randomMatrix(5, 2, "x");
    for (const kernel of [rbf({ lengthscale: [0.7, 1.3] }), matern52(), sum(rbf(), linear())]) {
      checkSlopes((t, p) => gramNode(t, kernel, p), [z]);
      checkSlopes((t, p, q) => crossNode(t, kernel, p, q), [z, x]);
      checkSlopes((t, p) => diagonalNode(t, kernel, p), [x]);
      const value = (vector: Float64Array) => {
        const moved = kernel.with(fromVector(vector, kernel.parameters));
        const tape = new Tape();
        const points = [tape.constant(z), tape.constant(x)] as const;
        const out = [
          gramNode(tape, moved, points[0]),
          crossNode(tape, moved, ...points),
          diagonalNode(tape, moved, points[1]),
        ].map((node) => weighted(tape, node));
        const whole = out.reduce((s, node) => plus(tape, s, node));
        tape.backward(whole);
        return {
          value: whole.value.data[0]!,
          slopes: gradientVector(moved.parameters, tape.slopesOf(moved)),
        };
      };
      expectSlopes(toVector(kernel.parameters), value);
    }
  });

  it("learnable functions, and none where all is fixed", () => {
    const fn = affine(randomMatrix(2, 3, "w"), Float64Array.of(0.3, -0.2));
    checkSlopes((t, x) => valueNode(t, fn, x), [a]);
    expectSlopes(toVector(fn.parameters), (vector) => {
      const moved = fn.with(fromVector(vector, fn.parameters));
      const tape = new Tape();
      const out = weighted(tape, valueNode(tape, moved, tape.constant(a)));
      tape.backward(out);
      return { value: out.value.data[0]!, slopes: gradientVector(moved.parameters, tape.slopesOf(moved)) };
    });
    const tape = new Tape();
    expect(valueNode(tape, fix(fn, "*"), tape.constant(a)).place).toBe(-1);
  });

  it("marginal variances and divergences", () => {
    const prior = matrix(3, 1, Float64Array.of(20, 21, 22));
    const spread = positive(square);
    const stack = matrix(8, 4, Float64Array.of(...spread.data, ...positive(randomMatrix(4, 4, "s2")).data));
    checkSlopes(marginalVariances, [a, prior, stack]);
    const roots = lower(randomMatrix(8, 4, "roots"));
    for (let r = 0; r < 8; r++) roots.data[r * 4 + (r % 4)]! += 2;
    checkSlopes(whitenedDivergence, [randomMatrix(4, 2, "m"), roots]);
  });
});

function expectSlopes(
  at: Float64Array,
  of: (vector: Float64Array) => { readonly value: number; readonly slopes: Float64Array },
): void {
  const { slopes } = of(at);
  at.forEach((_, k) => {
    const moved = (by: number) => of(at.map((v, i) => (i === k ? v + by : v))).value;
    const numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
    expect(Math.abs(slopes[k]! - numeric)).toBeLessThan(1e-7 * Math.max(1, Math.abs(numeric)));
  });
}

/** Zero above the diagonals of stacked square matrices. */
function lower(stack: Matrix): Matrix {
  const m = stack.cols;
  return { ...stack, data: stack.data.map((v, k) => (k % m > Math.floor(k / m) % m ? 0 : v)) };
}
