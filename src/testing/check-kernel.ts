import { fromVector, gradientVector, type Kernel, toVector } from "../kernels/index.ts";
import { dot, eigh, gramOf, type Matrix, matrix, multiply, rowRange, transpose } from "../linalg/index.ts";
import { type Key, key, normal, split } from "../random/index.ts";

export interface CheckKernelOptions {
  /** Columns of the points that cannot move (indices, names): not differentiated. None unless given. */
  readonly steady?: readonly number[];
  /** Largest difference of two ways to one number, relative to the size of what both add up. 1e-10 unless given. */
  readonly tolerance?: number;
  /** The same where one way is a finite difference. 1e-6 unless given. */
  readonly differenceTolerance?: number;
  /** Paths drawn to estimate their covariance. 400 unless given. */
  readonly paths?: number;
}

/**
 * The suite that every kernel passes, on points of its own kind: at least four different rows. Throws an Error that
 * says what failed, where, and by how much, at the first violation. Checked are shapes; symmetry; the diagonal;
 * cross(X, X), the blocks of a larger Gram matrix and products with it; positive semi-definiteness; both pull-backs against central
 * differences, and those of paths; that paths are functions; and that their covariance, and the mean product of random features where
 * there are any, is the kernel's within six standard errors.
 */
export function checkKernel(kernel: Kernel, points: Matrix, options: CheckKernelOptions = {}): void {
  if (points.rows < 4) throw new Error("checkKernel needs at least four points");
  const half = points.rows >> 1;
  const check: Check = {
    kernel,
    x: copyOf(rowRange(points, 0, half)),
    z: copyOf(rowRange(points, half, points.rows)),
    points,
    key: key(20261123),
    steady: options.steady ?? [],
    tolerance: options.tolerance ?? 1e-10,
    differenceTolerance: options.differenceTolerance ?? 1e-6,
    paths: options.paths ?? 400,
  };
  checkValues(check);
  checkDefinite(check);
  for (const z of [undefined, check.z]) {
    checkParameterPullback(check, z);
    if (kernel.pullbackInputs) checkInputPullback(check, z);
  }
  checkPath(check);
  checkPathSlopes(check);
  checkFeatures(check);
  checkLower(check);
}

interface Check {
  readonly kernel: Kernel;
  readonly points: Matrix;
  /** The first half of the points, and the rest. */
  readonly x: Matrix;
  readonly z: Matrix;
  readonly key: Key;
  readonly steady: readonly number[];
  readonly tolerance: number;
  readonly differenceTolerance: number;
  readonly paths: number;
}

function checkValues({ kernel, points, x, z, tolerance, key: parent }: Check): void {
  const o = kernel.outputs;
  const gram = kernel.gram(points);
  const cross = kernel.cross(x, z);
  expectSize("gram", gram, points.rows * o, points.rows * o);
  expectSize("cross", cross, x.rows * o, z.rows * o);
  agree("gram and its transpose", gram.data, transpose(gram).data, 0);
  agree("gram(X) and cross(X, X)", gram.data, kernel.cross(points, points).data, tolerance);
  agree("cross(X, Z) and cross(Z, X)ᵀ", cross.data, transpose(kernel.cross(z, x)).data, tolerance);
  const corner = matrix(cross.rows, cross.cols);
  for (let i = 0; i < corner.rows; i++) {
    for (let j = 0; j < corner.cols; j++) {
      corner.data[i * corner.cols + j] = gram.data[i * gram.cols + corner.rows + j]!;
    }
  }
  agree("cross(X, Z) and the corner of gram([X; Z])", cross.data, corner.data, tolerance);
  const diagonal = Float64Array.from({ length: gram.rows }, (_, i) => gram.data[i * gram.cols + i]!);
  agree("diagonal and that of gram", kernel.diagonal(points), diagonal, tolerance);
  const anchored = kernel.anchored?.(z);
  for (const own of anchored ? (["diagonal", "blocks"] as const) : []) {
    const found = anchored!.at(x, own);
    const width = own === "blocks" ? o : 1;
    const expected = Float64Array.from({ length: x.rows * o * width }, (_, k) => {
      const row = Math.floor(k / width);
      return gram.data[row * gram.cols + row + (own === "blocks" ? (k % o) - (row % o) : 0)]!;
    });
    agree("anchored and cross(X, Z)", found.cross.data, cross.data, tolerance);
    agree(`anchored ${own} and that of gram`, found.own.data, expected, tolerance);
  }
  for (const side of kernel.multiply ? [undefined, z] : []) {
    const k = side ? cross : kernel.gram(x);
    const v = matrix(k.cols, 2, normal(split(parent, "vectors"), 2 * k.cols));
    const size = Math.max(
      ...multiply({ ...k, data: k.data.map(Math.abs) }, { ...v, data: v.data.map(Math.abs) }).data,
    );
    agree("multiply and K v", kernel.multiply!(x, side, v).data, multiply(k, v).data, tolerance, size);
  }
}

/** A kernel's lower triangles against its own whole matrices; what lies above the diagonal must not matter. */
function checkLower({ kernel, points, tolerance, key: parent }: Check): void {
  if (!kernel.lower) return;
  const gram = kernel.gram(points);
  const n = gram.rows;
  const triangle = (m: Matrix) => m.data.map((v, k) => (k % n <= Math.floor(k / n) ? v : 0));
  agree("lower.gram and gram", triangle(kernel.lower.gram(points)), triangle(gram), tolerance);
  const whole = gramOf(matrix(n, n, normal(split(parent, "lower"), n * n)));
  for (const vector of [undefined, normal(split(parent, "vector"), n)]) {
    const bar = matrix(n, n, whole.data.slice());
    const half = matrix(n, n, whole.data.slice());
    for (let i = 0; i < n; i++) {
      half.data.fill(Number.NaN, i * n + i + 1, (i + 1) * n);
      for (let j = 0; j < n; j++) {
        bar.data[i * n + j] = -0.5 * (bar.data[i * n + j]! - (vector ? vector[i]! * vector[j]! : 0));
      }
    }
    agree(
      "lower.pullback and pullback",
      gradientVector(kernel.parameters, kernel.lower.pullback(points, { matrix: half, scale: -0.5, vector })),
      gradientVector(kernel.parameters, kernel.pullback(points, undefined, bar)),
      tolerance,
      dot(gram.data.map(Math.abs), bar.data.map(Math.abs)),
    );
  }
}

/** Rounding moves eigenvalues by a few n u ‖K‖, u = 2⁻⁵³ (Weyl). */
function checkDefinite({ kernel, points, tolerance }: Check): void {
  const { values } = eigh(kernel.gram(points));
  const largest = Math.max(...values);
  if (!(values[0]! >= -tolerance * largest)) {
    throw new Error(
      `gram has the eigenvalue ${values[0]} beside ${largest}: it is not positive semi-definite`,
    );
  }
}

function checkParameterPullback(check: Check, z: Matrix | undefined): void {
  const { kernel, x } = check;
  const { value, bar, size } = objective(check, z);
  const gradient = kernel.pullback(x, z, bar);
  const missing = Object.keys(kernel.parameters).find(
    (name) => gradient[name]?.length !== kernel.parameters[name]!.value.length,
  );
  if (missing) throw new Error(`pullback has no derivative in each value of "${missing}"`);
  const at = toVector(kernel.parameters);
  const h = 1e-5; // of logarithms: truncation ~ h², rounding ~ u / h, both about 1e-10
  const slopes = at.map((_, i) => {
    const moved = (by: number) => {
      const vector = at.slice();
      vector[i]! += by;
      return value(kernel.with(fromVector(vector, kernel.parameters)), x, z);
    };
    return (moved(h) - moved(-h)) / (2 * h);
  });
  const name = z ? "pullback of cross" : "pullback of gram";
  agree(
    `${name} and differences, over ${Object.keys(kernel.parameters).join(", ")}`,
    gradientVector(kernel.parameters, gradient),
    slopes,
    check.differenceTolerance,
    size,
  );
}

function checkInputPullback(check: Check, z: Matrix | undefined): void {
  const { kernel, x } = check;
  const { value, bar, size } = objective(check, z);
  const gradient = kernel.pullbackInputs!(x, z, bar);
  const compare = (name: string, side: Matrix, slopes: Matrix, at: (moved: Matrix) => number) => {
    expectSize(name, slopes, side.rows, side.cols);
    for (let k = 0; k < side.data.length; k++) {
      const c = k % side.cols;
      if (check.steady.includes(c)) continue;
      const h = 1e-5 * rangeOf(check.points, c);
      const moved = (by: number) => {
        const copy = copyOf(side);
        copy.data[k]! += by;
        return at(copy);
      };
      const difference = Float64Array.of((moved(h) - moved(-h)) / 2e-5);
      const slope = Float64Array.of(slopes.data[k]! * rangeOf(check.points, c));
      agree(
        `${name} at row ${Math.floor(k / side.cols)}, column ${c}, and differences`,
        slope,
        difference,
        check.differenceTolerance,
        size,
      );
    }
  };
  const name = z ? "pullbackInputs of cross" : "pullbackInputs of gram";
  compare(`${name}, x`, x, gradient.x, (moved) => value(kernel, moved, z));
  if (!z) return;
  if (!gradient.z) throw new Error("pullbackInputs of cross has no derivative in z");
  compare(`${name}, z`, z, gradient.z, (moved) => value(kernel, x, moved));
}

/** ⟨bar, K⟩ for a random bar, symmetric for a Gram matrix, and the size of what it adds up. */
function objective({ kernel, x, key: parent }: Check, z: Matrix | undefined) {
  const rows = x.rows * kernel.outputs;
  const cols = (z ?? x).rows * kernel.outputs;
  const noise = matrix(rows, cols, normal(split(parent, z ? "cross" : "gram"), rows * cols));
  const bar = z ? noise : gramOf(noise);
  const of = (k: Kernel, a: Matrix, b: Matrix | undefined) => (b ? k.cross(a, b) : k.gram(a)).data;
  const value = (k: Kernel, a: Matrix, b: Matrix | undefined) => dot(of(k, a, b), bar.data);
  return { value, bar, size: dot(of(kernel, x, z).map(Math.abs), bar.data.map(Math.abs)) };
}

function checkPath({ kernel, points, key: parent, paths }: Check): void {
  const few = copyOf(rowRange(points, 0, Math.min(points.rows, 6)));
  const values = few.rows * kernel.outputs;
  const draws = matrix(paths, values);
  for (let s = 0; s < paths; s++) {
    const path = kernel.path(split(parent, s), few.cols);
    const drawn = path.at(few);
    draws.data.set(drawn.data, s * values);
    if (s > 2) continue;
    if (path.inputs !== few.cols || path.outputs !== kernel.outputs) {
      throw new Error(`a path on ${few.cols} columns says it maps ${path.inputs} to ${path.outputs}`);
    }
    agree("a path and itself again", path.at(few).data, drawn.data, 0);
    const last = copyOf(rowRange(few, few.rows - 1, few.rows));
    const alone = drawn.data.subarray((few.rows - 1) * kernel.outputs);
    // Sums may be taken in another order for one point than for six.
    agree(
      "a path at one point and at many",
      path.at(last).data,
      alone,
      1e-9,
      Math.max(...drawn.data.map(Math.abs)),
    );
  }
  const seen = multiply(draws, draws, { a: true });
  const gram = kernel.gram(few);
  const at = (i: number, j: number) => gram.data[i * values + j]!;
  for (let i = 0; i < values; i++) {
    for (let j = 0; j <= i; j++) {
      const estimate = seen.data[i * values + j]! / paths;
      const error = Math.sqrt((at(i, i) * at(j, j) + at(i, j) ** 2) / paths);
      if (!(Math.abs(estimate - at(i, j)) <= 6 * error)) {
        throw new Error(
          `${paths} paths have covariance ${estimate} between values ${i} and ${j}, the kernel ${at(i, j)}, standard error ${error}`,
        );
      }
    }
  }
}

function checkPathSlopes({ kernel, x, points, key: parent, steady, differenceTolerance }: Check): void {
  const path = kernel.path(split(parent, "slopes"), x.cols);
  if (!path.pullbackInputs) return;
  const bar = matrix(x.rows, path.outputs, normal(split(parent, "bar"), x.rows * path.outputs));
  const slopes = path.pullbackInputs(x, bar);
  expectSize("a path's pullbackInputs", slopes, x.rows, x.cols);
  const size = dot(path.at(x).data.map(Math.abs), bar.data.map(Math.abs));
  for (let k = 0; k < x.data.length; k++) {
    const range = rangeOf(points, k % x.cols);
    if (steady.includes(k % x.cols)) continue;
    const moved = (by: number) => {
      const copy = copyOf(x);
      copy.data[k]! += by * range;
      return dot(path.at(copy).data, bar.data);
    };
    const h = 1e-6;
    const difference = (moved(h) - moved(-h)) / (2 * h);
    agree(
      `a path's pullbackInputs at row ${Math.floor(k / x.cols)}, column ${k % x.cols}, and differences`,
      Float64Array.of(slopes.data[k]! * range),
      Float64Array.of(difference),
      differenceTolerance,
      size,
    );
  }
}

// As many features as this; their products' standard error is measured on themselves.
const featureCount = 8192;

function checkFeatures({ kernel, points, key: parent }: Check): void {
  if (!kernel.features) return;
  const few = copyOf(rowRange(points, 0, Math.min(points.rows, 6)));
  const phi = kernel.features(split(parent, "features"), few.cols, featureCount).at(few);
  expectSize("features", phi, few.rows, 2 * featureCount);
  const gram = kernel.gram(few);
  for (let i = 0; i < few.rows; i++) {
    for (let j = 0; j <= i; j++) {
      let mean = 0;
      let square = 0;
      for (let f = 0; f < featureCount; f++) {
        const [a, b] = [i * phi.cols + f, j * phi.cols + f];
        const product =
          phi.data[a]! * phi.data[b]! + phi.data[a + featureCount]! * phi.data[b + featureCount]!;
        mean += product / featureCount;
        square += product ** 2 / featureCount;
      }
      const exact = gram.data[i * gram.cols + j]!;
      // Constant products have no error but rounding.
      const error = Math.sqrt(Math.max(0, square - mean ** 2) / featureCount) + 1e-10 * Math.sqrt(square);
      if (!(Math.abs(mean - exact) <= 6 * error)) {
        throw new Error(
          `features have mean product ${mean} at points ${i} and ${j}, the kernel ${exact}, standard error ${error}`,
        );
      }
    }
  }
}

/** Throws unless |a − b| ≤ tolerance · size everywhere; size: the larger of what is given and of the entries. */
function agree(what: string, a: Float64Array, b: Float64Array, tolerance: number, size = 0): void {
  const largest = a.reduce((most, v, i) => Math.max(most, Math.abs(v), Math.abs(b[i]!)), size);
  a.forEach((v, i) => {
    if (!(Math.abs(v - b[i]!) <= tolerance * largest)) {
      throw new Error(
        `${what} differ at ${i}: ${v} and ${b[i]}, apart by ${Math.abs(v - b[i]!) / largest} of ${largest}`,
      );
    }
  });
}

function expectSize(what: string, m: Matrix, rows: number, cols: number): void {
  if (m.rows !== rows || m.cols !== cols || m.data.length !== rows * cols) {
    throw new Error(`${what} should be ${rows} × ${cols}, is ${m.rows} × ${m.cols}`);
  }
}

function copyOf(m: Matrix): Matrix {
  return matrix(m.rows, m.cols, m.data.slice());
}

function rangeOf(x: Matrix, c: number): number {
  const column = Array.from({ length: x.rows }, (_, i) => x.data[i * x.cols + c]!);
  return Math.max(...column) - Math.min(...column) || 1;
}
