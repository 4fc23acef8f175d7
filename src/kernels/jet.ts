import type { KernelMap } from "../engine/index.ts";
import { UsageError } from "../errors/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { columnOf } from "./columns.ts";
import type { Kernel } from "./kernel.ts";

// A jet is a cross-covariance of values and gradients: n·(1 + d) × m·(1 + d), point-major, with the block
//   k          ∂k/∂z_e
//   ∂k/∂x_c    ∂²k/∂x_c ∂z_e
// of points x_i and z_j at rows i·(1 + d) + {0, 1 + c} and columns j·(1 + d) + {0, 1 + e}.

export type Jet = NonNullable<Kernel["jet"]>;

/** A jet of zeros for these points, and `at(i, j)`: where the block of a pair starts in its data. */
export function emptyJet(x: Matrix, z: Matrix) {
  const size = 1 + x.cols;
  const jet = matrix(x.rows * size, z.rows * size);
  return { jet, at: (i: number, j: number) => i * size * jet.cols + j * size };
}

/**
 * The jet of amplitude · f(s), s = ‖p(x) − p(z)‖². `a` and `b` are the points placed; `ta` and `tb` the derivatives of
 * each placed coordinate in the column it is made of, each column making equally many coordinates of its own.
 */
export function stationaryJet(
  map: KernelMap,
  amplitude: number,
  { x, placed: a, tangents: ta }: Placed,
  { x: z, placed: b, tangents: tb }: Placed,
): Matrix {
  const d = x.cols;
  const dims = a.cols;
  const each = dims / d;
  const { jet, at } = emptyJet(x, z);
  const toX = new Float64Array(d); // ½ ∂s/∂x_c
  const toZ = new Float64Array(d); // ½ ∂s/∂z_c
  const both = new Float64Array(d); // −½ ∂²s/∂x_c ∂z_c
  for (let i = 0; i < x.rows; i++) {
    for (let j = 0; j < z.rows; j++) {
      let s = 0;
      toX.fill(0);
      toZ.fill(0);
      both.fill(0);
      for (let k = 0; k < dims; k++) {
        const gap = a.data[i * dims + k]! - b.data[j * dims + k]!;
        const [u, w] = [ta.data[i * dims + k]!, tb.data[j * dims + k]!];
        const c = Math.floor(k / each);
        s += gap * gap;
        toX[c]! += gap * u;
        toZ[c]! -= gap * w;
        both[c]! += u * w;
      }
      const { value, slope, curvature } = derivativesOf(map, s);
      const start = at(i, j);
      jet.data[start] = amplitude * value;
      for (let c = 0; c < d; c++) {
        jet.data[start + 1 + c] = 2 * amplitude * slope * toZ[c]!;
        const row = start + (1 + c) * jet.cols;
        jet.data[row] = 2 * amplitude * slope * toX[c]!;
        for (let e = 0; e < d; e++) {
          const bent = 4 * curvature * toX[c]! * toZ[e]!;
          jet.data[row + 1 + e] = amplitude * (c === e ? bent - 2 * slope * both[c]! : bent);
        }
      }
    }
  }
  return jet;
}

/** Points, where a kernel puts them, and how each placed coordinate moves with its column. */
export interface Placed {
  readonly x: Matrix;
  readonly placed: Matrix;
  readonly tangents: Matrix;
}

/** f, f′ and f″ of a map at s. Matérn 3/2's f″ is infinite at 0, where all it multiplies is 0: 0 stands for it. */
function derivativesOf(map: KernelMap, s: number): { value: number; slope: number; curvature: number } {
  switch (map.name) {
    case "rbf": {
      const value = Math.exp(-s / 2);
      return { value, slope: -value / 2, curvature: value / 4 };
    }
    case "matern32": {
      const r = Math.sqrt(3 * s);
      const e = Math.exp(-r);
      return { value: (1 + r) * e, slope: -1.5 * e, curvature: s === 0 ? 0 : (2.25 * e) / r };
    }
    case "matern52": {
      const r = Math.sqrt(5 * s);
      const e = Math.exp(-r);
      return { value: (1 + r + (r * r) / 3) * e, slope: (-5 / 6) * (1 + r) * e, curvature: (25 / 12) * e };
    }
    case "rationalQuadratic": {
      const base = 1 + s / (2 * map.alpha);
      const value = base ** -map.alpha;
      const slope = (-0.5 * value) / base;
      return { value, slope, curvature: (-slope * (map.alpha + 1)) / (2 * map.alpha * base) };
    }
    default:
      throw new UsageError(`functions of ${map.name} have no derivatives`);
  }
}

/** The jet of a product: in each block, the rule of products once in x and once in z. */
export function productJet(a: Matrix, b: Matrix, size: number): Matrix {
  const out = matrix(a.rows, a.cols);
  for (let row = 0; row < a.rows; row++) {
    const top = row - (row % size); // the block's first row
    for (let col = 0; col < a.cols; col++) {
      const left = col - (col % size);
      const own = row * a.cols + col;
      const value = top * a.cols + left;
      const inX = row * a.cols + left;
      const inZ = top * a.cols + col;
      if (own === value) out.data[own] = a.data[own]! * b.data[own]!;
      else if (row === top || col === left) {
        out.data[own] = a.data[own]! * b.data[value]! + a.data[value]! * b.data[own]!;
      } else {
        out.data[own] =
          a.data[own]! * b.data[value]! +
          a.data[inX]! * b.data[inZ]! +
          a.data[inZ]! * b.data[inX]! +
          a.data[value]! * b.data[own]!;
      }
    }
  }
  return out;
}

/** The jet of a function h of weighted products p = Σ_c w_c x_c z_c + constant, from h, h′ and h″ there. */
export function dotProductJet(
  weights: Float64Array,
  bias: number,
  x: Matrix,
  z: Matrix,
  derivatives: (p: number, out: Float64Array) => void,
): Matrix {
  const d = x.cols;
  const { jet, at } = emptyJet(x, z);
  const h = new Float64Array(3);
  for (let i = 0; i < x.rows; i++) {
    const u = x.data.subarray(i * d, (i + 1) * d);
    for (let j = 0; j < z.rows; j++) {
      const v = z.data.subarray(j * d, (j + 1) * d);
      let p = bias;
      for (let c = 0; c < d; c++) p += weights[c]! * u[c]! * v[c]!;
      derivatives(p, h);
      const start = at(i, j);
      jet.data[start] = h[0]!;
      for (let c = 0; c < d; c++) {
        jet.data[start + 1 + c] = h[1]! * weights[c]! * u[c]!;
        const row = start + (1 + c) * jet.cols;
        jet.data[row] = h[1]! * weights[c]! * v[c]!;
        for (let e = 0; e < d; e++) {
          jet.data[row + 1 + e] =
            h[2]! * weights[c]! * v[c]! * weights[e]! * u[e]! + (c === e ? h[1]! * weights[c]! : 0);
        }
      }
    }
  }
  return jet;
}

/** The jet of amplitude · cos(t·(x − z)). */
export function waveJet(turns: Float64Array, amplitude: number, x: Matrix, z: Matrix): Matrix {
  const d = x.cols;
  const { jet, at } = emptyJet(x, z);
  for (let i = 0; i < x.rows; i++) {
    for (let j = 0; j < z.rows; j++) {
      let angle = 0;
      for (let c = 0; c < d; c++) angle += turns[c]! * (x.data[i * d + c]! - z.data[j * d + c]!);
      const [cos, sin] = [amplitude * Math.cos(angle), amplitude * Math.sin(angle)];
      const start = at(i, j);
      jet.data[start] = cos;
      for (let c = 0; c < d; c++) {
        jet.data[start + 1 + c] = turns[c]! * sin;
        const row = start + (1 + c) * jet.cols;
        jet.data[row] = -turns[c]! * sin;
        for (let e = 0; e < d; e++) jet.data[row + 1 + e] = turns[c]! * turns[e]! * cos;
      }
    }
  }
  return jet;
}

/** From a jet in some columns of the points to one in all `cols` of them: zeros for the columns not read. */
export function spreadJet(inner: Matrix, columns: readonly number[], cols: number): Matrix {
  const [small, large] = [1 + columns.length, 1 + cols];
  const out = matrix((inner.rows / small) * large, (inner.cols / small) * large);
  const place = (index: number) => {
    const within = index % small;
    return Math.floor(index / small) * large + (within === 0 ? 0 : 1 + columns[within - 1]!);
  };
  const across = Array.from({ length: inner.cols }, (_, j) => place(j));
  for (let i = 0, k = 0; i < inner.rows; i++) {
    const row = place(i) * out.cols;
    for (let j = 0; j < inner.cols; j++, k++) out.data[row + across[j]!]! += inner.data[k]!;
  }
  return out;
}

/** Derivatives of placed coordinates in their columns, from a placement's pull-back of one coordinate at a time. */
export function tangentsOf(placed: Matrix, cols: number, pullback: (bar: Matrix) => Matrix): Matrix {
  const each = placed.cols / cols;
  const out = matrix(placed.rows, placed.cols);
  for (let k = 0; k < placed.cols; k++) {
    const bar = matrix(placed.rows, placed.cols);
    for (let i = 0; i < placed.rows; i++) bar.data[i * placed.cols + k] = 1;
    const own = columnOf(pullback(bar), Math.floor(k / each));
    for (let i = 0; i < placed.rows; i++) out.data[i * placed.cols + k] = own[i]!;
  }
  return out;
}
