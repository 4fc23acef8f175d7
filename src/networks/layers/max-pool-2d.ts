import { engine } from "../../engine/index.ts";
import { floatsLike } from "../../linalg/index.ts";
import type { Layer } from "../layer.ts";
import { type Picked, pick, Scattered } from "./picked.ts";
import { outputSize, type Pair, slidingOf, type WindowOptions, windowsOver } from "./windows.ts";

export type MaxPool2dOptions = WindowOptions & {
  /** Whether a last window may reach beyond the image; it may not unless said so. */
  readonly ceil?: boolean;
};

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
    picked: (tape) => tape,
    vjp: (_weights, tape, dy) => ({ dx: () => new Scattered(tape, dy.data), dweights: () => ({}) }),
    jvp: (_weights, tape, dx) => pick(tape, dx!),
  };
  return layer as Layer;
}
