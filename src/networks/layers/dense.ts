import { engine } from "../../engine/index.ts";
import { ShapeError, UsageError } from "../../errors/index.ts";
import {
  floats,
  floatsLike,
  gramOf,
  type Matrix,
  multiply,
  sizeOf,
  type Tensor,
} from "../../linalg/index.ts";
import { split, uniform } from "../../random/index.ts";
import type { Layer, Shape, TangentSide, Weights } from "../layer.ts";

/** A dense layer's tape: its input, [n, inputs]. */
type Tape = Tensor;

/**
 * y = x Wᵀ + b: weight [units, inputs] as PyTorch keeps it, bias [units], both drawn uniformly between ±1/√inputs
 * as PyTorch does. Takes a flat input.
 */
export function dense(units: number): Layer<Tape> {
  if (!Number.isInteger(units) || units < 1) {
    throw new UsageError(`dense(units): units is a whole number of at least 1, got ${units}`);
  }
  return {
    definition: { kind: "dense", units },
    outputShape(input: Shape): Shape {
      if (input.length !== 1) {
        throw new ShapeError(`dense takes flat inputs, got shape ${input.join(" × ")}`);
      }
      return [units];
    },
    weightShapes: (input) => ({ weight: [units, input[0]!], bias: [units] }),
    init(key, input, precision): Weights {
      const inputs = input[0]!;
      const bound = 1 / Math.sqrt(inputs);
      const draw = (name: string, shape: Shape): Tensor => {
        const data = floats(precision, sizeOf(shape));
        uniform(split(key, name), data.length).forEach((u, i) => {
          data[i] = bound * (2 * u - 1);
        });
        return { shape, data };
      };
      return { weight: draw("weight", [units, inputs]), bias: draw("bias", [units]) };
    },
    forward(weights, x) {
      return { y: affine(x, weights.weight!, weights.bias!), tape: x };
    },
    vjp(weights, x, dy) {
      const [n, inputs] = sizes(x);
      return {
        dx() {
          const data = floatsLike(x.data, n * inputs);
          engine().gemm(n, inputs, units, 1, flat(dy, units), flat(weights.weight!, inputs), 0, {
            data,
            offset: 0,
            stride: inputs,
          });
          return { shape: [n, inputs], data };
        },
        dweights() {
          const weight = floatsLike(x.data, units * inputs);
          engine().gemm(units, inputs, n, 1, { ...flat(dy, units), transposed: true }, flat(x, inputs), 0, {
            data: weight,
            offset: 0,
            stride: inputs,
          });
          return {
            weight: { shape: [units, inputs], data: weight },
            bias: { shape: [units], data: columnSums(dy, units) },
          };
        },
      };
    },
    jvp(weights, x, dx, dweights) {
      const [n] = sizes(x);
      const fromInput = dx && affine(dx, weights.weight!, undefined);
      const fromWeights = dweights && affine(x, dweights.weight!, dweights.bias!);
      if (fromInput && fromWeights) {
        const data = fromInput.data;
        for (let i = 0; i < data.length; i++) data[i]! += fromWeights.data[i]!;
        return fromInput;
      }
      return fromInput ?? fromWeights ?? { shape: [n, units], data: floatsLike(x.data, n * units) };
    },
    addTangentGram(a, b, scale, out) {
      // ⟨Δ_i x_iᵀ, Δ_j x_jᵀ⟩ + ⟨Δ_i, Δ_j⟩ = (x_i·x_j + 1)(Δ_i·Δ_j): no weight gradient is ever formed.
      const same = a === b;
      const xa = wide(a.tape);
      const da = stackCotangents(a);
      const inputs = same ? gramOf(xa) : multiply(xa, wide(b.tape), { b: true });
      const deltas = same ? gramOf(da) : multiply(da, stackCotangents(b), { b: true });
      const outputs = a.cotangents.length;
      const cols = deltas.cols;
      for (let r = 0; r < deltas.rows; r++) {
        const from = Math.floor(r / outputs) * inputs.cols;
        for (let j = 0, c = r * cols; j < inputs.cols; j++) {
          const factor = scale * (inputs.data[from + j]! + 1);
          for (let q = 0; q < outputs; q++, c++) out.data[c]! += factor * deltas.data[c]!;
        }
      }
    },
    addTangentDiagonal(side, scale, out) {
      const x = wide(side.tape);
      const d = stackCotangents(side);
      const outputs = side.cotangents.length;
      for (let r = 0; r < d.rows; r++) {
        out[r]! += scale * (squaredNorm(x, Math.floor(r / outputs)) + 1) * squaredNorm(d, r);
      }
    },
    writeJacobian(side, out, column) {
      const x = wide(side.tape);
      const d = stackCotangents(side);
      const outputs = side.cotangents.length;
      for (let r = 0; r < d.rows; r++) {
        const from = Math.floor(r / outputs) * x.cols;
        let to = r * out.cols + column;
        for (let u = 0; u < units; u++) {
          const delta = d.data[r * units + u]!;
          for (let j = 0; j < x.cols; j++) out.data[to++] = delta * x.data[from + j]!;
        }
        for (let u = 0; u < units; u++) out.data[to++] = d.data[r * units + u]!;
      }
    },
  };
}

function sizes(x: Tensor): [examples: number, inputs: number] {
  return [x.shape[0]!, x.shape[1]!];
}

function flat(t: Tensor, stride: number) {
  return { data: t.data, offset: 0, stride, transposed: false };
}

/** x Wᵀ + b. */
function affine(x: Tensor, weight: Tensor, bias: Tensor | undefined): Tensor {
  const [n, inputs] = sizes(x);
  const units = weight.shape[0]!;
  const data = floatsLike(x.data, n * units);
  if (bias) for (let i = 0; i < n; i++) data.set(bias.data, i * units);
  engine().gemm(
    n,
    units,
    inputs,
    1,
    flat(x, inputs),
    { ...flat(weight, inputs), transposed: true },
    bias ? 1 : 0,
    { data, offset: 0, stride: units },
  );
  return { shape: [n, units], data };
}

function columnSums(t: Tensor, cols: number) {
  const sums = new Float64Array(cols);
  for (let k = 0; k < t.data.length; ) {
    for (let j = 0; j < cols; j++, k++) sums[j]! += t.data[k]!;
  }
  const out = floatsLike(t.data, cols);
  out.set(sums);
  return out;
}

/** A [n, d] tensor as an n × d matrix in f64. */
function wide(t: Tensor): Matrix {
  const data = t.data instanceof Float64Array ? t.data : Float64Array.from(t.data);
  return { rows: t.shape[0]!, cols: t.shape[1]!, data };
}

/** The cotangents of all outputs as rows, point-major, in f64: row i·o + p is example i's cotangent of output p. */
function stackCotangents(side: TangentSide<Tape>): Matrix {
  const first = side.cotangents[0]!;
  const [n, units] = sizes(first);
  const outputs = side.cotangents.length;
  if (outputs === 1) return wide(first);
  const data = new Float64Array(n * outputs * units);
  side.cotangents.forEach((cotangent, p) => {
    for (let i = 0; i < n; i++) {
      data.set(cotangent.data.subarray(i * units, (i + 1) * units), (i * outputs + p) * units);
    }
  });
  return { rows: n * outputs, cols: units, data };
}

function squaredNorm(a: Matrix, row: number): number {
  let sum = 0;
  for (let k = row * a.cols; k < (row + 1) * a.cols; k++) sum += a.data[k]! * a.data[k]!;
  return sum;
}
