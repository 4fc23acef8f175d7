import { engine, type Floats } from "../engine/index.ts";
import { block, type Matrix, matrix, mirror } from "../linalg/index.ts";
import { addOwnProducts, type Layer, type TangentSide } from "../networks/index.ts";

/** What a contraction asks of a layer. */
export type ContractedLayer = Pick<Layer, "addTangentGram" | "addTangentDiagonal">;

/** Gradients that were written out once: `rows` rows of `cols` numbers, `stride` apart from `offset` on in each part. */
export interface WrittenGradients {
  readonly parts: readonly Floats[];
  /** Rows in each part but the last, which may have fewer. */
  readonly rowsPerPart: number;
  readonly rows: number;
  readonly cols: number;
  readonly offset: number;
  readonly stride: number;
}

/** A side of written gradients alone. */
export function writtenSide(tape: WrittenGradients): TangentSide<unknown> {
  return { tape, cotangents: [] };
}

// Numbers of a side that are in f64 at a time, in memory that is used again: 16 MB.
const widened = 2_000_000;

/** A layer's share of J Jᵀ from gradients that were written out: products in f64, whatever the network's precision. */
export const writtenGradients: ContractedLayer = {
  addTangentGram(sideA, sideB, scale, out) {
    const a = sideA.tape as WrittenGradients;
    const b = sideB.tape as WrittenGradients;
    const same = sideA === sideB;
    const count = Math.max(1, Math.floor(widened / Math.max(a.rows, b.rows)));
    const gram = same ? matrix(a.rows, a.rows) : undefined;
    const wide = new Float64Array(a.rows * Math.min(count, a.cols));
    const other = same ? wide : new Float64Array(b.rows * Math.min(count, b.cols));
    for (let from = 0; from < a.cols; from += count) {
      const to = Math.min(a.cols, from + count);
      const left = { ...block(columns(a, from, to, wide)), transposed: false };
      if (gram) engine().syrk(a.rows, to - from, 1, left, 1, block(gram));
      else {
        const right = { ...block(columns(b, from, to, other)), transposed: true };
        engine().gemm(a.rows, b.rows, to - from, scale, left, right, 1, block(out));
      }
    }
    if (!gram) return;
    mirror(gram);
    for (let k = 0; k < gram.data.length; k++) out.data[k]! += scale * gram.data[k]!;
  },

  addTangentDiagonal(side, scale, out) {
    const written = side.tape as WrittenGradients;
    const wide = new Float64Array(written.rows * written.cols);
    addOwnProducts(columns(written, 0, written.cols, wide), scale, out);
  },
};

/** Some columns of the rows, in f64, written to `wide`. */
function columns(
  { parts, rowsPerPart, rows, offset, stride }: WrittenGradients,
  from: number,
  to: number,
  wide: Float64Array,
): Matrix {
  for (let r = 0; r < rows; r++) {
    const data = parts[Math.floor(r / rowsPerPart)]!;
    const start = offset + (r % rowsPerPart) * stride;
    wide.set(data.subarray(start + from, start + to), r * (to - from));
  }
  return matrix(rows, to - from, wide.subarray(0, rows * (to - from)));
}
