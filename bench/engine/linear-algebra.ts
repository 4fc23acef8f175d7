import type { Block, Floats } from "../../src/engine/engine.ts";
import { covariance, double, int, type Library, letter, random, type Work } from "./work.ts";

const [N, U, R, V] = ["N", "U", "R", "V"].map(letter);
const square = <A extends Floats>(data: A, n: number) => ({ data, offset: 0, stride: n, transposed: false });

function gemm(of: typeof Float64Array | typeof Float32Array, n: number): Work {
  const wide = of === Float64Array;
  return {
    workload: wide ? "gemm f64" : "gemm f32",
    size: String(n),
    native: true,
    scales: true,
    create(library) {
      const [a, b, c] = [random<Floats>(of, n * n), random<Floats>(of, n * n), new of(n * n)];
      const call = wide ? library.gemm.double : library.gemm.single;
      const [one, zero] = [new of([1]), new of([0])];
      return {
        ours: (e) => e.gemm<Floats>(n, n, n, 1, square(a, n), square(b, n), 0, square<Floats>(c, n)),
        raw: () => call(N, N, int(n), int(n), int(n), one, b, int(n), a, int(n), zero, c, int(n)),
      };
    },
  };
}

/** A routine in place on x, an n × n matrix that starts as `make` gives it. */
function inPlace(
  workload: string,
  n: number,
  make: (library: Library) => { start: Float64Array; factor?: Float64Array },
  ours: (e: Parameters<ReturnType<Work["create"]>["ours"]>[0], x: Block, factor: Float64Array) => void,
  raw: (library: Library, x: Float64Array, factor: Float64Array) => void,
  scales = false,
): Work {
  return {
    workload,
    size: String(n),
    native: true,
    scales,
    create(library) {
      const { start, factor = start } = make(library);
      const x = new Float64Array(n * n);
      const block: Block = { data: x, offset: 0, stride: n };
      return {
        reset: () => x.set(start),
        ours: (e) => ours(e, block, factor),
        raw: () => raw(library, x, factor),
      };
    },
  };
}

function factorOf(library: Library, n: number): Float64Array {
  const l = covariance(library, n);
  library.potrf(U, int(n), l, int(n), int(0));
  return l;
}

const potrf = (n: number): Work =>
  inPlace(
    "potrf f64",
    n,
    (library) => ({ start: covariance(library, n) }),
    (e, x) => e.potrf(n, x),
    (library, x) => library.potrf(U, int(n), x, int(n), int(0)),
    n >= 1024,
  );

const trsm = (n: number): Work =>
  inPlace(
    "trsm f64",
    n,
    (library) => ({ start: random(Float64Array, n * n), factor: factorOf(library, n) }),
    (e, x, l) => e.trsm("left", n, n, { ...square(l, n), lower: true }, x),
    (library, x, l) => library.trsm(R, U, N, N, int(n), int(n), double(1), l, int(n), x, int(n)),
  );

const potri = (n: number): Work =>
  inPlace(
    "potri f64",
    n,
    (library) => ({ start: factorOf(library, n) }),
    (e, x) => e.potri(n, x),
    (library, x) => library.potri(U, int(n), x, int(n), int(0)),
  );

function syevd(n: number): Work {
  const values = new Float64Array(n);
  const work = new Float64Array(1 + 6 * n + 2 * n * n);
  const integers = new Int32Array(3 + 5 * n);
  return inPlace(
    "syevd f64",
    n,
    () => ({ start: random(Float64Array, n * n) }),
    (e, x) => e.syevd(n, x, values, true),
    (library, x) =>
      library.syevd(
        ...[V, U, int(n), x, int(n), values, work, int(work.length), integers, int(integers.length), int(0)],
      ),
  );
}

export const linearAlgebra: readonly Work[] = [
  ...[1024, 2048].map((n) => gemm(Float64Array, n)),
  ...[1024, 2048].map((n) => gemm(Float32Array, n)),
  ...[512, 1024, 2048, 4096].map(potrf),
  ...[1024, 2048].map(trsm),
  ...[1024, 2048].map(potri),
  ...[500, 1000].map(syevd),
];
