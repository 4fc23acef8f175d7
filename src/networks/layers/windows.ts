import { positionsOf, type Windows } from "../../engine/index.ts";
import { ShapeError, UsageError } from "../../errors/index.ts";
import type { LayerDefinition, Shape } from "../layer.ts";

/** One number for both axes, or [down, across]. */
export type Pair = number | readonly [number, number];

/** How windows slide over an image; numbers of pixels. */
export interface WindowOptions {
  readonly stride?: Pair;
  /** Rows and columns of zeros on each side; [top, left, bottom, right] where they differ, as ONNX has them. */
  readonly padding?: Pair | readonly [number, number, number, number];
  readonly dilation?: Pair;
}

/** The same, written out, as it stands in a layer's definition. */
export interface Sliding {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number, number, number];
  readonly dilation: readonly [number, number];
}

/** Throws UsageError unless kernel, stride and dilation are at least 1 and the padding at least 0. */
export function slidingOf(layer: string, kernel: Pair, options: WindowOptions): Sliding {
  const whole = (name: string, values: readonly number[], least: number): void => {
    if (values.some((v) => !Number.isInteger(v) || v < least)) {
      throw new UsageError(
        `${layer}: ${name} is in whole numbers of at least ${least}, got ${values.join(", ")}`,
      );
    }
  };
  const both = (value: Pair): readonly [number, number] =>
    typeof value === "number" ? [value, value] : value;
  const { stride = 1, padding = 0, dilation = 1 } = options;
  const [top, left, bottom, right] =
    typeof padding === "number" ? [padding, padding] : (padding as readonly number[]);
  const sliding: Sliding = {
    kernel: both(kernel),
    stride: both(stride),
    padding: [top!, left!, bottom ?? top!, right ?? left!],
    dilation: both(dilation),
  };
  whole("kernel", sliding.kernel, 1);
  whole("stride", sliding.stride, 1);
  whole("dilation", sliding.dilation, 1);
  whole("padding", sliding.padding, 0);
  return sliding;
}

/** The options in a layer's definition. */
export function windowOptionsOf({ stride, padding, dilation }: LayerDefinition): WindowOptions {
  return { stride, padding, dilation } as unknown as WindowOptions;
}

/**
 * The windows over one image [channels, height, width]. With `ceil` a last window may reach beyond the padding, if it
 * starts before its end (PyTorch's and ONNX's ceil mode). Throws ShapeError where there is no image, or no window fits.
 */
export function windowsOver(
  layer: string,
  { kernel, stride, padding, dilation }: Sliding,
  image: Shape,
  ceil = false,
): Windows {
  if (image.length !== 3) {
    throw new ShapeError(`${layer} takes images [channels, height, width], got shape ${image.join(" × ")}`);
  }
  const [channels, height, width] = image as [number, number, number];
  const along = (axis: 0 | 1, size: number): number => {
    const padded = size + padding[axis] + padding[axis + 2]!;
    const room = padded - dilation[axis] * (kernel[axis] - 1) - 1;
    if (room < 0) {
      throw new ShapeError(
        `${layer}: a window of ${kernel.join(" × ")} (dilation ${dilation.join(", ")}) does not fit into an image of ${height} × ${width} with padding ${padding.join(", ")}`,
      );
    }
    const count = (ceil ? Math.ceil(room / stride[axis]) : Math.floor(room / stride[axis])) + 1;
    return (count - 1) * stride[axis] >= size + padding[axis] ? count - 1 : count;
  };
  return {
    count: 1,
    channels,
    height,
    width,
    kernel,
    stride,
    dilation,
    padding: [padding[0], padding[1]],
    outputs: [along(0, height), along(1, width)],
  };
}

/** How many numbers an image, and what the windows make of it with so many channels, have. */
export function imageSize({ channels, height, width }: Windows): number {
  return channels * height * width;
}

export function outputSize(windows: Windows, channels: number = windows.channels): number {
  return channels * positionsOf(windows);
}
