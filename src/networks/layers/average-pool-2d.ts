import { engine, type Floats, positionsOf, type Windows } from "../../engine/index.ts";
import { floatsLike, sizeOf, type Tensor } from "../../linalg/index.ts";
import type { Layer, Shape } from "../layer.ts";
import {
  outputSize,
  type Pair,
  type Sliding,
  slidingOf,
  type WindowOptions,
  windowsOver,
} from "./windows.ts";

export type AveragePool2dOptions = WindowOptions & {
  /** Whether a last window may reach beyond the padding; it may not unless said so. */
  readonly ceil?: boolean;
  /** Whether the padding's zeros count; they do unless said otherwise, as in PyTorch. */
  readonly countPadding?: boolean;
};

/** The mean of each window over [channels, height, width]; the stride is the kernel's size unless given. */
export function averagePool2d(kernel: Pair, options: AveragePool2dOptions = {}): Layer {
  const { ceil = false, countPadding = true, ...rest } = options;
  const sliding = slidingOf("averagePool2d", kernel, { stride: kernel, ...rest });
  const over = (image: Shape) => windowsOver("averagePool2d", sliding, image, ceil);
  const pool = (x: Tensor): Tensor => {
    const windows = { ...over(x.shape.slice(1)), count: x.shape[0]! };
    const data = floatsLike(x.data, windows.count * outputSize(windows));
    engine().sumPool(windows, factorsOf(windows, sliding, countPadding, x), x.data, data);
    return { shape: [windows.count, windows.channels, ...windows.outputs], data };
  };
  // The tape is the input's shape.
  const layer: Layer<Shape> = {
    definition: {
      ...{ kind: "averagePool2d", ...sliding },
      ...(ceil && { ceil }),
      ...(!countPadding && { countPadding }),
    },
    outputShape(image) {
      const { channels, outputs } = over(image);
      return [channels, ...outputs];
    },
    weightShapes: () => ({}),
    init: () => ({}),
    forward: (_weights, x) => ({ y: pool(x), tape: x.shape }),
    vjp: (_weights, shape, dy) => ({
      dx() {
        const windows = { ...over(shape.slice(1)), count: shape[0]! };
        const data = floatsLike(dy.data, sizeOf(shape));
        engine().sumPoolPullback(windows, factorsOf(windows, sliding, countPadding, dy), dy.data, data);
        return { shape, data };
      },
      dweights: () => ({}),
    }),
    jvp: (_weights, _tape, dx) => pool(dx!),
  };
  return layer as Layer;
}

/** One over the number of pixels that count at each position; what lies beyond the padding never does. */
function factorsOf(windows: Windows, { padding }: Sliding, countPadding: boolean, like: Tensor): Floats {
  const along = (axis: 0 | 1, size: number): number[] => {
    const [first, end] = countPadding ? [-padding[axis], size + padding[axis + 2]!] : [0, size];
    const { kernel, stride, dilation, outputs } = windows;
    return Array.from({ length: outputs[axis] }, (_, p) => {
      const start = stride[axis] * p - padding[axis];
      let count = 0;
      for (let tap = 0; tap < kernel[axis]; tap++) {
        const pixel = start + dilation[axis] * tap;
        if (pixel >= first && pixel < end) count++;
      }
      return count;
    });
  };
  const down = along(0, windows.height);
  const across = along(1, windows.width);
  const factors = floatsLike(like.data, positionsOf(windows));
  for (let p = 0; p < factors.length; p++) {
    factors[p] = 1 / (down[Math.floor(p / across.length)]! * across[p % across.length]!);
  }
  return factors;
}
