import { UsageError } from "../errors/index.ts";
import { expectFinite, type Matrix, matrix, takeRows } from "../linalg/index.ts";
import { type Key, normal, split, uniform } from "../random/index.ts";

/** Where functions are looked at: a distribution of inputs. */
export interface Measure {
  readonly inputs: number;
  /** Points drawn independently, count × inputs. */
  draw(key: Key, count: number): Matrix;
  /** All points, equally likely, of a measure with finitely many. */
  readonly points?: Matrix;
}

/** The rows of a table, equally likely. */
export function dataMeasure(x: Matrix): Measure {
  expectFinite(x, "x");
  if (x.rows === 0) throw new UsageError("dataMeasure: there are no rows");
  return {
    inputs: x.cols,
    points: x,
    draw: (key, count) =>
      takeRows(
        x,
        uniform(key, count).map((u) => Math.floor(u * x.rows)),
      ),
  };
}

/** Uniform on a box with the given corners. */
export function boxMeasure(lower: readonly number[], upper: readonly number[]): Measure {
  const bad = lower.findIndex((low, j) => !(low < upper[j]!));
  if (bad >= 0 || lower.length !== upper.length) {
    throw new UsageError(`boxMeasure: lower and upper should have one entry an input, lower below upper`);
  }
  return drawn(lower.length, uniform, (u, j) => lower[j]! + u * (upper[j]! - lower[j]!));
}

/** Independent normal inputs with the given means and standard deviations. */
export function normalMeasure(mean: readonly number[], deviation: readonly number[]): Measure {
  if (mean.length !== deviation.length || deviation.some((s) => !(s > 0))) {
    throw new UsageError("normalMeasure: one mean and one deviation above 0 for each input");
  }
  return drawn(mean.length, normal, (z, j) => mean[j]! + deviation[j]! * z);
}

/** The measure moved by an offset: data after a shift, say. */
export function shiftedMeasure(measure: Measure, offset: readonly number[]): Measure {
  if (offset.length !== measure.inputs) {
    throw new UsageError(
      `shiftedMeasure: expected ${measure.inputs} numbers, one an input, got ${offset.length}`,
    );
  }
  const shift = (x: Matrix) =>
    matrix(
      x.rows,
      x.cols,
      x.data.map((v, k) => v + offset[k % x.cols]!),
    );
  return {
    inputs: measure.inputs,
    draw: (key, count) => shift(measure.draw(key, count)),
    ...(measure.points && { points: shift(measure.points) }),
  };
}

function drawn(
  inputs: number,
  generator: (key: Key, count: number) => Float64Array,
  place: (value: number, input: number) => number,
): Measure {
  return {
    inputs,
    draw: (key, count) =>
      matrix(
        count,
        inputs,
        generator(split(key, "measure"), count * inputs).map((v, k) => place(v, k % inputs)),
      ),
  };
}
