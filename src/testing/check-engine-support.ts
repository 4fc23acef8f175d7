import type { Block, Engine, Floats, Operand } from "../engine/engine.ts";

export const U64 = 2 ** -53;
export const U32 = 2 ** -24;

/** Sizes around every block the engines use: register tiles (2 to 8), leaves (24, 48), blocks (96, 192, 256). */
export const ORDERS = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 23, 24, 25, 31, 47, 48, 49, 64, 95, 96, 97, 130, 192, 211,
];

export class Checker {
  private state = 20261123;
  readonly engine: Engine;
  readonly reference: Engine;
  constructor(engine: Engine, reference: Engine) {
    this.engine = engine;
    this.reference = reference;
  }

  fail(what: string): never {
    throw new Error(`checkEngine(${this.engine.name}): ${what}`);
  }

  /** Uniform on [−1, 1): a 32-bit mixing of a counter, so that failures repeat. */
  random(): number {
    this.state = (this.state + 0x9e3779b9) | 0;
    let z = this.state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return ((z ^ (z >>> 16)) >>> 0) / 2 ** 31 - 1;
  }

  /** A random block with `gap` more columns in storage than it uses, somewhere inside its array. */
  block<A extends Floats>(of: new (n: number) => A, rows: number, cols: number, gap = 0): Block<A> {
    const offset = gap * 2;
    const stride = cols + gap;
    const data = new of(offset + rows * stride + gap);
    for (let i = 0; i < data.length; i++) data[i] = this.random();
    return { data, offset, stride };
  }

  /** A well-conditioned covariance I + G Gᵀ / n, both triangles. */
  covariance(n: number, gap = 0): Block {
    const a = this.block(Float64Array, n, n, gap);
    const g = { ...this.block(Float64Array, n, n), transposed: false };
    this.reference.gemm(n, n, n, 1 / Math.max(1, n), g, { ...g, transposed: true }, 0, a);
    for (let i = 0; i < n; i++) a.data[at(a, i, i)]! += 1;
    return a;
  }

  /** Fails unless |x − y| ≤ bound at every element of the block, and x has y's value outside the block. */
  close<A extends Floats>(
    what: string,
    rows: number,
    cols: number,
    x: Block<A>,
    y: Block<A>,
    bound: (i: number, j: number) => number,
    lower = false,
  ): void {
    const inside = new Uint8Array(x.data.length);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < (lower ? i + 1 : cols); j++) {
        const p = at(x, i, j);
        inside[p] = 1;
        const error = Math.abs(x.data[p]! - y.data[p]!);
        const allowed = bound(i, j);
        if (!(error <= allowed) && !Object.is(x.data[p], y.data[p])) {
          this.fail(`${what}: element (${i}, ${j}) is ${x.data[p]}, expected ${y.data[p]} ± ${allowed}`);
        }
      }
    }
    for (let p = 0; p < inside.length; p++) {
      if (!inside[p] && !Object.is(x.data[p], y.data[p])) {
        this.fail(`${what}: wrote ${x.data[p]} at array index ${p}, outside its output (was ${y.data[p]})`);
      }
    }
  }
}

export function at(b: Block<Floats>, i: number, j: number): number {
  return b.offset + i * b.stride + j;
}

export function copyOf<A extends Floats>(b: Block<A>): Block<A> {
  return { ...b, data: b.data.slice() as A };
}

export function magnitudes<A extends Floats, O extends Block<A>>(b: O): O {
  return { ...b, data: b.data.map(Math.abs) as A };
}

/** Plain dense copy (n × n) of a triangle, zero elsewhere. */
export function dense(n: number, t: Block, lower: boolean): Operand {
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = lower ? 0 : i; j < (lower ? i + 1 : n); j++) data[i * n + j] = t.data[at(t, i, j)]!;
  }
  return { data, offset: 0, stride: n, transposed: false };
}

/** Squared-exponential Gram matrix of close points with a small nugget: condition number about n / nugget. */
export function nearlySingular(n: number, nugget: number): Block {
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++)
      data[i * n + j] = Math.exp(-0.5 * ((i - j) / 20) ** 2) + (i === j ? nugget : 0);
  }
  return { data, offset: 0, stride: n };
}
