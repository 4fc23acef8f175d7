import { dot, gramOf, type Matrix, matrix, multiply } from "../linalg/index.ts";
import { columnsNeeded, perColumn, perValue } from "./columns.ts";
import { dotProductJet } from "./jet.ts";
import type { Kernel } from "./kernel.ts";
import type { Gradient, Parameters } from "./parameters.ts";

/**
 * variance · h(a·b, a·a, b·b) of weighted points a = (√weights ∘ x, √bias): what linear, polynomial and arc-cosine
 * kernels have in common. A family says h with its slopes, and how paths are drawn.
 */
export interface DotProduct {
  readonly kind: string;
  readonly options?: Readonly<Record<string, number>>;
  readonly parameters: Parameters;
  with(parameters: Parameters): Kernel;
  /** The parameter that weighs columns, one or one a column. */
  readonly weights: string;
  /** The parameter of the constant column, if there is one. */
  readonly bias?: string;
  /** The parameter that multiplies the whole, if there is one. */
  readonly variance?: string;
  /** h at p = a·b, q = a·a, r = b·b. */
  value(p: number, q: number, r: number): number;
  /** ∂h/∂p, ∂h/∂q and ∂h/∂r into `out`. */
  slopes(p: number, q: number, r: number, out: Float64Array): void;
  /** ∂²h/∂p², of families that read p alone: those have jets. */
  curvature?(p: number): number;
  /** Random features of points weighted as above; see Kernel.features. Times √variance they are the kernel's. */
  features: NonNullable<Kernel["features"]>;
  path: Kernel["path"];
  startAt(x: Matrix, variance: number): Kernel;
}

export function dotProduct(family: DotProduct): Kernel {
  const { kind, options, parameters, weights, bias } = family;
  const size = family.variance === undefined ? 1 : parameters[family.variance]!.value[0]!;
  const place = (x: Matrix) => weigh(kind, parameters, weights, bias, x);

  const cross = (x: Matrix, z: Matrix): Matrix => {
    const same = z === x;
    const a = place(x);
    const b = same ? a : place(z);
    const products = same ? gramOf(a) : multiply(a, b, { b: true });
    const q = squaredNorms(a);
    const r = same ? q : squaredNorms(b);
    const { data } = products; // fresh: overwritten
    for (let i = 0, k = 0; i < x.rows; i++) {
      for (let j = 0; j < z.rows; j++, k++) {
        // The norm itself on the diagonal, so that no rounding comes between a point and itself.
        data[k] = size * family.value(same && i === j ? q[i]! : data[k]!, q[i]!, r[j]!);
      }
    }
    return products;
  };

  /** ⟨bar, h⟩ and its derivatives in the weighted points, times `size`. */
  const pull = (x: Matrix, z: Matrix | undefined, bar: Matrix) => {
    const a = place(x);
    const b = z ? place(z) : a;
    const products = multiply(a, b, { b: true });
    const q = squaredNorms(a);
    const r = z ? squaredNorms(b) : q;
    const ofQ = new Float64Array(a.rows);
    const ofR = new Float64Array(b.rows);
    const slopes = new Float64Array(3);
    let value = 0;
    for (let i = 0, k = 0; i < a.rows; i++) {
      for (let j = 0; j < b.rows; j++, k++) {
        const p = !z && i === j ? q[i]! : products.data[k]!;
        const w = bar.data[k]!;
        value += w * family.value(p, q[i]!, r[j]!);
        family.slopes(p, q[i]!, r[j]!, slopes);
        products.data[k] = size * w * slopes[0]!;
        ofQ[i]! += 2 * size * w * slopes[1]!;
        ofR[j]! += 2 * size * w * slopes[2]!;
      }
    }
    const ga = multiply(products, b);
    const gb = multiply(products, a, { a: true });
    addScaledRows(ga, a, ofQ);
    addScaledRows(gb, b, ofR);
    if (z) return { value, a, ga, b, gb };
    for (let k = 0; k < ga.data.length; k++) ga.data[k]! += gb.data[k]!;
    return { value, a, ga, b: undefined, gb: undefined };
  };

  return {
    outputs: 1,
    inputs: columnsNeeded(parameters[weights]!.value),
    parameters,
    definition: { kind, ...(options && { options }) },
    with: family.with,
    gram: (x) => cross(x, x),
    cross,
    diagonal: (x) => squaredNorms(place(x)).map((q) => size * family.value(q, q, q)),
    pullback(x, z, bar) {
      const { value, a, ga, b, gb } = pull(x, z, bar);
      // a_c = √w_c x_c: ∂a_c/∂w_c = a_c / (2 w_c).
      const columns = new Float64Array(a.cols);
      addColumnDots(columns, a, ga);
      if (b && gb) addColumnDots(columns, b, gb);
      const count = parameters[weights]!.value.length;
      const w = perColumn(kind, weights, parameters[weights]!.value, x.cols);
      const gradient: Record<string, Float64Array> = {
        [weights]: perValue(
          w.map((v, c) => columns[c]! / (2 * v)),
          count,
        ),
      };
      if (bias) gradient[bias] = Float64Array.of(columns[x.cols]! / (2 * parameters[bias]!.value[0]!));
      if (family.variance !== undefined) gradient[family.variance] = Float64Array.of(value);
      return gradient satisfies Gradient;
    },
    pullbackInputs(x, z, bar) {
      const { ga, gb } = pull(x, z, bar);
      const w = perColumn(kind, weights, parameters[weights]!.value, x.cols).map(Math.sqrt);
      const unweigh = (g: Matrix, rows: number) => {
        const out = matrix(rows, x.cols);
        for (let i = 0; i < rows; i++) {
          for (let c = 0; c < x.cols; c++) out.data[i * x.cols + c] = w[c]! * g.data[i * g.cols + c]!;
        }
        return out;
      };
      return gb ? { x: unweigh(ga, x.rows), z: unweigh(gb, gb.rows) } : { x: unweigh(ga, x.rows) };
    },
    ...(family.curvature && {
      jet(x: Matrix, z: Matrix) {
        const w = perColumn(kind, weights, parameters[weights]!.value, x.cols);
        const slopes = new Float64Array(3);
        return dotProductJet(w, bias ? parameters[bias]!.value[0]! : 0, x, z, (p, out) => {
          family.slopes(p, 0, 0, slopes);
          out[0] = size * family.value(p, 0, 0);
          out[1] = size * slopes[0]!;
          out[2] = size * family.curvature!(p);
        });
      },
    }),
    features: family.features,
    path: family.path,
    startAt: family.startAt,
  };
}

/** (√weights ∘ x, √bias), n × d or, with a bias, n × (d + 1). */
export function weigh(
  kind: string,
  parameters: Parameters,
  weights: string,
  bias: string | undefined,
  x: Matrix,
): Matrix {
  const w = perColumn(kind, weights, parameters[weights]!.value, x.cols).map(Math.sqrt);
  const cols = x.cols + (bias ? 1 : 0);
  const out = matrix(x.rows, cols);
  const last = bias ? Math.sqrt(parameters[bias]!.value[0]!) : 0;
  for (let i = 0; i < x.rows; i++) {
    for (let c = 0; c < x.cols; c++) out.data[i * cols + c] = w[c]! * x.data[i * x.cols + c]!;
    if (bias) out.data[i * cols + x.cols] = last;
  }
  return out;
}

function squaredNorms(a: Matrix): Float64Array {
  return Float64Array.from({ length: a.rows }, (_, i) => {
    const row = a.data.subarray(i * a.cols, (i + 1) * a.cols);
    return dot(row, row);
  });
}

/** out_i += factor_i a_i, row by row, in place. */
function addScaledRows(out: Matrix, a: Matrix, factors: Float64Array): void {
  for (let i = 0, k = 0; i < a.rows; i++) {
    for (let c = 0; c < a.cols; c++, k++) out.data[k]! += factors[i]! * a.data[k]!;
  }
}

/** out_c += Σ_i a_ic b_ic, in place. */
function addColumnDots(out: Float64Array, a: Matrix, b: Matrix): void {
  for (let k = 0; k < a.data.length; k++) out[k % a.cols]! += a.data[k]! * b.data[k]!;
}
