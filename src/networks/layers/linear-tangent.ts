import { engine } from "../../engine/index.ts";
import {
  block,
  borrow,
  giveBack,
  gramOf,
  type Matrix,
  matrix,
  mirror,
  multiply,
  operand,
  rowRange,
  type Tensor,
} from "../../linalg/index.ts";
import type { JacobianRows } from "../layer.ts";
import { addOwnProducts } from "./gradient-tangent.ts";
import {
  type LinearSide,
  linearGradients,
  linearSizes,
  positionsFirst,
  type Range,
  ranges,
  unitsAtOnce,
} from "./linear-gradients.ts";

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
  const { n, positions, outputs, units } = linearSizes(side);
  const rows = out.length === n ? n : n * outputs;
  if (positions > 1) {
    for (const some of ranges(units, unitsAtOnce(side))) {
      addOwnProducts(inRows(linearGradients(side, some), rows), scale, out);
    }
    return;
  }
  const x = inRows(side.inputs, n);
  const stacked = new Float64Array(n * outputs * units);
  stack(positionsFirst(side), 0, n, stacked);
  const own = new Float64Array(out.length);
  addOwnProducts(matrix(rows, stacked.length / rows, stacked), scale, own);
  const perExample = out.length / n;
  for (let i = 0; i < n; i++) {
    const factor = squaredNorm(x, i) + (side.bias ? 1 : 0);
    for (let k = i * perExample; k < (i + 1) * perExample; k++) out[k]! += factor * own[k]!;
  }
}

/** The rows ∂f_p(x_i)/∂w, point-major, into columns `column` … of `out`: weight [units, features], then bias. */
export function writeLinearJacobian(side: LinearSide, out: JacobianRows, column: number): void {
  const { data: written } = out;
  const { features, units } = linearSizes(side);
  for (const { from, to } of ranges(units, unitsAtOnce(side))) {
    const { data } = linearGradients(side, { from, to });
    for (let r = 0, k = 0; r < out.rows; r++) {
      const start = r * out.cols + column;
      for (let u = from, at = start + from * features; u < to; u++) {
        for (const end = at + features; at < end; at++) written[at] = data[k++]!;
        if (side.bias) written[start + units * features + u] = data[k++]!;
      }
    }
  }
}

/** Operations of the two ways, counted for one pair of examples. */
function pairsAreCheaper(a: LinearSide, b: LinearSide, out: Matrix): boolean {
  const { n, positions, features, units, outputs } = linearSizes(a);
  const m = linearSizes(b).n;
  const entries = (out.rows / n) * (out.cols / m);
  const cotangents = Math.max(outputs, entries) * units;
  const pairs = positions ** 2 * (features + cotangents + perStep * entries);
  const forming = (outputs * positions * units * features * (n + m)) / (n * m);
  return pairs <= cotangents * features + forming;
}

/** Σ_st (a_s·a′_t + 1)(Δ_s·Δ′_t), a tile of examples at a time. */
function addPairs(a: LinearSide, b: LinearSide, scale: number, out: Matrix): void {
  const { n, positions } = linearSizes(a);
  const perExample = out.rows / n;
  const m = linearSizes(b).n;
  const count = Math.min(Math.max(n, m), Math.max(1, Math.floor(tileRows / (positions * perExample))));
  const readLeft = rowReader(a, count, perExample);
  // Of one batch with itself in one tile there is no other side.
  const readRight = a === b && n <= count ? readLeft : rowReader(b, count, perExample);
  const bias = a.bias ? 1 : 0;
  for (const i of ranges(n, count)) {
    const left = readLeft.rows(i);
    for (const j of ranges(m, count)) {
      if (a === b && j.from > i.from) break;
      const right = a === b && j.from === i.from ? left : readRight.rows(j);
      if (left === right && positions === 1) {
        addOwnPairs(left, perExample, bias, scale, i.from * perExample, out);
        continue;
      }
      const tile = sumOverPairs(left, right, positions, perExample, bias);
      // Sums over pairs of positions come in another order in the other triangle.
      if (left === right) mirror(tile);
      addTile(tile, scale, i.from * perExample, j.from * perExample, a === b && left !== right, out);
    }
  }
  for (const reader of new Set([readLeft, readRight])) reader.close();
}

/** The Gram of the per-example gradients, a few units at a time. */
function addGradientProducts(a: LinearSide, b: LinearSide, scale: number, out: Matrix): void {
  const { units } = linearSizes(a);
  for (const some of ranges(units, Math.min(unitsAtOnce(a), unitsAtOnce(b)))) {
    const ga = inRows(linearGradients(a, some), out.rows);
    const gb = a === b ? ga : inRows(linearGradients(b, some), out.cols);
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

/** The inputs of some examples (a row a position) and their cotangents (a row a position and output), in f64. */
interface ExampleRows {
  readonly inputs: Matrix;
  readonly cotangents: Matrix;
}

/** Reads examples of a side into the same arrays each time: a new pair for each tile would wait for the collector. */
interface RowReader {
  rows(range: Range): ExampleRows;
  /** Lends the arrays out again: what was read is gone. */
  close(): void;
}

function rowReader(side: LinearSide, count: number, perExample: number): RowReader {
  const { positions, features, units, outputs } = linearSizes(side);
  const laid = positionsFirst(side);
  const inputs = borrow(count * positions * features);
  const cotangents = borrow(count * positions * outputs * units);
  return {
    rows({ from, to }) {
      const rows = (to - from) * positions;
      const start = from * positions;
      inputs.set(side.inputs.data.subarray(start * features, (start + rows) * features));
      stack(laid, start, rows, cotangents);
      const view = (data: Float64Array, n: number, cols: number) =>
        matrix(n, cols, data.subarray(0, n * cols));
      return {
        inputs: view(inputs, rows, features),
        cotangents: view(cotangents, rows * perExample, (outputs * units) / perExample),
      };
    },
    close() {
      giveBack(inputs);
      giveBack(cotangents);
    },
  };
}

// Rows and columns of a symmetric tile that are passed at a time: both triangles stay in the cache.
const ownRowsAtOnce = 64;

/** The pairs of examples of one position with themselves, each entry computed once: (a_i·a_j + 1)(Δ_i·Δ_j). */
function addOwnPairs(
  { inputs, cotangents }: ExampleRows,
  perExample: number,
  bias: number,
  scale: number,
  top: number,
  out: Matrix,
): void {
  const factors = lowerGram(inputs, new Float64Array(inputs.rows ** 2));
  // Memory that is used again, layer after layer.
  const products = lowerGram(cotangents, borrow(cotangents.rows ** 2));
  const { rows } = cotangents;
  const { data, cols } = out;
  const examples = Math.max(1, Math.floor(ownRowsAtOnce / perExample));
  for (const i of ranges(inputs.rows, examples)) {
    for (const j of ranges(i.to, examples)) {
      for (let r = i.from * perExample; r < i.to * perExample; r++) {
        const e = Math.floor(r / perExample);
        const row = (top + r) * cols + top;
        for (let f = j.from, k = r * rows + f * perExample; f < Math.min(e + 1, j.to); f++) {
          const factor = scale * (factors[e * inputs.rows + f]! + bias);
          // Of an example with itself, up to the diagonal.
          const count = f < e ? perExample : (r % perExample) + 1;
          let below = row + f * perExample;
          let above = (top + f * perExample) * cols + top + r;
          for (const end = k + count; k < end; k++, below++, above += cols) {
            const v = factor * products[k]!;
            data[below]! += v;
            if (above !== below) data[above]! += v;
          }
        }
      }
    }
  }
  giveBack(products);
}

/** The lower triangle of A Aᵀ; above, what was there. */
function lowerGram(a: Matrix, out: Float64Array): Float64Array {
  engine().syrk(a.rows, a.cols, 1, operand(a), 0, block(matrix(a.rows, a.rows, out)));
  return out;
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

/** All outputs' cotangents [n, positions, units] side by side, [rows, outputs, units], from a row (an example's position) on. */
function stack(cotangents: readonly Tensor[], from: number, rows: number, to: Float64Array): void {
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
