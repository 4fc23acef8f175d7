import { ShapeError, UsageError } from "../errors/index.ts";
import { dot, eigh, gramOf, type Matrix, matrix, multiply, subtract, transpose } from "../linalg/index.ts";
import { fidelity, trace } from "./bures.ts";

/**
 * How alike two representations of the same n examples are: activations of layers, one row an example, whose widths
 * may differ. 1 is "the same up to" what the index does not see.
 *
 * - `cka`: linear centred kernel alignment (Kornblith et al. 2019); does not see rotation or scale.
 * - `cca`: mean squared canonical correlation R²; does not see any invertible linear map. Says nothing where a width
 *   reaches n.
 * - `svcca`: mean canonical correlation of the directions that hold 99 % of the variance (Raghu et al. 2017).
 * - `procrustes`: ‖XᵀY‖_* of centred representations of norm 1, the best alignment by a rotation (Ding et al. 2021).
 * - `bures`: normalised Bures similarity of the Gram matrices (Tang et al. 2020): of features the same number.
 */
export type SimilarityIndex = "cka" | "cca" | "svcca" | "procrustes" | "bures";

/** The similarity of two representations, n × p and n × q. Throws ShapeError when n differs. */
export function similarity(index: SimilarityIndex, x: Matrix, y: Matrix): number {
  if (x.rows !== y.rows) {
    throw new ShapeError(
      `similarity needs the same examples on both sides, got ${x.rows} and ${y.rows} rows`,
    );
  }
  const [a, b] = [centreColumns(x), centreColumns(y)];
  switch (index) {
    case "cka": {
      const cross = squaredNorm(multiply(a, b, { a: true }));
      return ratio(cross, Math.sqrt(squaredNorm(gramOf(a, true)) * squaredNorm(gramOf(b, true))), index);
    }
    case "cca": {
      const [p, q] = [principal(a, 1), principal(b, 1)];
      return squaredNorm(multiply(p, q, { a: true })) / Math.min(p.cols, q.cols);
    }
    case "svcca": {
      const [p, q] = [principal(a, 0.99), principal(b, 0.99)];
      return nuclearNorm(multiply(p, q, { a: true })) / Math.min(p.cols, q.cols);
    }
    case "procrustes":
    case "bures":
      // One number: the fidelity tr (K^½ L K^½)^½ of K = X Xᵀ and L = Y Yᵀ is ‖XᵀY‖_*.
      return ratio(
        nuclearNorm(multiply(a, b, { a: true })),
        Math.sqrt(squaredNorm(a) * squaredNorm(b)),
        index,
      );
  }
}

/** The indices that are defined on n × n kernels of the examples, whatever made them. */
export function kernelSimilarity(index: "cka" | "bures" | "euclidean", k: Matrix, l: Matrix): number {
  if (k.rows !== k.cols || l.rows !== l.cols || k.rows !== l.rows) {
    throw new ShapeError(`expected two n × n kernels, got ${k.rows} × ${k.cols} and ${l.rows} × ${l.cols}`);
  }
  if (index === "euclidean") return Math.sqrt(squaredNorm(subtract(k, l)));
  if (index === "cka") {
    const [a, b] = [centreKernel(k), centreKernel(l)];
    return ratio(dot(a.data, b.data), Math.sqrt(squaredNorm(a) * squaredNorm(b)), index);
  }
  return ratio(fidelity(k, l), Math.sqrt(trace(k) * trace(l)), index);
}

/** The similarities of every pair of representations: rows of the first list against the second. */
export function similarityMatrix(
  index: SimilarityIndex,
  first: readonly Matrix[],
  second: readonly Matrix[] = first,
): Matrix {
  const out = matrix(first.length, second.length);
  first.forEach((a, i) => {
    second.forEach((b, j) => {
      const known = first === second && j < i;
      out.data[i * second.length + j] = known ? out.data[j * second.length + i]! : similarity(index, a, b);
    });
  });
  return out;
}

/** Each column less its mean. */
export function centreColumns(x: Matrix): Matrix {
  const means = new Float64Array(x.cols);
  x.data.forEach((v, k) => {
    means[k % x.cols]! += v / x.rows;
  });
  return { ...x, data: x.data.map((v, k) => v - means[k % x.cols]!) };
}

/** H K H with H = I − 11ᵀ/n. */
export function centreKernel(k: Matrix): Matrix {
  return transpose(centreColumns(transpose(centreColumns(k))));
}

/** An orthonormal basis of the leading principal directions' scores that hold a share of the variance, n × r. */
function principal(a: Matrix, share: number): Matrix {
  const { values, vectors } = eigh(gramOf(a, true));
  const total = values.reduce((s, v) => s + Math.max(0, v), 0);
  const kept: number[] = [];
  let held = 0;
  // Directions below 1e-12 of the largest are rounding.
  for (let c = values.length - 1; c >= 0 && values[c]! > 1e-12 * values.at(-1)!; c--) {
    if (kept.length > 0 && held >= share * total) break;
    kept.push(c);
    held += values[c]!;
  }
  if (kept.length === 0) throw new UsageError("similarity: a representation does not vary over the examples");
  const directions = matrix(a.cols, kept.length);
  for (let i = 0; i < a.cols; i++) {
    kept.forEach((c, j) => {
      directions.data[i * kept.length + j] = vectors.data[i * a.cols + c]! / Math.sqrt(values[c]!);
    });
  }
  return multiply(a, directions);
}

/** The sum of the singular values. */
function nuclearNorm(a: Matrix): number {
  // Of the symmetric [0 A; Aᵀ 0], whose eigenvalues are the singular values and their negatives: the roots of AᵀA's would
  // lose half the digits of the small ones.
  const n = a.rows + a.cols;
  const both = matrix(n, n);
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < a.cols; j++) both.data[(a.rows + j) * n + i] = a.data[i * a.cols + j]!;
  }
  return eigh(both).values.reduce((s, v) => s + Math.max(0, v), 0);
}

function squaredNorm(a: Matrix): number {
  return dot(a.data, a.data);
}

function ratio(numerator: number, denominator: number, index: string): number {
  if (!(denominator > 0)) {
    throw new UsageError(`${index}: a representation does not vary over the examples`);
  }
  return numerator / denominator;
}
