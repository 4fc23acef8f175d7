import type { Floats } from "./engine.ts";

/**
 * Windows that slide over `count` images of `channels` planes, height × width each (NCHW, contiguous). The window at
 * output (r, q) covers the pixels (stride₀ r + dilation₀ a − padding₀, stride₁ q + dilation₁ b − padding₁) for its
 * taps (a, b); pixels outside the image are 0, and left out of pooling. Only the padding above and left is said:
 * below and right it follows from `outputs`, so that it need not be symmetric.
 */
export interface Windows {
  readonly count: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Taps down and across, as all pairs below. */
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** Rows above and columns left of the image. */
  readonly padding: readonly [number, number];
  /** Windows down and across. */
  readonly outputs: readonly [number, number];
}

/** A convolution (a cross-correlation, as networks have it) with weights [filters, channels / groups, …kernel]. */
export interface Convolution extends Windows {
  readonly filters: number;
  /** Filters and channels fall into as many groups, which see nothing of each other; `channels` of them: depthwise. */
  readonly groups: number;
}

/**
 * A cotangent [count, filters, …outputs] that is 0 but where these numbers are added: `from` holds their indices in it, as
 * many an image, one image after the other; −1: nowhere. A max pool leaves such cotangents behind.
 */
export interface Picks<A extends Floats> {
  readonly from: Int32Array;
  readonly values: A;
}

/** The image routines of an engine, in f32 and f64; every output is overwritten whole. */
export interface ImageRoutines {
  /**
   * columns [count, positions, channels · taps]: row p holds what the window at position p (row-major over the
   * outputs) sees, in the order of a convolution's weights; 0 outside the image.
   */
  im2col<A extends Floats>(windows: Windows, images: A, columns: A): void;

  /** The adjoint of `im2col`: each pixel becomes the sum of its copies in the columns. */
  col2im<A extends Floats>(windows: Windows, columns: A, images: A): void;

  /** y [count, filters, …outputs]. */
  convolve<A extends Floats>(convolution: Convolution, images: A, weights: A, y: A): void;

  /** The pull-back of a convolution's cotangent dy to its images. */
  convolvePullbackImages<A extends Floats>(convolution: Convolution, dy: A, weights: A, dimages: A): void;

  /** The pull-back of a convolution's cotangent dy to its weights, summed over the images. */
  convolvePullbackWeights<A extends Floats>(convolution: Convolution, images: A, dy: A, dweights: A): void;

  /** `convolvePullbackImages` of a cotangent of few numbers, for a convolution of one group. */
  pickedPullbackImages<A extends Floats>(
    convolution: Convolution,
    dy: Picks<A>,
    weights: A,
    dimages: A,
  ): void;

  /**
   * The pull-backs of cotangents of few numbers in the same places to the weights of a convolution of one group, image by
   * image: `values` [count, cotangents, picks], gradients [count, cotangents, filters, channels · taps + 1], at the end of
   * each filter's the sum of its numbers.
   */
  pickedPullbackWeights<A extends Floats>(
    convolution: Convolution,
    images: A,
    dy: Picks<A>,
    gradients: A,
  ): void;

  /**
   * y [count, channels, …outputs]: the largest pixel of each window, NaN where there is one; `from` receives its
   * index in `images` (the first of equals), through which tangents and cotangents go. A window that lies outside
   * gives −∞ and −1.
   */
  maxPool<A extends Floats>(windows: Windows, images: A, y: A, from: Int32Array): void;

  /**
   * y [count, channels, …outputs]: the sum of each window's pixels times factors[position]; an average has
   * 1 / the number of pixels that count there.
   */
  sumPool<A extends Floats>(windows: Windows, factors: A, images: A, y: A): void;

  /** The pull-back of `sumPool`. */
  sumPoolPullback<A extends Floats>(windows: Windows, factors: A, dy: A, dimages: A): void;
}

/** Windows over one plane. */
export const positionsOf = ({ outputs: [down, across] }: Windows): number => down * across;

/** Taps of a window in one plane. */
export const tapsOf = ({ kernel: [down, across] }: Windows): number => down * across;
