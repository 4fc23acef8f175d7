import { type Matrix, matrix, multiply, type Tensor } from "../linalg/index.ts";
import { type Layer, positionsFirst, type TangentSide } from "../networks/index.ts";
import { key, normal, split } from "../random/index.ts";
import { agree, converted, examplesOf, inUse, type Place, randomLike } from "./check-layer-support.ts";

/**
 * The tangent readings at `place`, in its precision, against the Jacobian of `exact` (the same numbers in f64), a row
 * an example and output from the pull-back of that example alone.
 */
export function checkLayerTangent(layer: Layer, place: Place, exact: Place, tolerance: number): void {
  if (!layer.addTangentGram || !layer.addTangentDiagonal || !layer.writeJacobian) {
    throw new Error("a layer with weights has addTangentGram, addTangentDiagonal and writeJacobian");
  }
  for (const outputs of [1, 3]) {
    const a = sideOf(layer, place, exact, outputs, [0, place.inputs[0]!.shape[0]!]);
    const b = sideOf(layer, place, exact, outputs, [0, 2]);
    checkGram(layer, "the same side", a, a, tolerance);
    checkGram(layer, "two sides", a, b, tolerance);
    checkGram(layer, "two sides, exchanged,", b, a, tolerance);
    checkDiagonal(layer, a, tolerance);
    checkJacobian(layer, a, tolerance);
    if (layer.linearSide) checkLinearSide(layer, a, tolerance);
    if (layer.unorderedGradients) checkUnordered(layer, a, tolerance);
    if (layer.joinTapes) checkJoinedTapes(layer, place, a, tolerance);
  }
}

interface Side {
  readonly side: TangentSide<unknown>;
  /** n·o rows, point-major. */
  readonly jacobian: Matrix;
  readonly examples: number;
  readonly outputs: number;
}

function sideOf(layer: Layer, place: Place, exact: Place, outputs: number, range: [number, number]): Side {
  const some = (at: Place): Place => ({ ...at, inputs: at.inputs.map((x) => examplesOf(x, ...range)) });
  const { y, tape } = inUse(layer, some(place));
  // Numbers that f32 has, for either precision.
  const wide = Array.from({ length: outputs }, (_, p) =>
    converted(converted(randomLike(y, split(split(place.key, "cotangents"), p)), "f32"), "f64"),
  );
  const precision = y.data instanceof Float32Array ? "f32" : "f64";
  const examples = range[1] - range[0];
  return {
    side: { tape, cotangents: wide.map((dy) => converted(dy, precision)) },
    jacobian: jacobianOf(layer, some(exact), wide),
    examples,
    outputs,
  };
}

function jacobianOf(layer: Layer, at: Place, cotangents: readonly Tensor[]): Matrix {
  const names = Object.keys(at.weights);
  const n = at.inputs[0]!.shape[0]!;
  const rows = Array.from({ length: n }, (_, i) => {
    const { tape } = inUse(layer, { ...at, inputs: at.inputs.map((x) => examplesOf(x, i, i + 1)) });
    return cotangents.map((dy) => {
      const pullback = layer.vjp({ ...at.weights, ...at.buffers }, tape, examplesOf(dy, i, i + 1));
      const gradients = pullback.dweights();
      return names.flatMap((name) => Array.from(gradients[name]!.data));
    });
  }).flat();
  return matrix(rows.length, rows[0]!.length, Float64Array.from(rows.flat()));
}

const scale = 0.7;

function checkGram(layer: Layer, which: string, a: Side, b: Side, tolerance: number): void {
  const whole = multiply(a.jacobian, b.jacobian, { b: true });
  const o = a.outputs;
  const trace = matrix(a.examples, b.examples);
  whole.data.forEach((v, k) => {
    const [r, c] = [Math.floor(k / whole.cols), k % whole.cols];
    if (r % o === c % o) trace.data[Math.floor(r / o) * b.examples + Math.floor(c / o)]! += v;
  });
  for (const expected of o > 1 ? [whole, trace] : [whole]) {
    const { rows, cols } = expected;
    // Whatever is there before stays.
    const before = normal(split(split(key(20261124), which), rows), rows * cols);
    const out = matrix(rows, cols, Float64Array.from(before));
    layer.addTangentGram!(a.side, b.side, scale, out);
    const name = `addTangentGram of ${which} (${o} outputs, ${rows} × ${cols}) and J Jᵀ`;
    agree(
      name,
      out.data,
      expected.data.map((v, k) => before[k]! + scale * v),
      tolerance,
    );
  }
}

function checkDiagonal(layer: Layer, { side, jacobian, examples, outputs }: Side, tolerance: number): void {
  const whole = multiply(jacobian, jacobian, { b: true });
  const blocks = new Float64Array(examples * outputs * outputs);
  const expectedBlocks = blocks.map((_, k) => {
    const row = Math.floor(k / outputs);
    return 1 + scale * whole.data[row * whole.cols + row - (row % outputs) + (k % outputs)]!;
  });
  layer.addTangentDiagonal!(side, scale, blocks.fill(1));
  agree(
    `addTangentDiagonal (${outputs} outputs, blocks) and the blocks of J Jᵀ`,
    blocks,
    expectedBlocks,
    tolerance,
  );
  for (const length of outputs > 1 ? [examples * outputs, examples] : [examples]) {
    const expected = new Float64Array(length).fill(1);
    jacobian.data.forEach((v, k) => {
      const row = Math.floor(k / jacobian.cols);
      expected[length === jacobian.rows ? row : Math.floor(row / outputs)]! += scale * v * v;
    });
    const out = new Float64Array(length).fill(1);
    layer.addTangentDiagonal!(side, scale, out);
    agree(
      `addTangentDiagonal (${outputs} outputs, ${length} long) and that of J Jᵀ`,
      out,
      expected,
      tolerance,
    );
  }
}

function checkJacobian(layer: Layer, { side, jacobian, outputs }: Side, tolerance: number): void {
  // A column before and one after, which are not the layer's.
  const cols = jacobian.cols + 2;
  const out = matrix(jacobian.rows, cols, new Float64Array(jacobian.rows * cols).fill(1));
  const expected = out.data.slice();
  jacobian.data.forEach((v, k) => {
    expected[Math.floor(k / jacobian.cols) * cols + 1 + (k % jacobian.cols)] = v;
  });
  layer.writeJacobian!(side, out, 1);
  agree(`writeJacobian (${outputs} outputs) and per-example pull-backs`, out.data, expected, tolerance);
}

/** Gradients in an order of the layer's own have the products of those in the usual order. */
function checkUnordered(layer: Layer, { side, jacobian, outputs }: Side, tolerance: number): void {
  const { shape, data } = layer.unorderedGradients!(side);
  if (shape[0] !== jacobian.rows / outputs || shape[1] !== outputs || data.length !== jacobian.data.length) {
    throw new Error(
      `unorderedGradients are [${shape}], not ${outputs} of ${jacobian.rows / outputs} examples, ${jacobian.cols} numbers each`,
    );
  }
  const rows = matrix(jacobian.rows, jacobian.cols, Float64Array.from(data));
  agree(
    `the products of unorderedGradients (${outputs} outputs) and J Jᵀ`,
    multiply(rows, rows, { b: true }).data,
    multiply(jacobian, jacobian, { b: true }).data,
    tolerance,
  );
}

/** The Jacobian from the tapes of all but the last example and of the last, joined. */
function checkJoinedTapes(layer: Layer, place: Place, a: Side, tolerance: number): void {
  const tapes = [
    [0, a.examples - 1],
    [a.examples - 1, a.examples],
  ].map(([from, to]) => {
    const inputs = place.inputs.map((x) => examplesOf(x, from!, to!));
    return inUse(layer, { ...place, inputs }).tape;
  });
  checkJacobian(layer, { ...a, side: { ...a.side, tape: layer.joinTapes!(tapes) } }, tolerance);
}

/** The gradients Σ Δ aᵀ over the positions of a linear map are those of its weight, and Σ Δ those of its bias. */
function checkLinearSide(layer: Layer, { side, jacobian, outputs }: Side, tolerance: number): void {
  const linear = layer.linearSide!(side);
  const { inputs, bias } = linear;
  const cotangents = positionsFirst(linear);
  const [n, positions, features] = inputs.shape as [number, number, number];
  const units = cotangents[0]!.shape[2]!;
  const expected = new Float64Array(jacobian.data.length);
  for (let row = 0; row < n * outputs; row++) {
    const example = Math.floor(row / outputs);
    for (let p = example * positions; p < (example + 1) * positions; p++) {
      for (let u = 0; u < units; u++) {
        const d = cotangents[row % outputs]!.data[p * units + u]!;
        const at = row * jacobian.cols + u * features;
        for (let f = 0; f < features; f++) expected[at + f]! += d * inputs.data[p * features + f]!;
        if (bias) expected[row * jacobian.cols + units * features + u]! += d;
      }
    }
  }
  agree(
    `linearSide's gradients (${outputs} outputs) and per-example pull-backs`,
    expected,
    jacobian.data,
    tolerance,
  );
}
