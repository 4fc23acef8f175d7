import { engine } from "../../engine/index.ts";
import { ShapeError } from "../../errors/index.ts";
import { floatsLike, sizeOf, type Tensor } from "../../linalg/index.ts";
import type { Layer, Shape } from "../layer.ts";

/** Products of the matrices in the last two axes of two inputs, [… , rows, inner] times [… , inner, cols]. */
export function fanInMatmul(): Layer {
  const outputShape = (a: Shape, b: Shape = []): Shape => {
    const fits = a.length >= 2 && a.length === b.length && a.at(-1) === b.at(-2);
    if (!fits || a.slice(0, -2).join() !== b.slice(0, -2).join()) {
      throw new ShapeError(
        `fanInMatmul takes … × rows × inner and … × inner × cols, got ${a.join(" × ")} and ${b.join(" × ")}`,
      );
    }
    return [...a.slice(0, -1), b.at(-1)!];
  };
  const layer: Layer<readonly [Tensor, Tensor]> = {
    definition: { kind: "fanInMatmul" },
    outputShape,
    weightShapes: () => ({}),
    init: () => ({}),
    forward: (_weights, a, b) => ({ y: multiply(a, b!), tape: [a, b!] }),
    vjp: (_weights, [a, b], dy) => ({
      dx: (input = 0) => (input === 0 ? multiply(dy, b, false, true) : multiply(a, dy, true, false)),
      dweights: () => ({}),
    }),
    jvp(_weights, [a, b], da, _dweights, db) {
      const parts = [...(da ? [multiply(da, b)] : []), ...(db ? [multiply(a, db)] : [])];
      const [first, second] = parts;
      if (first && second) for (let k = 0; k < first.data.length; k++) first.data[k]! += second.data[k]!;
      return first!;
    },
  };
  return layer as Layer;
}

/** A B, or with one of them transposed, for each of the leading places. */
function multiply(a: Tensor, b: Tensor, transposeA = false, transposeB = false): Tensor {
  const [rowsA, colsA] = a.shape.slice(-2) as [number, number];
  const [rowsB, colsB] = b.shape.slice(-2) as [number, number];
  const rows = transposeA ? colsA : rowsA;
  const inner = transposeA ? rowsA : colsA;
  const cols = transposeB ? rowsB : colsB;
  const lead = a.shape.slice(0, -2);
  const data = floatsLike(a.data, sizeOf(lead) * rows * cols);
  for (let i = 0; i < sizeOf(lead); i++) {
    const left = { data: a.data, offset: i * rowsA * colsA, stride: colsA, transposed: transposeA };
    const right = { data: b.data, offset: i * rowsB * colsB, stride: colsB, transposed: transposeB };
    engine().gemm(rows, cols, inner, 1, left, right, 0, { data, offset: i * rows * cols, stride: cols });
  }
  return { shape: [...lead, rows, cols], data };
}
