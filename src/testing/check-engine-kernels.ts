import type { Block, KernelMap, Points } from "../engine/engine.ts";
import type { Checker } from "./check-engine-support.ts";

const U = 2 ** -53;

const MAPS: readonly KernelMap[] = [
  { name: "squaredDistance" },
  { name: "rbf" },
  { name: "matern12" },
  { name: "matern32" },
  { name: "matern52" },
  { name: "rationalQuadratic", alpha: 0.7 },
  { name: "rationalQuadratic", alpha: 40 },
];

/** Points around the tiles (4, 16, 128 rows or columns) and the blocks and strips that are moved at once. */
const COUNTS: readonly (readonly [n: number, m: number, d: number])[] = [
  [0, 3, 2],
  [1, 1, 1],
  [3, 5, 2],
  [16, 4, 3],
  [17, 129, 1],
  [150, 33, 8],
  [261, 140, 5],
  [530, 270, 1],
];

function points(check: Checker, count: number, dims: number): Points {
  const stride = dims + (count % 3);
  const data = new Float64Array(count * stride + 2);
  // Some near, some far: distances from 0 to where the maps underflow.
  for (let i = 0; i < data.length; i++) data[i] = 3 + check.random() * (i % 7 === 0 ? 30 : 1.5);
  return { data, offset: 2, stride, count, dims };
}

function block(check: Checker, rows: number, cols: number): Block {
  const data = new Float64Array(rows * (cols + 1)).map(() => check.random());
  return { data, offset: 0, stride: cols + 1 };
}

/**
 * Kernel matrices, products and pull-backs. A map's value may err by 2 units in the last place of the exponential
 * and by what its argument carries: the squared distance errs by (d + 2) u relatively, the logarithm of f by 3 u.
 * Sums of n terms add n u of the sum of magnitudes (products), or of the largest term times their number
 * (pull-backs, where differences of products with coordinates up to 40 are formed).
 */
export function checkKernels(check: Checker): void {
  for (const [n, m, d] of COUNTS) {
    const x = points(check, n, d);
    for (const z of [undefined, points(check, m, d)]) {
      for (const map of MAPS) {
        checkMatrix(check, map, x, z);
        checkMultiply(check, map, x, z);
        checkPullback(check, map, x, z);
        if (!z) checkSlopes(check, map, x);
      }
    }
  }
}

function label(map: KernelMap, x: Points, z: Points | undefined): string {
  return `${map.name}${map.name === "rationalQuadratic" ? ` α=${map.alpha}` : ""} ${x.count}×${z?.count ?? "self"}×${x.dims}`;
}

function checkMatrix(check: Checker, map: KernelMap, x: Points, z: Points | undefined): void {
  const cols = (z ?? x).count;
  for (const part of ["full", "lower"] as const) {
    const k = block(check, x.count, cols);
    const expected = { ...k, data: k.data.slice() };
    const distances = { ...k, data: k.data.slice() };
    check.engine.kernelMatrix(map, 1.7, x, z, k, part);
    check.reference.kernelMatrix(map, 1.7, x, z, expected, part);
    check.reference.kernelMatrix({ name: "squaredDistance" }, 1, x, z, distances, part);
    for (let p = 0; p < k.data.length; p++) {
      const f = Math.abs(expected.data[p]!);
      const logarithm = Math.log(Math.max(1e-300, f)) || 0;
      const relative = 8 + 3 * Math.abs(logarithm) + (x.dims + 4) * (1 + distances.data[p]! / 2);
      // What is below the smallest normal number may be flushed to 0.
      const allowed = 2 * relative * U * f + 1e-300;
      if (!(Math.abs(k.data[p]! - expected.data[p]!) <= allowed)) {
        check.fail(
          `kernelMatrix ${part} ${label(map, x, z)}: [${p}] is ${k.data[p]}, expected ${expected.data[p]}`,
        );
      }
    }
  }
}

function checkMultiply(check: Checker, map: KernelMap, x: Points, z: Points | undefined): void {
  const count = (z ?? x).count;
  for (const columns of [1, 5]) {
    const v = block(check, count, columns);
    const out = block(check, x.count, columns);
    const expected = { ...out, data: out.data.slice() };
    const size = { ...out, data: out.data.slice() };
    check.engine.kernelMultiply(map, -0.6, x, z, columns, v, out);
    check.reference.kernelMultiply(map, -0.6, x, z, columns, v, expected);
    check.reference.kernelMultiply(map, 0.6, x, z, columns, { ...v, data: v.data.map(Math.abs) }, size);
    for (let p = 0; p < out.data.length; p++) {
      // A sum that is tiny has only tiny terms, whose distances' errors the exponential turns into relative ones.
      const magnitude = Math.abs(size.data[p]!);
      const far = 2 * Math.abs(Math.log(Math.max(1e-300, magnitude)));
      const allowed = (2 * count + (40 + far) * (x.dims + 4)) * U * magnitude;
      if (!(Math.abs(out.data[p]! - expected.data[p]!) <= allowed)) {
        check.fail(
          `kernelMultiply ${label(map, x, z)}: [${p}] is ${out.data[p]}, expected ${expected.data[p]}`,
        );
      }
    }
  }
}

function checkPullback(check: Checker, map: KernelMap, x: Points, z: Points | undefined): void {
  const cols = (z ?? x).count;
  const bar = block(check, x.count, cols);
  if (!z)
    for (let i = 0; i < x.count; i++) bar.data.fill(Number.NaN, i * bar.stride + i + 1, (i + 1) * bar.stride);
  const got = check.engine.kernelPullback(map, 1.3, x, z, bar);
  const expected = check.reference.kernelPullback(map, 1.3, x, z, bar);
  const compare = (
    what: string,
    found: ArrayLike<number>,
    wanted: ArrayLike<number>,
    terms: number,
    largest: number,
  ) => {
    for (let p = 0; p < wanted.length; p++) {
      const allowed = 40 * terms * (x.dims + 4) * U * largest;
      if (!(Math.abs(found[p]! - wanted[p]!) <= allowed)) {
        check.fail(`kernelPullback ${label(map, x, z)}: ${what}[${p}] is ${found[p]}, expected ${wanted[p]}`);
      }
    }
  };
  // Terms of the sums: |f| ≤ 1 and |f′| ≤ 1 (the squared distance: f ≤ 6400 d), coordinates differ by 80 at most.
  const far = map.name === "squaredDistance" ? 6400 * x.dims : 1;
  compare("amplitude", [got.amplitude], [expected.amplitude], x.count * cols, far);
  compare("alpha", [got.alpha], [expected.alpha], x.count * cols, 10);
  compare("scales", got.scales, expected.scales, x.count * cols, 6400);
  compare("x", got.x, expected.x, 2 * cols, 80);
  if ((got.z === undefined) !== (expected.z === undefined))
    check.fail("kernelPullback: z is there or not by mistake");
  if (got.z && expected.z) compare("z", got.z, expected.z, 2 * x.count, 80);
}

/** Only the lower triangle is read, and bounds as for the pull-back, whose sums these are. */
function checkSlopes(check: Checker, map: KernelMap, x: Points): void {
  const n = x.count;
  const lower = block(check, n, n);
  for (let i = 0; i < n; i++) {
    lower.data.fill(Number.NaN, i * lower.stride + i + 1, (i + 1) * lower.stride);
  }
  for (const vector of [undefined, new Float64Array(n).map(() => check.random())]) {
    const bar = { ...lower, scale: -0.5, vector };
    const got = check.engine.kernelSlopes(map, 1.3, x, bar);
    const expected = check.reference.kernelSlopes(map, 1.3, x, bar);
    const compare = (what: string, found: number, wanted: number, largest: number) => {
      const allowed = 40 * n * n * (x.dims + 4) * U * largest;
      if (!(Math.abs(found - wanted) <= allowed)) {
        check.fail(`kernelSlopes ${label(map, x, undefined)}: ${what} is ${found}, expected ${wanted}`);
      }
    };
    compare(
      "amplitude",
      got.amplitude,
      expected.amplitude,
      map.name === "squaredDistance" ? 6400 * x.dims : 1,
    );
    compare("alpha", got.alpha, expected.alpha, 10);
    for (let p = 0; p < x.dims; p++) compare(`scales[${p}]`, got.scales[p]!, expected.scales[p]!, 6400);
  }
}

/**
 * The angle's error is that of its cosine over its sine, or where both vanish the root of it; the value, whose slope
 * in the cosine is at most ½ √(vw), keeps its digits everywhere.
 */
export function checkArcCosine(check: Checker): void {
  for (const [n, m] of [
    [0, 3],
    [1, 1],
    [7, 5],
    [40, 64],
    [300, 251],
  ] as const) {
    const v = new Float64Array(n).map((_, i) => (i % 9 === 8 ? 0 : 3 + 2 * check.random()));
    const w = new Float64Array(m).map(() => 2 + check.random());
    const cosines: number[] = [];
    const k = block(check, n, m);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < m; j++) {
        // All cosines from −1 to 1, some just beyond, some next to 1.
        const near = (i + j) % 5 === 0;
        const c = near
          ? Math.sign(check.random()) * (1 - 2 ** -(10 + ((i * j) % 45)))
          : 1.0001 * check.random();
        cosines.push(c);
        k.data[i * k.stride + j] = c * Math.sqrt(v[i]! * w[j]!);
      }
    }
    const [slopes, wanted] = [block(check, n, m), { ...k, data: k.data.slice() }];
    const expected = { ...slopes, data: slopes.data.slice() };
    check.engine.arcCosine(n, m, k, v, w, slopes);
    check.reference.arcCosine(n, m, wanted, v, w, expected);
    const scale = (i: number, j: number) => Math.sqrt(v[i]! * w[j]!);
    check.close("arcCosine", n, m, k, wanted, (i, j) => 16 * U * scale(i, j));
    check.close("arcCosine's slopes", n, m, slopes, expected, (i, j) => {
      const sine = Math.sqrt(Math.max(0, 1 - cosines[i * m + j]! ** 2));
      return (4 * U) / Math.max(sine, Math.sqrt(U)) + 4 * U;
    });
  }
}
