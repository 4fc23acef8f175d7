import { rbf } from "../../src/kernels/index.ts";
import { type Matrix, matrix } from "../../src/linalg/index.ts";
import { type Key, normal, split, uniform } from "../../src/random/index.ts";

/** `count` points of a curved two-dimensional surface in `columns` dimensions, drawn from Gaussian processes, sd 1. */
export function manifold(key: Key, count: number, columns: number, noise = 0.05): { x: Matrix; y: Matrix } {
  const x = matrix(count, 2, normal(split(key, "x"), 2 * count));
  const y = matrix(count, columns);
  const errors = normal(split(key, "noise"), count * columns);
  for (let c = 0; c < columns; c++) {
    const f = rbf({ lengthscale: 1.8 }).path(split(split(key, "function"), c), 2);
    f.at(x).data.forEach((v, i) => {
      y.data[i * columns + c] = v + noise * errors[i * columns + c]!;
    });
  }
  return { x, y };
}

/**
 * The two views of Damianou et al. (2012), section 4.1: `count` values of α over two turns; ten columns each, of which
 * the first five mix the shared signal cos² α and the others the private one, cos α or sin α; noise of sd 0.1.
 */
export function twoViews(key: Key, count: number): { readonly cosine: Matrix; readonly sine: Matrix } {
  const view = (name: string, own: (a: number) => number) => {
    const weights = normal(split(split(key, name), "weights"), 10);
    const errors = normal(split(split(key, name), "noise"), 10 * count);
    const y = matrix(count, 10);
    for (let i = 0; i < count; i++) {
      const a = (4 * Math.PI * i) / (count - 1);
      for (let c = 0; c < 10; c++) {
        const signal = c < 5 ? Math.cos(a) ** 2 - 0.5 : own(a);
        y.data[10 * i + c] = weights[c]! * signal + 0.1 * errors[10 * i + c]!;
      }
    }
    return y;
  };
  return { cosine: view("cosine", Math.cos), sine: view("sine", Math.sin) };
}

/**
 * Two views of things with one shared coordinate s and a private one each, all uniform: smooth curves of (s, private) in
 * eight columns, noise of sd 0.05. What can be known of the second view from the first is its average over the private
 * coordinate.
 */
export function sharedCurves(key: Key, count: number): { readonly first: Matrix; readonly second: Matrix } {
  const s = uniform(split(key, "shared"), count);
  const view = (name: string) => {
    const own = uniform(split(split(key, name), "private"), count);
    const errors = normal(split(split(key, name), "noise"), 8 * count);
    const y = matrix(count, 8);
    for (let i = 0; i < count; i++) {
      for (let c = 0; c < 8; c++) {
        const shared = Math.sin((2 + c) * 1.1 * s[i]! + c + (name === "first" ? 0 : 2));
        const mine = 0.6 * Math.cos(3 * own[i]! + c);
        y.data[8 * i + c] = (c < 5 ? shared : mine) + 0.05 * errors[8 * i + c]!;
      }
    }
    return y;
  };
  return { first: view("first"), second: view("second") };
}
