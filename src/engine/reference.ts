import type { Block, Engine, Floats, Operand, Triangle } from "./engine.ts";
import { referenceElementwise } from "./reference-elementwise.ts";
import { referenceImages } from "./reference-images.ts";
import { referenceKernels } from "./reference-kernels.ts";
import { referenceWide } from "./reference-wide.ts";

/** Row and column stride of op(A). */
function strides(a: Operand<Floats>): readonly [rows: number, columns: number] {
  return a.transposed ? [1, a.stride] : [a.stride, 1];
}

/** row ← row + s b, for b's values `step` apart. */
function addRow(row: Float64Array, s: number, b: Floats, from: number, step: number): void {
  for (let j = 0, q = from; j < row.length; j++, q += step) row[j]! += s * b[q]!;
}

/** Σ a[x + p step] a[y + p step] over k terms. */
function product(k: number, a: Floats, x: number, y: number, step: number): number {
  let sum = 0;
  for (let p = 0; p < k; p++) sum += a[x + p * step]! * a[y + p * step]!;
  return sum;
}

/** The plain engine: textbook loops, obviously right, against which every other hand is tested. */
export const reference: Engine = {
  name: "reference",
  threads: 1,
  ...referenceKernels,
  ...referenceElementwise,
  ...referenceImages,
  ...referenceWide,

  gemm<A extends Floats>(
    m: number,
    n: number,
    k: number,
    alpha: number,
    a: Operand<A>,
    b: Operand<A>,
    beta: number,
    c: Block<A>,
  ) {
    // Row by row (axpy order), so that B is read along its rows when it lies untransposed.
    const row = new Float64Array(n);
    const [ar, ac] = strides(a);
    const [br, bc] = strides(b);
    for (let i = 0; i < m; i++) {
      row.fill(0);
      for (let p = 0; p < k; p++) {
        const aip = a.data[a.offset + i * ar + p * ac]!;
        addRow(row, aip, b.data, b.offset + p * br, bc);
      }
      for (let j = 0; j < n; j++) {
        const q = c.offset + i * c.stride + j;
        c.data[q] = alpha * row[j]! + (beta === 0 ? 0 : beta * c.data[q]!);
      }
    }
  },

  syrk(n: number, k: number, alpha: number, a: Operand, beta: number, c: Block) {
    const [ar, ac] = strides(a);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        const x = a.offset + i * ar;
        const y = a.offset + j * ar;
        const sum = product(k, a.data, x, y, ac);
        const q = c.offset + i * c.stride + j;
        c.data[q] = alpha * sum + (beta === 0 ? 0 : beta * c.data[q]!);
      }
    }
  },

  trsm(side: "left" | "right", m: number, n: number, t: Triangle, b: Block) {
    // X op(T) = B is op(T)ᵀ Xᵀ = Bᵀ: one substitution serves both sides, reading B by (equation, column).
    const size = side === "left" ? m : n;
    const columns = side === "left" ? n : m;
    const place = (i: number, j: number) =>
      b.offset + (side === "left" ? i * b.stride + j : j * b.stride + i);
    const [rows, cols] = strides(t);
    const coefficient = (i: number, j: number) =>
      t.data[t.offset + (side === "left" ? i * rows + j * cols : j * rows + i * cols)]!;
    // lower as stored, flipped by each transposition
    const forward = (t.lower !== t.transposed) === (side === "left");
    for (let j = 0; j < columns; j++) {
      for (let step = 0; step < size; step++) {
        const i = forward ? step : size - 1 - step;
        let sum = b.data[place(i, j)]!;
        if (forward) for (let p = 0; p < i; p++) sum -= coefficient(i, p) * b.data[place(p, j)]!;
        else for (let p = i + 1; p < size; p++) sum -= coefficient(i, p) * b.data[place(p, j)]!;
        b.data[place(i, j)] = sum / coefficient(i, i);
      }
    }
  },

  potrf(n: number, a: Block): number {
    const { data, offset, stride } = a;
    for (let j = 0; j < n; j++) {
      for (let i = j; i < n; i++) {
        let sum = data[offset + i * stride + j]!;
        for (let p = 0; p < j; p++) sum -= data[offset + i * stride + p]! * data[offset + j * stride + p]!;
        if (i === j) {
          if (!(sum > 0)) return j;
          data[offset + i * stride + j] = Math.sqrt(sum);
        } else data[offset + i * stride + j] = sum / data[offset + j * stride + j]!;
      }
    }
    return -1;
  },

  potri(n: number, a: Block) {
    const inverse = new Float64Array(n * n); // L⁻¹, lower
    for (let j = 0; j < n; j++) {
      for (let i = j; i < n; i++) {
        let sum = i === j ? 1 : 0;
        for (let p = j; p < i; p++) sum -= a.data[a.offset + i * a.stride + p]! * inverse[p * n + j]!;
        inverse[i * n + j] = sum / a.data[a.offset + i * a.stride + i]!;
      }
    }
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = 0;
        for (let p = i; p < n; p++) sum += inverse[p * n + i]! * inverse[p * n + j]!;
        a.data[a.offset + i * a.stride + j] = sum;
      }
    }
  },

  solveAndInvert(n: number, a: Block, columns: number, b: Block) {
    const pivot = reference.potrf(n, a);
    if (pivot >= 0) return { pivot, logDeterminant: Number.NaN };
    const l: Triangle = { ...a, lower: true, transposed: false };
    reference.trsm("left", n, columns, l, b);
    reference.trsm("left", n, columns, { ...l, transposed: true }, b);
    let logDeterminant = 0;
    for (let i = 0; i < n; i++) logDeterminant += 2 * Math.log(a.data[a.offset + i * (a.stride + 1)]!);
    reference.potri(n, a);
    return { pivot, logDeterminant };
  },

  syevd(n: number, a: Block, values: Float64Array, vectors: boolean): number {
    return jacobiEigen(n, a, values, vectors);
  },

  qr(m: number, n: number, a: Block, r: Block) {
    // Gram and Schmidt twice over: once more makes the columns orthogonal to working precision.
    const dot = (i: number, j: number): number => {
      let sum = 0;
      for (let p = 0; p < m; p++)
        sum += a.data[a.offset + p * a.stride + i]! * a.data[a.offset + p * a.stride + j]!;
      return sum;
    };
    for (let i = 0; i < n; i++) r.data.fill(0, r.offset + i * r.stride, r.offset + i * r.stride + n);
    for (let j = 0; j < n; j++) {
      for (let pass = 0; pass < 2; pass++) {
        for (let i = 0; i < j; i++) {
          const s = dot(i, j);
          r.data[r.offset + i * r.stride + j]! += s;
          for (let p = 0; p < m; p++) {
            a.data[a.offset + p * a.stride + j]! -= s * a.data[a.offset + p * a.stride + i]!;
          }
        }
      }
      const norm = Math.sqrt(dot(j, j));
      r.data[r.offset + j * r.stride + j] = norm;
      for (let p = 0; p < m; p++) a.data[a.offset + p * a.stride + j]! /= norm;
    }
  },

  choleskyUpdate(n: number, k: number, sign: 1 | -1, l: Block, v: Block): number {
    const sum: Block = { data: new Float64Array(n * n), offset: 0, stride: n };
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let s = 0;
        for (let p = 0; p <= j; p++) {
          s += l.data[l.offset + i * l.stride + p]! * l.data[l.offset + j * l.stride + p]!;
        }
        for (let p = 0; p < k; p++) {
          s += sign * v.data[v.offset + i * v.stride + p]! * v.data[v.offset + j * v.stride + p]!;
        }
        sum.data[i * n + j] = s;
      }
    }
    const pivot = reference.potrf(n, sum);
    if (pivot >= 0) return pivot;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) l.data[l.offset + i * l.stride + j] = sum.data[i * n + j]!;
    }
    return -1;
  },
};

/** Cyclic Jacobi rotations (Golub & Van Loan, 8.5): slow, simple, and accurate to the last digits. */
function jacobiEigen(n: number, a: Block, values: Float64Array, vectors: boolean): number {
  const s = new Float64Array(n * n);
  const v = new Float64Array(n * n);
  let norm = 0;
  for (let i = 0; i < n; i++) {
    v[i * n + i] = 1;
    for (let j = 0; j <= i; j++) {
      const x = a.data[a.offset + i * a.stride + j]!;
      s[i * n + j] = x;
      s[j * n + i] = x;
      norm += (i === j ? 1 : 2) * x * x;
    }
  }
  let failed = n;
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) off += 2 * s[i * n + j]! ** 2;
    if (off <= 1e-30 * norm) {
      failed = 0;
      break;
    }
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(n, s, v, p, q);
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => s[i * n + i]! - s[j * n + j]!);
  order.forEach((from, to) => {
    values[to] = s[from * n + from]!;
    if (vectors) for (let i = 0; i < n; i++) a.data[a.offset + i * a.stride + to] = v[i * n + from]!;
  });
  return failed;
}

/** One Jacobi rotation that zeroes s[p, q], applied to s on both sides and to v on the right. */
function rotate(n: number, s: Float64Array, v: Float64Array, p: number, q: number): void {
  const spq = s[p * n + q]!;
  if (spq === 0) return;
  const tau = (s[q * n + q]! - s[p * n + p]!) / (2 * spq);
  const t = (tau >= 0 ? 1 : -1) / (Math.abs(tau) + Math.sqrt(1 + tau * tau));
  const c = 1 / Math.sqrt(1 + t * t);
  const d = t * c;
  for (let i = 0; i < n; i++) {
    const sip = s[i * n + p]!;
    const siq = s[i * n + q]!;
    s[i * n + p] = c * sip - d * siq;
    s[i * n + q] = d * sip + c * siq;
  }
  for (let i = 0; i < n; i++) {
    const spi = s[p * n + i]!;
    const sqi = s[q * n + i]!;
    s[p * n + i] = c * spi - d * sqi;
    s[q * n + i] = d * spi + c * sqi;
  }
  for (let i = 0; i < n; i++) {
    const vip = v[i * n + p]!;
    const viq = v[i * n + q]!;
    v[i * n + p] = c * vip - d * viq;
    v[i * n + q] = d * vip + c * viq;
  }
}
