import { engine } from "../../engine/index.ts";
import {
  floatsLike,
  gramOf,
  type Matrix,
  matrix,
  mirror,
  multiply,
  rowRange,
  type Tensor,
} from "../../linalg/index.ts";
import { addOwnProducts } from "./gradient-tangent.ts";

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

// Numbers in the gradients that are written out at a time: 128 MB in f64.
const scratch = 16_000_000;

// Rows and columns of a product that are computed at a time.
const tileRows = 1024;

// Multiplications of a matrix product that take as long as one step of a loop over numbers.
const perStep = 32;

/**
 * `scale` times the share of a linear map in J Jᵀ, added to `out`: of n·o rows a side for the whole kernel, of n rows
 * for its trace over the outputs. Sums the products of input and cotangent Grams over pairs of positions,
 * Σ_st (a_s·a′_t + 1)(Δ_s·Δ′_t) (the structured derivatives of Novak et al. 2022), or takes the Gram of the
 * per-example gradients Σ_s Δ_s a_sᵀ: whichever needs fewer operations.
 */
export function addLinearTangentGram(a: LinearSide, b: LinearSide, scale: number, out: Matrix): void {
  if (pairsAreCheaper(a, b, out)) addPairs(a, b, scale, out);
  else addGradientProducts(a, b, scale, out);
}

/**
 * `scale` times what each example's gradients have with themselves, added to `out`: see `addTangentDiagonal`. Their products
 * are those of the inputs times those of the cotangents where there is one position.
 */
export function addLinearTangentDiagonal(side: LinearSide, scale: number, out: Float64Array): void {
  const { n, positions, outputs, units } = sizesOf(side);
  const rows = out.length === n ? n : n * outputs;
  if (positions > 1) {
    eachGradients(side, (g) => addOwnProducts(inRows(g, rows), scale, out));
    return;
  }
  const x = inRows(side.inputs, n);
  const stacked = new Float64Array(n * outputs * units);
  stack(side, 0, n, stacked);
  const own = new Float64Array(out.length);
  addOwnProducts(matrix(rows, stacked.length / rows, stacked), scale, own);
  const perExample = out.length / n;
  for (let i = 0; i < n; i++) {
    const factor = squaredNorm(x, i) + (side.bias ? 1 : 0);
    for (let k = i * perExample; k < (i + 1) * perExample; k++) out[k]! += factor * own[k]!;
  }
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

/** Σ_st (a_s·a′_t + 1)(Δ_s·Δ′_t), a tile of examples at a time. */
function addPairs(a: LinearSide, b: LinearSide, scale: number, out: Matrix): void {
  const { n, positions } = sizesOf(a);
  const perExample = out.rows / n;
  const m = sizesOf(b).n;
  const count = Math.min(Math.max(n, m), Math.max(1, Math.floor(tileRows / (positions * perExample))));
  const [readLeft, readRight] = [rowReader(a, count, perExample), rowReader(b, count, perExample)];
  const bias = a.bias ? 1 : 0;
  for (const i of ranges(n, count)) {
    const left = readLeft(i);
    for (const j of ranges(m, count)) {
      if (a === b && j.from > i.from) break;
      const right = a === b && j.from === i.from ? left : readRight(j);
      const tile = sumOverPairs(left, right, positions, perExample, bias);
      // Sums over pairs of positions come in another order in the other triangle.
      if (left === right) mirror(tile);
      addTile(tile, scale, i.from * perExample, j.from * perExample, a === b && left !== right, out);
    }
  }
}

/** The Gram of the per-example gradients, a few units at a time. */
function addGradientProducts(a: LinearSide, b: LinearSide, scale: number, out: Matrix): void {
  const { units } = sizesOf(a);
  for (const { from, to } of ranges(units, Math.min(chunkOf(a), chunkOf(b)))) {
    const ga = inRows(gradients(a, from, to), out.rows);
    const gb = a === b ? ga : inRows(gradients(b, from, to), out.cols);
    for (const i of ranges(out.rows, tileRows)) {
      const left = rowRange(ga, i.from, i.to);
      for (const j of ranges(out.cols, tileRows)) {
        if (a === b && j.from > i.from) break;
        const right = a === b && j.from === i.from ? left : rowRange(gb, j.from, j.to);
        addTile(products(left, right), scale, i.from, j.from, a === b && left !== right, out);
      }
    }
  }
}

interface Range {
  readonly from: number;
  readonly to: number;
}

function* ranges(count: number, size: number): Generator<Range> {
  for (let from = 0; from < count; from += size) yield { from, to: Math.min(count, from + size) };
}

/** The inputs of some examples (a row a position) and their cotangents (a row a position and output), in f64. */
interface ExampleRows {
  readonly inputs: Matrix;
  readonly cotangents: Matrix;
}

/** Reads examples of a side into the same arrays each time: a new pair for each tile would wait for the collector. */
function rowReader(side: LinearSide, count: number, perExample: number): (range: Range) => ExampleRows {
  const { positions, features, units, outputs } = sizesOf(side);
  const inputs = new Float64Array(count * positions * features);
  const cotangents = new Float64Array(count * positions * outputs * units);
  return ({ from, to }) => {
    const rows = (to - from) * positions;
    const start = from * positions;
    inputs.set(side.inputs.data.subarray(start * features, (start + rows) * features));
    stack(side, start, rows, cotangents);
    const view = (data: Float64Array, n: number, cols: number) => matrix(n, cols, data.subarray(0, n * cols));
    return {
      inputs: view(inputs, rows, features),
      cotangents: view(cotangents, rows * perExample, (outputs * units) / perExample),
    };
  };
}

function sumOverPairs(
  a: ExampleRows,
  b: ExampleRows,
  positions: number,
  perExample: number,
  bias: number,
): Matrix {
  const inputs = products(a.inputs, b.inputs);
  const cotangents = products(a.cotangents, b.cotangents);
  const pairs = positions ** 2;
  const out = pairs === 1 ? cotangents : matrix(cotangents.rows / positions, cotangents.cols / positions);
  const n = inputs.cols / positions;
  for (let r = 0, k = 0; r < cotangents.rows; r++) {
    const position = Math.floor(r / perExample);
    const start = (Math.floor(position / positions) * perExample + (r % perExample)) * out.cols;
    for (let e = 0, f = position * inputs.cols; e < n; e++) {
      for (let t = 0; t < positions; t++, f++) {
        const factor = inputs.data[f]! + bias;
        for (let q = start + e * perExample; q < start + (e + 1) * perExample; q++, k++) {
          if (pairs === 1) out.data[q]! *= factor;
          else out.data[q]! += factor * cotangents.data[k]!;
        }
      }
    }
  }
  return out;
}

/** A Bᵀ. */
function products(a: Matrix, b: Matrix): Matrix {
  return a === b ? gramOf(a) : multiply(a, b, { b: true });
}

/** Adds a tile in its place, and its transpose in the mirrored place on request. */
function addTile(
  tile: Matrix,
  scale: number,
  top: number,
  left: number,
  mirrored: boolean,
  out: Matrix,
): void {
  for (let r = 0, k = 0; r < tile.rows; r++) {
    const start = (top + r) * out.cols + left;
    for (let c = 0; c < tile.cols; c++) out.data[start + c]! += scale * tile.data[k++]!;
  }
  if (!mirrored) return;
  for (let c = 0; c < tile.cols; c++) {
    const start = (left + c) * out.cols + top;
    for (let r = 0; r < tile.rows; r++) out.data[start + r]! += scale * tile.data[r * tile.cols + c]!;
  }
}

/** How many units' gradients fit into the scratch. */
function chunkOf(side: LinearSide): number {
  const { n, features, outputs } = sizesOf(side);
  return Math.max(1, Math.floor(scratch / (n * outputs * (features + 1))));
}

/** Visits the gradients of a few units at a time, `from` the first one. */
function eachGradients(side: LinearSide, visit: (gradients: Tensor, from: number) => void): void {
  for (const { from, to } of ranges(sizesOf(side).units, chunkOf(side)))
    visit(gradients(side, from, to), from);
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

/** The cotangents of all outputs side by side, [rows, outputs, units], from a row (an example's position) on. */
function stack({ cotangents }: LinearSide, from: number, rows: number, to: Float64Array): void {
  const outputs = cotangents.length;
  const units = cotangents[0]!.shape[2]!;
  cotangents.forEach(({ data }, p) => {
    for (let r = 0; r < rows; r++) {
      const start = (from + r) * units;
      to.set(data.subarray(start, start + units), (r * outputs + p) * units);
    }
  });
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
