import type { Floats } from "../engine/engine.ts";
import type { Convolution, ImageRoutines } from "../engine/images.ts";
import { type Checker, U32, U64 } from "./check-engine-support.ts";

/** Convolutions around every special case: strides, dilations, uneven padding, groups, 1 × 1, more taps than pixels. */
const CASES: readonly Convolution[] = [
  shape([2, 3, 6, 7], [3, 3], [1, 1], [1, 1], [1, 1], [6, 7], 5, 1),
  shape([3, 4, 9, 8], [3, 2], [2, 3], [1, 1], [1, 0], [5, 3], 6, 2),
  shape([1, 2, 10, 11], [2, 3], [1, 2], [3, 2], [2, 1], [11, 5], 3, 1),
  shape([2, 16, 5, 5], [1, 1], [1, 1], [1, 1], [0, 0], [5, 5], 24, 1),
  shape([2, 6, 7, 5], [3, 3], [1, 1], [1, 1], [1, 1], [7, 5], 6, 6),
  shape([2, 1, 2, 3], [5, 5], [1, 1], [1, 1], [2, 2], [2, 3], 7, 1),
  shape([3, 2, 4, 4], [2, 2], [2, 2], [1, 1], [3, 3], [5, 5], 2, 1),
  shape([70, 16, 12, 12], [3, 3], [1, 1], [1, 1], [1, 1], [12, 12], 3, 1),
  shape([0, 2, 4, 4], [2, 2], [1, 1], [1, 1], [0, 0], [3, 3], 2, 1),
  shape([2, 1, 1, 200], [1, 9], [1, 1], [1, 2], [0, 4], [1, 192], 3, 1),
  // Several images of many positions: groups, rows of a power of two of bytes, strides.
  shape([5, 4, 9, 10], [3, 3], [1, 1], [1, 1], [1, 1], [9, 10], 6, 2),
  shape([6, 3, 8, 16], [3, 3], [1, 1], [1, 1], [1, 1], [8, 16], 5, 1),
  shape([5, 2, 20, 19], [3, 2], [2, 2], [1, 1], [1, 1], [10, 10], 4, 1),
];

type Pair = readonly [number, number];

function shape(
  [count, channels, height, width]: readonly [number, number, number, number],
  kernel: Pair,
  stride: Pair,
  dilation: Pair,
  padding: Pair,
  outputs: Pair,
  filters: number,
  groups: number,
): Convolution {
  return { count, channels, height, width, kernel, stride, dilation, padding, outputs, filters, groups };
}

/**
 * The image routines against the reference. Copies and maxima are exact; sums of k products err as those of a matrix
 * product do, 2 (k + 4) u times the sum of their magnitudes.
 */
export function checkImages(check: Checker): void {
  for (const [of, u] of [
    [Float64Array, U64],
    [Float32Array, U32],
  ] as const) {
    for (const c of CASES) {
      const taps = c.kernel[0] * c.kernel[1];
      const positions = c.outputs[0] * c.outputs[1];
      const random = (length: number): Floats => check.block<Floats>(of, 1, length).data;
      const images = random(c.count * c.channels * c.height * c.width);
      const weights = random((c.filters * c.channels * taps) / c.groups);
      const dy = random(c.count * c.filters * positions);
      const pooled = random(c.count * c.channels * positions);
      const columns = random(c.count * positions * c.channels * taps);
      const factors = random(positions);
      const compare = (
        what: string,
        like: Floats,
        terms: number,
        inputs: readonly Floats[],
        run: (on: ImageRoutines, inputs: readonly Floats[], out: Floats) => void,
      ): void => {
        const [got, wanted, size] = [like.slice(), like.slice(), like.slice()];
        run(check.engine, inputs, got);
        run(check.reference, inputs, wanted);
        const magnitudes = inputs.map((values) => values.map(Math.abs));
        run(check.reference, magnitudes, size);
        for (let i = 0; i < got.length; i++) {
          const allowed = terms === 0 ? 0 : 2 * (terms + 4) * u * size[i]!;
          if (!(Math.abs(got[i]! - wanted[i]!) <= allowed)) {
            check.fail(
              `${what} ${of.name} of ${JSON.stringify(c)}: ${i} is ${got[i]}, expected ${wanted[i]} ± ${allowed}`,
            );
          }
        }
      };
      compare("im2col", columns, 0, [images], (e, [x], out) => e.im2col(c, x!, out));
      compare("col2im", images, taps, [columns], (e, [x], out) => e.col2im(c, x!, out));
      compare("convolve", dy, (c.channels / c.groups) * taps, [images, weights], (e, [x, w], out) =>
        e.convolve(c, x!, w!, out),
      );
      compare(
        "convolvePullbackImages",
        images,
        (c.filters / c.groups) * taps,
        [dy, weights],
        (e, [y, w], out) => e.convolvePullbackImages(c, y!, w!, out),
      );
      compare("convolvePullbackWeights", weights, c.count * positions, [images, dy], (e, [x, y], out) =>
        e.convolvePullbackWeights(c, x!, y!, out),
      );
      compare("sumPool", pooled, taps + 1, [factors, images], (e, [f, x], out) => e.sumPool(c, f!, x!, out));
      compare("sumPoolPullback", images, taps + 1, [factors, pooled], (e, [f, y], out) =>
        e.sumPoolPullback(c, f!, y!, out),
      );
      checkMaxPool(check, c, images, pooled);
      if (c.groups > 1) continue;
      const picks = 4;
      const size = c.filters * positions;
      const from = Int32Array.from({ length: c.count * picks }, (_, k) =>
        // Some nowhere, some twice in the same place.
        k % 7 === 3 ? -1 : Math.floor(k / picks) * size + ((k * k * 31) % size),
      );
      const values = random(from.length);
      // As many sums in one place as there are picks of an image.
      compare("pickedPullbackImages", images, picks * taps, [values, weights], (e, [v, w], out) =>
        e.pickedPullbackImages(c, { from, values: v! }, w!, out),
      );
      const sets = random(3 * from.length);
      sets.fill(0, 2, 5);
      const gradients = random(c.count * 3 * (weights.length + c.filters));
      compare("pickedPullbackWeights", gradients, picks, [images, sets], (e, [x, v], out) =>
        e.pickedPullbackWeights(c, x!, { from, values: v! }, out),
      );
    }
  }
}

function checkMaxPool(check: Checker, c: Convolution, images: Floats, like: Floats): void {
  const values = images.slice();
  // Ties, and a NaN that has to win.
  for (let i = 0; i < values.length; i += 3) values[i] = 0.5;
  if (values.length > 20) values[20] = Number.NaN;
  const [got, wanted] = [like.slice(), like.slice()];
  const [from, expected] = [new Int32Array(like.length), new Int32Array(like.length)];
  check.engine.maxPool(c, values, got, from);
  check.reference.maxPool(c, values, wanted, expected);
  for (let i = 0; i < got.length; i++) {
    if (!Object.is(got[i], wanted[i]) || from[i] !== expected[i]) {
      check.fail(
        `maxPool of ${JSON.stringify(c)}: ${i} is ${got[i]} from ${from[i]}, expected ${wanted[i]} from ${expected[i]}`,
      );
    }
  }
}
