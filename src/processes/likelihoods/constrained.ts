import { UsageError } from "../../errors/index.ts";
import type { Gradient } from "../../kernels/index.ts";
import { expectShape, type Matrix, matrix, takeRows } from "../../linalg/index.ts";
import { bernoulli } from "./bernoulli.ts";
import { expectMoments } from "./check.ts";
import type { Likelihood } from "./likelihood.ts";
import { stepSite } from "./site.ts";

// The columns of y, and of what is known of a virtual observation.
const columns = 3;
const step = bernoulli("probit");

/**
 * Observations of a likelihood of one latent, together with virtual ones that say on which side of a value the latent
 * lies: p = Φ(side (f − value)/width) (Riihimäki & Vehtari 2010; theirs are of derivatives and about 0). A row of y is
 * (value, side, width): side 0 is an observation of `base`, its width without meaning; 1 is above the value, −1 below.
 */
export function constrained(base: Likelihood): Likelihood {
  if (base.latents !== 1 || base.outputs !== 1) {
    throw new UsageError(
      `constraints are on one function with one column of targets; ${base.name} has ${base.latents} and ${base.outputs}`,
    );
  }
  const none: Gradient = Object.fromEntries(
    Object.entries(base.parameters).map(([path, p]) => [path, new Float64Array(p.value.length)]),
  );
  return {
    name: `constrained ${base.name}`,
    latents: 1,
    outputs: columns,
    parameters: base.parameters,
    with: (next) => constrained(base.with(next)),
    startAt(y) {
      const { seen } = parted(y);
      return base.startAt && seen.rows.length > 0 ? constrained(base.startAt(seen.y)) : constrained(base);
    },
    guess(y) {
      const { seen } = parted(y);
      const out = matrix(y.rows, 1);
      put(out.data, seen.rows, base.guess(seen.y).data);
      return out;
    },
    check(y) {
      expectShape(y, "y", undefined, columns);
      for (let i = 0; i < y.rows; i++) {
        const [value, side, width] = y.data.subarray(i * columns, (i + 1) * columns);
        if (side === 0) continue;
        if (!(Math.abs(side!) === 1 && Number.isFinite(value) && width! > 0 && width! < Infinity)) {
          throw new UsageError(
            `a virtual observation is a value, a side of 1 or −1 and a width above 0, got ${value}, ${side}, ${width} at row ${i} (from 0)`,
          );
        }
      }
      base.check(parted(y).seen.y);
    },
    logDensity: (f, y) =>
      both(
        y,
        (seen) => base.logDensity(takeRows(f, seen.rows), seen.y),
        (virtual) => step.logDensity(virtual.steps(f), virtual.ones),
      ),
    derivatives(f, y) {
      const { seen, virtual } = parted(y);
      const own = base.derivatives(takeRows(f, seen.rows), seen.y);
      const other = step.derivatives(virtual.steps(f), virtual.ones);
      const merged = (a: Matrix, b: Matrix, power: number) =>
        matrix(f.rows, 1, joined(y, a.data, virtual.times(b.data, power)));
      return {
        gradient: merged(own.gradient, other.gradient, 1),
        curvature: merged(own.curvature, other.curvature, 2),
        ...(own.hessian && { hessian: merged(own.hessian, other.curvature, 2) }),
      };
    },
    curvatureSlopes(f, y, spread) {
      const { seen, virtual } = parted(y);
      const own = base.curvatureSlopes(takeRows(f, seen.rows), seen.y, takeRows(spread, seen.rows));
      const other = step.curvatureSlopes(virtual.steps(f), virtual.ones, takeRows(spread, virtual.rows));
      return {
        f: matrix(f.rows, 1, joined(y, own.f.data, virtual.times(other.f.data, 3))),
        parameters: own.parameters,
      };
    },
    parameterSlopes(f, y, direction) {
      const { seen } = parted(y);
      const along = direction && takeRows(direction, seen.rows);
      return base.parameterSlopes(takeRows(f, seen.rows), seen.y, along);
    },
    expected(mean, variance, y) {
      expectMoments(mean, variance, 1);
      const { seen, virtual } = parted(y);
      const own =
        seen.rows.length > 0
          ? base.expected(takeRows(mean, seen.rows), takeRows(variance, seen.rows), seen.y)
          : { value: [], mean: matrix(0, 1), variance: matrix(0, 1), parameters: none };
      const other = step.expected(virtual.steps(mean), virtual.spreads(variance), virtual.ones);
      return {
        value: joined(y, own.value, other.value),
        mean: matrix(mean.rows, 1, joined(y, own.mean.data, virtual.times(other.mean.data, 1))),
        variance: matrix(mean.rows, 1, joined(y, own.variance.data, virtual.times(other.variance.data, 2))),
        parameters: own.parameters,
      };
    },
    predictive: (mean, variance) => base.predictive(mean, variance),
    logPredictive: (mean, variance, y) =>
      both(
        y,
        (seen) => base.logPredictive(takeRows(mean, seen.rows), takeRows(variance, seen.rows), seen.y),
        (virtual) => step.logPredictive(virtual.steps(mean), virtual.spreads(variance), virtual.ones),
      ),
    ...(base.sites && {
      sites(y: Matrix) {
        const { seen, virtual } = parted(y);
        const own = base.sites!(seen.y);
        const out = new Array<(typeof own)[number]>(y.rows);
        seen.rows.forEach((row, k) => {
          out[row] = own[k]!;
        });
        virtual.rows.forEach((row) => {
          const [value, side, width] = y.data.subarray(row * columns, (row + 1) * columns);
          out[row] = stepSite(side!, value!, width!);
        });
        return out;
      },
    }),
  };
}

interface Seen {
  readonly rows: readonly number[];
  /** Of the base likelihood. */
  readonly y: Matrix;
}

/** Virtual observations as those of a step at 0 of unit width. */
interface Virtual {
  readonly rows: readonly number[];
  readonly ones: Matrix;
  /** side (f − value)/width of their rows of f. */
  steps(f: Matrix): Matrix;
  /** Variances of those. */
  spreads(variance: Matrix): Matrix;
  /** Derivatives in a step as those in f: times (side/width) to this power. */
  times(values: Float64Array, power: number): Float64Array;
}

function parted(y: Matrix): { readonly seen: Seen; readonly virtual: Virtual } {
  const all = Array.from({ length: y.rows }, (_, i) => i);
  const side = (i: number) => y.data[i * columns + 1]!;
  const seen = all.filter((i) => side(i) === 0);
  const rows = all.filter((i) => side(i) !== 0);
  const values = rows.map((i) => y.data[i * columns]!);
  const slopes = rows.map((i) => side(i) / y.data[i * columns + 2]!);
  const column = (of: (k: number) => number) =>
    matrix(
      rows.length,
      1,
      Float64Array.from(rows, (_, k) => of(k)),
    );
  return {
    seen: {
      rows: seen,
      y: matrix(
        seen.length,
        1,
        Float64Array.from(seen, (i) => y.data[i * columns]!),
      ),
    },
    virtual: {
      rows,
      ones: column(() => 1),
      steps: (f) => column((k) => slopes[k]! * (f.data[rows[k]!]! - values[k]!)),
      spreads: (variance) => column((k) => slopes[k]! ** 2 * variance.data[rows[k]!]!),
      times: (found, power) => found.map((v, k) => v * slopes[k]! ** power),
    },
  };
}

function both(
  y: Matrix,
  ofSeen: (seen: Seen) => ArrayLike<number>,
  ofVirtual: (virtual: Virtual) => ArrayLike<number>,
): Float64Array {
  const { seen, virtual } = parted(y);
  return joined(y, ofSeen(seen), ofVirtual(virtual));
}

/** What was found for the rows seen and for the virtual ones, in the rows' order. */
function joined(y: Matrix, seen: ArrayLike<number>, virtual: ArrayLike<number>): Float64Array {
  const parts = parted(y);
  const out = new Float64Array(y.rows);
  put(out, parts.seen.rows, seen);
  put(out, parts.virtual.rows, virtual);
  return out;
}

function put(out: Float64Array, rows: readonly number[], values: ArrayLike<number>): void {
  rows.forEach((row, k) => {
    out[row] = values[k]!;
  });
}
