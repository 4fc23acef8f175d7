import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors/index.ts";
import { gramOf, type Matrix, matrix, multiply } from "../../src/linalg/index.ts";
import {
  dense,
  fanInSum,
  gelu,
  layerNorm,
  network,
  parallel,
  residual,
  sin,
  tanh,
} from "../../src/networks/index.ts";
import { key } from "../../src/random/index.ts";
import { jacobian, tangentKernel, weightDeviations } from "../../src/tangent/index.ts";
import { checkKernel } from "../../src/testing/check-kernel.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

const outputs = 3;
const net = network({
  inputShape: [4],
  layers: [
    dense(6),
    tanh(),
    parallel([[dense(5), gelu()], [dense(5)]], fanInSum()),
    layerNorm(),
    dense(outputs),
  ],
  seed: 2,
  precision: "f64",
});
const [x, z] = [randomMatrix(9, 4, "x"), randomMatrix(5, 4, "z")];

/** Columns of J that move, from the written Jacobian. */
function columns(points: Matrix, moves: (column: number) => boolean): Matrix {
  const j = jacobian(net, points);
  const kept = Array.from({ length: j.cols }, (_, c) => c).filter(moves);
  return matrix(
    j.rows,
    kept.length,
    Float64Array.from({ length: j.rows * kept.length }, (_, k) => {
      const row = Math.floor(k / kept.length);
      return j.data[row * j.cols + kept[k % kept.length]!]!;
    }),
  );
}

/** Σ_p of the diagonal blocks of a point-major matrix. */
function traced(full: Matrix): Float64Array {
  const [n, m] = [full.rows / outputs, full.cols / outputs];
  return Float64Array.from({ length: n * m }, (_, k) => {
    const [i, j] = [Math.floor(k / m), k % m];
    let sum = 0;
    for (let p = 0; p < outputs; p++) sum += full.data[(i * outputs + p) * full.cols + j * outputs + p]!;
    return sum;
  });
}

function withoutCrossings(full: Matrix): Float64Array {
  return full.data.map((v, k) => (Math.floor(k / full.cols) % outputs === (k % full.cols) % outputs ? v : 0));
}

describe("every choice of outputs and weights equals the explicit Jacobian product (f64, to 1e-12)", () => {
  const placeOf = (index: number) => tangentKernel(net, { layers: [index] }).spans[0]!;
  const last = placeOf(net.layers.length - 1);
  const biases = tangentKernel(net, { layers: "biases" }).spans;
  it.each([
    ["all", () => true],
    ["last", (c: number) => c >= last.place],
    [
      [0, 4] as const,
      (c: number) => [0, 4].some((i) => placeOf(i).place <= c && c < placeOf(i).place + placeOf(i).size),
    ],
    ["biases", (c: number) => biases.some(({ place, size }) => place <= c && c < place + size)],
  ] as const)("layers %s", (layers, moves) => {
    const [jx, jz] = [columns(x, moves), columns(z, moves)];
    const [gram, cross] = [gramOf(jx), multiply(jx, jz, { b: true })];
    const full = tangentKernel(net, { layers });
    expectClose(full.gram(x).data, gram.data, 1e-12);
    expectClose(full.cross(x, z).data, cross.data, 1e-12);
    const trace = tangentKernel(net, { outputs: "trace", layers });
    expect(trace.outputs).toBe(1);
    expectClose(trace.gram(x).data, traced(gram), 1e-12);
    expectClose(trace.cross(x, z).data, traced(cross), 1e-12);
    const independent = tangentKernel(net, { outputs: "independent", layers });
    expectClose(independent.gram(x).data, withoutCrossings(gram), 1e-12);
    expectClose(independent.cross(x, z).data, withoutCrossings(cross), 1e-12);
    expect(independent.grams(x).map(({ rows, cols }) => [rows, cols])).toEqual([
      [9, 9],
      [9, 9],
      [9, 9],
    ]);
    for (const kernel of [full, trace, independent]) {
      const whole = kernel.gram(x);
      expectClose(
        kernel.diagonal(x),
        kernel.diagonal(x).map((_, i) => whole.data[i * whole.cols + i]!),
        1e-12,
      );
    }
    const moving = weightDeviations(full);
    expect(moving.every((s, c) => s === (moves(c) ? 1 : 0))).toBe(true);
  });
});

it("a bias is a layer's own: the layer norm's and both branches' count", () => {
  // dense 6, 5, 5, norm 5, dense 3.
  expect(tangentKernel(net, { layers: "biases" }).spans.map(({ size }) => size)).toEqual([6, 5, 5, 5, 3]);
});

describe("the kernels of every choice obey the kernel laws", () => {
  it.each(["full", "trace", "independent"] as const)("%s", (kind) => {
    checkKernel(tangentKernel(net, { outputs: kind, scales: "layer" }), randomMatrix(5, 4, kind), {
      paths: 400,
    });
    checkKernel(tangentKernel(net, { outputs: kind, layers: "biases" }), randomMatrix(5, 4, kind), {
      paths: 400,
    });
    expect(tangentKernel(net, { outputs: kind }).path(key(1), 4).outputs).toBe(
      kind === "trace" ? 1 : outputs,
    );
  });
});

it("refuses layers that cannot move", () => {
  expect(() => tangentKernel(net, { layers: [1] })).toThrow(UsageError);
  expect(() => tangentKernel(net, { layers: [] })).toThrow("among 0, 2, 4, 6, 7");
  expect(() => tangentKernel(network({ inputShape: [2], layers: [tanh()] }))).toThrow(UsageError);
});

describe("the trace's one cotangent for a layer before the last equals the sum over the outputs", () => {
  const before = [dense(5), tanh()];
  it.each([
    ["after a function", [...before, dense(4), gelu(), dense(3)]],
    ["after two functions", [...before, dense(4), gelu(), sin(), dense(3)]],
    ["directly", [...before, dense(4), dense(3)]],
    ["after a norm, where it is not so", [...before, dense(4), layerNorm(), dense(3)]],
    ["with another reader, where it is not so", [...before, residual([dense(5), tanh()]), dense(3)]],
  ])("%s", (_, layers) => {
    const deep = network({ inputShape: [4], layers, seed: 6, precision: "f64" });
    const trace = tangentKernel(deep, { outputs: "trace", scales: "layer" });
    const shares = tangentKernel(deep, { scales: "layer" }).shares(x);
    trace.shares(x).forEach((share, l) => {
      expectClose(share.data, traced(shares[l]!), 1e-13);
    });
    expectClose(trace.cross(z, x).data, traced(tangentKernel(deep).cross(z, x)), 1e-13);
  });
});
