import type { Floats } from "./engine.ts";
import {
  type Convolution,
  type ImageRoutines,
  type Picks,
  positionsOf,
  tapsOf,
  type Windows,
} from "./images.ts";

/** Calls `body` for every plane (image and channel), position and tap; `pixel` is its index in the images, or −1. */
function visit(
  { count, channels, height, width, kernel, stride, dilation, padding, outputs }: Windows,
  body: (plane: number, position: number, tap: number, pixel: number) => void,
): void {
  for (let plane = 0; plane < count * channels; plane++) {
    for (let r = 0; r < outputs[0]; r++) {
      for (let q = 0; q < outputs[1]; q++) {
        for (let a = 0; a < kernel[0]; a++) {
          for (let b = 0; b < kernel[1]; b++) {
            const row = stride[0] * r + dilation[0] * a - padding[0];
            const col = stride[1] * q + dilation[1] * b - padding[1];
            const inside = row >= 0 && row < height && col >= 0 && col < width;
            const pixel = inside ? (plane * height + row) * width + col : -1;
            body(plane, r * outputs[1] + q, a * kernel[1] + b, pixel);
          }
        }
      }
    }
  }
}

/** Where im2col puts a tap. */
function columnIndex(w: Windows, plane: number, position: number, tap: number): number {
  const image = Math.floor(plane / w.channels);
  const channel = plane % w.channels;
  return ((image * positionsOf(w) + position) * w.channels + channel) * tapsOf(w) + tap;
}

/** Calls `body` for every product of a convolution by the indices of its factors and of its result. */
function visitProducts(c: Convolution, body: (image: number, weight: number, y: number) => void): void {
  const [positions, taps] = [positionsOf(c), tapsOf(c)];
  const [ins, outs] = [c.channels / c.groups, c.filters / c.groups];
  visit(c, (plane, position, tap, pixel) => {
    if (pixel < 0) return;
    const image = Math.floor(plane / c.channels);
    const channel = plane % c.channels;
    const group = Math.floor(channel / ins);
    for (let o = group * outs; o < (group + 1) * outs; o++) {
      const weight = (o * ins + (channel % ins)) * taps + tap;
      body(pixel, weight, (image * c.filters + o) * positions + position);
    }
  });
}

/** Sums in f64, rounded once. */
function summed(out: Floats, add: (sums: Float64Array) => void): void {
  const sums = new Float64Array(out.length);
  add(sums);
  out.set(sums);
}

/** One image's picks as a whole cotangent. */
function putBack(c: Convolution, { from, values }: Picks<Floats>, image: number): Float64Array {
  const size = c.filters * positionsOf(c);
  const dy = new Float64Array(size);
  from.forEach((index, k) => {
    if (index >= 0) dy[index - image * size]! += values[k]!;
  });
  return dy;
}

export const referenceImages: ImageRoutines = {
  im2col(w, images, columns) {
    visit(w, (plane, position, tap, pixel) => {
      columns[columnIndex(w, plane, position, tap)] = pixel < 0 ? 0 : images[pixel]!;
    });
  },

  col2im(w, columns, images) {
    summed(images, (sums) => {
      visit(w, (plane, position, tap, pixel) => {
        if (pixel >= 0) sums[pixel]! += columns[columnIndex(w, plane, position, tap)]!;
      });
    });
  },

  convolve(c, images, weights, y) {
    summed(y, (sums) => {
      visitProducts(c, (image, weight, to) => {
        sums[to]! += images[image]! * weights[weight]!;
      });
    });
  },

  convolvePullbackImages(c, dy, weights, dimages) {
    summed(dimages, (sums) => {
      visitProducts(c, (image, weight, y) => {
        sums[image]! += dy[y]! * weights[weight]!;
      });
    });
  },

  convolvePullbackWeights(c, images, dy, dweights) {
    summed(dweights, (sums) => {
      visitProducts(c, (image, weight, y) => {
        sums[weight]! += dy[y]! * images[image]!;
      });
    });
  },

  pickedPullbackImages(c, { from, values }, weights, dimages) {
    const picks = from.length / c.count;
    const size = dimages.length / c.count;
    for (let i = 0; i < c.count; i++) {
      const [start, end] = [i * picks, (i + 1) * picks];
      const dy = putBack(c, { from: from.subarray(start, end), values: values.subarray(start, end) }, i);
      const out = new Float64Array(size);
      referenceImages.convolvePullbackImages({ ...c, count: 1 }, dy, new Float64Array(weights), out);
      dimages.set(out, i * size);
    }
  },

  pickedPullbackWeights(c, images, { from, values }, gradients) {
    const picks = from.length / c.count;
    const size = images.length / c.count;
    const features = c.channels * tapsOf(c);
    const sets = values.length / from.length;
    for (let i = 0; i < c.count; i++) {
      const image = new Float64Array(images.subarray(i * size, (i + 1) * size));
      for (let row = i * sets; row < (i + 1) * sets; row++) {
        const own = {
          from: from.subarray(i * picks, (i + 1) * picks),
          values: values.subarray(row * picks, (row + 1) * picks),
        };
        const dy = putBack(c, own, i);
        const weights = new Float64Array(c.filters * features);
        referenceImages.convolvePullbackWeights({ ...c, count: 1 }, image, dy, weights);
        for (let f = 0; f < c.filters; f++) {
          const at = (row * c.filters + f) * (features + 1);
          gradients.set(weights.subarray(f * features, (f + 1) * features), at);
          const planes = dy.subarray(f * positionsOf(c), (f + 1) * positionsOf(c));
          gradients[at + features] = planes.reduce((a, b) => a + b, 0);
        }
      }
    }
  },

  maxPool(w, images, y, from) {
    const positions = positionsOf(w);
    y.fill(Number.NEGATIVE_INFINITY);
    from.fill(-1);
    visit(w, (plane, position, _tap, pixel) => {
      if (pixel < 0) return;
      const to = plane * positions + position;
      const [value, best] = [images[pixel]!, y[to]!];
      if (from[to]! < 0 || value > best || (Number.isNaN(value) && !Number.isNaN(best))) {
        y[to] = value;
        from[to] = pixel;
      }
    });
  },

  sumPool(w, factors, images, y) {
    const positions = positionsOf(w);
    summed(y, (sums) => {
      visit(w, (plane, position, _tap, pixel) => {
        if (pixel >= 0) sums[plane * positions + position]! += factors[position]! * images[pixel]!;
      });
    });
  },

  sumPoolPullback(w, factors, dy, dimages) {
    const positions = positionsOf(w);
    summed(dimages, (sums) => {
      visit(w, (plane, position, _tap, pixel) => {
        if (pixel >= 0) sums[pixel]! += factors[position]! * dy[plane * positions + position]!;
      });
    });
  },
};
