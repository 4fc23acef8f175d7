import { engine } from "../../engine/index.ts";
import { floatsLike, type Tensor } from "../../linalg/index.ts";

/**
 * What the tangent of a linear map needs of n examples, for a map that applies one weight matrix at every position,
 * y_p = W a_p (+ b): a position is a pixel of a convolution, a token of a sequence, or the one row of a dense layer.
 */
export interface LinearSide {
  /** a, [n, positions, features]. */
  readonly inputs: Tensor;
  /** One cotangent for each of the network's outputs: [n, positions, units], or [n, units, positions] as images lie. */
  readonly cotangents: readonly Tensor[];
  readonly order: "positions first" | "units first";
  readonly bias: boolean;
}

export interface LinearSizes {
  readonly n: number;
  readonly positions: number;
  readonly features: number;
  readonly units: number;
  readonly outputs: number;
}

export function linearSizes({ inputs, cotangents, order }: LinearSide): LinearSizes {
  const [n, positions, features] = inputs.shape as [number, number, number];
  const units = cotangents[0]!.shape[order === "units first" ? 1 : 2]!;
  return { n, positions, features, units, outputs: cotangents.length };
}

/** The cotangents as [n, positions, units], whichever way they lie. */
export function positionsFirst(side: LinearSide): readonly Tensor[] {
  if (side.order === "positions first") return side.cotangents;
  const { n, positions, units } = linearSizes(side);
  return side.cotangents.map(({ data }) => {
    const out = floatsLike(data, data.length);
    for (let i = 0; i < n; i++) {
      const start = i * positions * units;
      for (let u = 0; u < units; u++) {
        const plane = start + u * positions;
        for (let t = 0, to = start + u; t < positions; t++, to += units) out[to] = data[plane + t]!;
      }
    }
    return { shape: [n, positions, units], data: out };
  });
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

export function* ranges(count: number, size: number): Generator<Range> {
  for (let from = 0; from < count; from += size) yield { from, to: Math.min(count, from + size) };
}

// Numbers in the gradients that are written out at a time: 128 MB in f64.
const scratch = 16_000_000;

/** How many units' gradients fit into the scratch. */
export function unitsAtOnce(side: LinearSide): number {
  const { n, features, outputs } = linearSizes(side);
  return Math.max(1, Math.floor(scratch / (n * outputs * (features + 1))));
}

/**
 * The per-example gradients Σ_s Δ_s a_sᵀ of the weights (and Σ_s Δ_s of the bias, last) of a range of units:
 * [n, outputs, units, features (+ 1)].
 */
export function linearGradients(side: LinearSide, { from, to }: Range): Tensor {
  const { n, positions, features, outputs } = linearSizes(side);
  const width = features + (side.bias ? 1 : 0);
  const { data: inputs } = side.inputs;
  const rows = outputs * (to - from);
  const data = floatsLike(inputs, n * rows * width);
  const shape = [n, outputs, to - from, width];
  if (positions === 1) {
    writeOuterProducts(side, from, to, data);
    return { shape, data };
  }
  // One product an example, of all its outputs' cotangents with its inputs, and one with ones for the bias.
  const d = floatsLike(data, rows * positions);
  const ones = { data: floatsLike(data, positions).fill(1), offset: 0, stride: 1, transposed: false };
  const left =
    side.order === "units first"
      ? { data: d, offset: 0, stride: positions, transposed: false }
      : { data: d, offset: 0, stride: rows, transposed: true };
  for (let i = 0; i < n; i++) {
    packCotangents(side, i, from, to, d);
    const a = { data: inputs, offset: i * positions * features, stride: features, transposed: false };
    const g = { data, offset: i * rows * width, stride: width };
    engine().gemm(rows, features, positions, 1, left, a, 0, g);
    if (side.bias) engine().gemm(rows, 1, positions, 1, left, ones, 0, { ...g, offset: g.offset + features });
  }
  return { shape, data };
}

/** The same of all units, in an order other than `writeJacobian`'s: the bias of each unit comes after its weights. */
export function allLinearGradients(side: LinearSide): Tensor {
  return linearGradients(side, { from: 0, to: linearSizes(side).units });
}

function writeOuterProducts(side: LinearSide, from: number, to: number, out: Tensor["data"]): void {
  const { n, features, units } = linearSizes(side);
  const a = side.inputs.data;
  let k = 0;
  for (let i = 0; i < n; i++) {
    for (const { data: dy } of side.cotangents) {
      for (let u = from; u < to; u++) {
        const d = dy[i * units + u]!;
        for (let f = i * features; f < (i + 1) * features; f++) out[k++] = d * a[f]!;
        if (side.bias) out[k++] = d;
      }
    }
  }
}

/** An example's cotangents of a range of units, all outputs together, as they lie: units or positions first. */
function packCotangents(side: LinearSide, i: number, from: number, to: number, out: Tensor["data"]): void {
  const { positions, units, outputs } = linearSizes(side);
  const start = i * positions * units;
  const count = to - from;
  side.cotangents.forEach(({ data }, p) => {
    if (side.order === "units first") {
      out.set(data.subarray(start + from * positions, start + to * positions), p * count * positions);
      return;
    }
    for (let t = 0; t < positions; t++) {
      const at = start + t * units;
      out.set(data.subarray(at + from, at + to), (t * outputs + p) * count);
    }
  });
}
