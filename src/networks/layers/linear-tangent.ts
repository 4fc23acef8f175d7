import { engine } from "../../engine/index.ts";
import {
  block,
  floatsLike,
  gramOf,
  type Matrix,
  matrix,
  mirror,
  multiply,
  operand,
  rowRange,
  type Tensor,
} from "../../linalg/index.ts";

/**
 * What the tangent of a linear map needs of n examples, for a map that applies one weight matrix at every position,
 * y_p = W a_p (+ b): a position is a pixel of a convolution, a token of a sequence, or the one row of a dense layer.
 */
export interface LinearSide {
  /** a, [n, positions, features]. */
  readonly inputs: Tensor;
  /** One cotangent [n, positions, units] for each of the network's outputs. */
  readonly cotangents: readonly Tensor[];
  readonly bias: boolean;
}

// Numbers in the largest scratch array: 128 MB in f64. Longer sums are taken in parts.
const scratch = 16_000_000;

// Multiplications of a matrix product that take as long as one step of a loop over numbers.
const perStep = 32;

/**
 * `scale` times the share of a linear map in J Jᵀ, added to `out`: of n·o rows a side for the whole kernel, of n rows
 * for its trace over the outputs. Sums the products of input and cotangent Grams over pairs of positions,
 * Σ_st (a_s·a′_t + 1)(Δ_s·Δ′_t) (the structured derivatives of Novak et al. 2022), or takes the Gram of the
 * per-example gradients Σ_s Δ_s a_sᵀ: whichever needs fewer operations.
 */
export function addLinearTangentGram(a: LinearSide, b: LinearSide, scale: number, out: Matrix): void {
  const share = matrix(out.rows, out.cols);
  const same = a === b;
  if (pairsAreCheaper(a, b, out)) addPairs(a, b, same, share);
  else addGradientProducts(a, b, same, share);
  if (same) mirror(share);
  for (let k = 0; k < share.data.length; k++) out.data[k]! += scale * share.data[k]!;
}

/** `scale` times the squared length of the gradients, added to `out`: n·o numbers, or n for the outputs together. */
export function addLinearTangentDiagonal(side: LinearSide, scale: number, out: Float64Array): void {
  const { n, positions } = sizesOf(side);
  const perExample = out.length / n;
  if (positions === 1) {
    const x = inRows(side.inputs, n);
    const d = inRows(stack(side), out.length);
    for (let r = 0; r < d.rows; r++) {
      out[r]! +=
        scale * (squaredNorm(x, Math.floor(r / perExample)) + (side.bias ? 1 : 0)) * squaredNorm(d, r);
    }
    return;
  }
  eachGradients(side, (g) => {
    const all = inRows(g, out.length);
    for (let r = 0; r < out.length; r++) out[r]! += scale * squaredNorm(all, r);
  });
}

/** The rows ∂f_p(x_i)/∂w, point-major, into columns `column` … of `out`: weight [units, features], then bias. */
export function writeLinearJacobian(side: LinearSide, out: Matrix, column: number): void {
  const { features, units } = sizesOf(side);
  eachGradients(side, (g, from) => {
    const width = features + (side.bias ? 1 : 0);
    const count = g.data.length / (out.rows * width);
    for (let r = 0, k = 0; r < out.rows; r++) {
      const start = r * out.cols + column;
      for (let u = from; u < from + count; u++, k += width) {
        out.data.set(g.data.subarray(k, k + features), start + u * features);
        if (side.bias) out.data[start + units * features + u] = g.data[k + features]!;
      }
    }
  });
}

interface Sizes {
  readonly n: number;
  readonly positions: number;
  readonly features: number;
  readonly units: number;
  readonly outputs: number;
}

function sizesOf({ inputs, cotangents }: LinearSide): Sizes {
  const [n, positions, features] = inputs.shape as [number, number, number];
  return { n, positions, features, units: cotangents[0]!.shape[2]!, outputs: cotangents.length };
}

/** Operations of the two ways, counted for one pair of examples. */
function pairsAreCheaper(a: LinearSide, b: LinearSide, out: Matrix): boolean {
  const { n, positions, features, units, outputs } = sizesOf(a);
  const m = sizesOf(b).n;
  const entries = (out.rows / n) * (out.cols / m);
  const cotangents = Math.max(outputs, entries) * units;
  const pairs = positions ** 2 * (features + cotangents + perStep * entries);
  const forming = (outputs * positions * units * features * (n + m)) / (n * m);
  return pairs <= cotangents * features + forming;
}

/** Σ_st (a_s·a′_t + 1)(Δ_s·Δ′_t), the lower triangle alone for the same side twice; tiles bound the scratch. */
function addPairs(a: LinearSide, b: LinearSide, same: boolean, out: Matrix): void {
  const { positions } = sizesOf(a);
  const perExample = out.rows / sizesOf(a).n;
  const tile = Math.max(1, Math.floor(Math.sqrt(scratch) / (positions * perExample)));
  const bTiles = same ? undefined : [...tiles(b, tile, perExample)];
  const done: Tile[] = [];
  for (const i of tiles(a, tile, perExample)) {
    done.push(i);
    for (const j of bTiles ?? done) addTile(i, j, positions, perExample, a.bias ? 1 : 0, out);
  }
}

/** Examples `from` …: their inputs (a row a position) and their cotangents (a row a position and output). */
interface Tile {
  readonly from: number;
  readonly inputs: Matrix;
  readonly cotangents: Matrix;
}

function* tiles(side: LinearSide, count: number, perExample: number): Generator<Tile> {
  const { n, positions } = sizesOf(side);
  const inputs = inRows(side.inputs, n * positions);
  const cotangents = inRows(stack(side), n * positions * perExample);
  for (let from = 0; from < n; from += count) {
    const to = Math.min(n, from + count);
    yield {
      from,
      inputs: rowRange(inputs, from * positions, to * positions),
      cotangents: rowRange(cotangents, from * positions * perExample, to * positions * perExample),
    };
  }
}

function addTile(i: Tile, j: Tile, positions: number, perExample: number, bias: number, out: Matrix): void {
  const inputs = products(i.inputs, j.inputs);
  const cotangents = products(i.cotangents, j.cotangents);
  const n = inputs.cols / positions;
  for (let r = 0, k = 0; r < cotangents.rows; r++) {
    const position = Math.floor(r / perExample);
    const row = (i.from + Math.floor(position / positions)) * perExample + (r % perExample);
    const start = row * out.cols + j.from * perExample;
    for (let e = 0, f = position * inputs.cols; e < n; e++) {
      for (let t = 0; t < positions; t++, f++) {
        const factor = inputs.data[f]! + bias;
        for (let q = start + e * perExample; q < start + (e + 1) * perExample; q++, k++) {
          out.data[q]! += factor * cotangents.data[k]!;
        }
      }
    }
  }
}

function products(a: Matrix, b: Matrix): Matrix {
  return a === b ? gramOf(a) : multiply(a, b, { b: true });
}

/** The Gram of the per-example gradients, the lower triangle alone for the same side twice. */
function addGradientProducts(a: LinearSide, b: LinearSide, same: boolean, out: Matrix): void {
  const chunk = chunkOf(sizesOf(a).n > sizesOf(b).n ? a : b);
  const { units } = sizesOf(a);
  for (let from = 0; from < units; from += chunk) {
    const to = Math.min(units, from + chunk);
    const ga = operand(inRows(gradients(a, from, to), out.rows));
    const k = ga.stride;
    if (same) engine().syrk(out.rows, k, 1, ga, 1, block(out));
    else {
      const gb = operand(inRows(gradients(b, from, to), out.cols), true);
      engine().gemm(out.rows, out.cols, k, 1, ga, gb, 1, block(out));
    }
  }
}

/** How many units' gradients fit into the scratch. */
function chunkOf(side: LinearSide): number {
  const { n, features, outputs } = sizesOf(side);
  return Math.max(1, Math.floor(scratch / (n * outputs * (features + 1))));
}

/** Visits the gradients of a few units at a time, `from` the first one. */
function eachGradients(side: LinearSide, visit: (gradients: Tensor, from: number) => void): void {
  const { units } = sizesOf(side);
  const chunk = chunkOf(side);
  for (let from = 0; from < units; from += chunk) {
    visit(gradients(side, from, Math.min(units, from + chunk)), from);
  }
}

/** The gradients of the weights (and the bias, last) of units `from` to `to`: [n, outputs, to − from, features (+ 1)]. */
function gradients(side: LinearSide, from: number, to: number): Tensor {
  const { n, positions, features, units, outputs } = sizesOf(side);
  const { inputs, cotangents, bias } = side;
  const width = features + (bias ? 1 : 0);
  const data = floatsLike(inputs.data, n * outputs * (to - from) * width);
  for (let i = 0, at = 0; i < n; i++) {
    const a = { data: inputs.data, offset: i * positions * features, stride: features, transposed: false };
    for (const { data: dy } of cotangents) {
      const start = i * positions * units;
      const d = { data: dy, offset: start + from, stride: units, transposed: true };
      if (positions === 1) {
        for (let u = from, k = at; u < to; u++, k += width) {
          for (let f = 0; f < features; f++) data[k + f] = dy[start + u]! * a.data[a.offset + f]!;
        }
      } else engine().gemm(to - from, features, positions, 1, d, a, 0, { data, offset: at, stride: width });
      if (bias) {
        for (let u = from; u < to; u++) {
          let sum = 0;
          for (let k = start + u; k < start + positions * units; k += units) sum += dy[k]!;
          data[at + (u - from) * width + features] = sum;
        }
      }
      at += (to - from) * width;
    }
  }
  return { shape: [n, outputs, to - from, width], data };
}

/** The cotangents of all outputs side by side, [n, positions, outputs, units]. */
function stack({ cotangents }: LinearSide): Tensor {
  const first = cotangents[0]!;
  const [n, positions, units] = first.shape as [number, number, number];
  const outputs = cotangents.length;
  if (outputs === 1) return first;
  const data = floatsLike(first.data, n * positions * outputs * units);
  cotangents.forEach((cotangent, p) => {
    for (let k = 0; k < n * positions; k++) {
      data.set(cotangent.data.subarray(k * units, (k + 1) * units), (k * outputs + p) * units);
    }
  });
  return { shape: [n, positions, outputs, units], data };
}

/** The same numbers as so many rows, in f64. */
function inRows({ data }: Tensor, count: number): Matrix {
  return matrix(count, data.length / count, data instanceof Float64Array ? data : new Float64Array(data));
}

function squaredNorm(a: Matrix, row: number): number {
  let sum = 0;
  for (let k = row * a.cols; k < (row + 1) * a.cols; k++) sum += a.data[k]! * a.data[k]!;
  return sum;
}
