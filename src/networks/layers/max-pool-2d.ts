import { engine } from "../../engine/index.ts";
import { floatsLike, sizeOf, type Tensor } from "../../linalg/index.ts";
import type { Layer } from "../layer.ts";
import { outputSize, type Pair, slidingOf, type WindowOptions, windowsOver } from "./windows.ts";

export type MaxPool2dOptions = WindowOptions & {
  /** Whether a last window may reach beyond the image; it may not unless said so. */
  readonly ceil?: boolean;
};

/** Which pixel (an index into the whole batch, or −1) each output is, and the input's shape. */
export interface Picked {
  readonly from: Int32Array;
  readonly shape: readonly number[];
  readonly outputShape: readonly number[];
}

/**
 * The largest pixel of each window over [channels, height, width]; the stride is the kernel's size unless given.
 * Gradients go to the first of equals.
 */
export function maxPool2d(kernel: Pair, { ceil = false, ...options }: MaxPool2dOptions = {}): Layer {
  const sliding = slidingOf("maxPool2d", kernel, { stride: kernel, ...options });
  const layer: Layer<Picked> = {
    definition: { kind: "maxPool2d", ...sliding, ...(ceil && { ceil }) },
    outputShape(image) {
      const { channels, outputs } = windowsOver("maxPool2d", sliding, image, ceil);
      return [channels, ...outputs];
    },
    weightShapes: () => ({}),
    init: () => ({}),
    forward(_weights, x) {
      const count = x.shape[0]!;
      const windows = { ...windowsOver("maxPool2d", sliding, x.shape.slice(1), ceil), count };
      const from = new Int32Array(count * outputSize(windows));
      const data = floatsLike(x.data, from.length);
      engine().maxPool(windows, x.data, data, from);
      const shape = [count, windows.channels, ...windows.outputs];
      return { y: { shape, data }, tape: { from, shape: x.shape, outputShape: shape } };
    },
    vjp: (_weights, tape, dy) => ({ dx: () => putBack(tape, dy), dweights: () => ({}) }),
    jvp: (_weights, tape, dx) => pick(tape, dx!),
  };
  return layer as Layer;
}

/** The tangents of the picked pixels. */
export function pick({ from, outputShape }: Picked, dx: Tensor): Tensor {
  const data = floatsLike(dx.data, from.length);
  for (let k = 0; k < from.length; k++) if (from[k]! >= 0) data[k] = dx.data[from[k]!]!;
  return { shape: outputShape, data };
}

/** Each cotangent added to the pixel that was picked. */
export function putBack({ from, shape }: Picked, dy: Tensor): Tensor {
  const data = floatsLike(dy.data, sizeOf(shape));
  for (let k = 0; k < from.length; k++) if (from[k]! >= 0) data[from[k]!]! += dy.data[k]!;
  return { shape, data };
}
