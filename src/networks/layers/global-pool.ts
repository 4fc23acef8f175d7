import { ShapeError } from "../../errors/index.ts";
import { floatsLike, sizeOf, type Tensor } from "../../linalg/index.ts";
import type { Layer, Shape } from "../layer.ts";
import { type Picked, pick, Scattered } from "./picked.ts";

/** The mean of each channel of [channels, positions …]: [channels]. */
export function globalAveragePool(): Layer {
  // The tape is the input's shape.
  const layer: Layer<Shape> = {
    ...pool("globalAveragePool"),
    forward: (_weights, x) => ({ y: means(x), tape: x.shape }),
    vjp: (_weights, shape, dy) => ({
      dx() {
        const data = floatsLike(dy.data, sizeOf(shape));
        const positions = data.length / dy.data.length;
        dy.data.forEach((v, c) => {
          data.fill(v / positions, c * positions, (c + 1) * positions);
        });
        return { shape, data };
      },
      dweights: () => ({}),
    }),
    jvp: (_weights, _tape, dx) => means(dx!),
  };
  return layer as Layer;
}

/** The largest number of each channel of [channels, positions …]: [channels]. Gradients go to the first of equals. */
export function globalMaxPool(): Layer {
  const layer: Layer<Picked> = {
    ...pool("globalMaxPool"),
    forward(_weights, x) {
      const shape = x.shape.slice(0, 2);
      const from = new Int32Array(sizeOf(shape));
      const positions = x.data.length / from.length;
      for (let c = 0; c < from.length; c++) {
        let best = c * positions;
        // The comparison also finds NaN, and stays there.
        for (let k = best + 1; k < (c + 1) * positions && !Number.isNaN(x.data[best]); k++) {
          if (!(x.data[k]! <= x.data[best]!)) best = k;
        }
        from[c] = best;
      }
      const tape: Picked = { from, shape: x.shape, outputShape: shape };
      return { y: pick(tape, x), tape };
    },
    picked: (tape) => tape,
    vjp: (_weights, tape, dy) => ({ dx: () => new Scattered(tape, dy.data), dweights: () => ({}) }),
    jvp: (_weights, tape, dx) => pick(tape, dx!),
  };
  return layer as Layer;
}

function pool(kind: string): Pick<Layer, "definition" | "outputShape" | "weightShapes" | "init"> {
  return {
    definition: { kind },
    outputShape(input) {
      if (input.length < 2) {
        throw new ShapeError(`${kind} takes [channels, positions …], got shape ${input.join(" × ")}`);
      }
      return [input[0]!];
    },
    weightShapes: () => ({}),
    init: () => ({}),
  };
}

function means(x: Tensor): Tensor {
  const shape = x.shape.slice(0, 2);
  const data = floatsLike(x.data, sizeOf(shape));
  const positions = x.data.length / data.length;
  for (let c = 0; c < data.length; c++) {
    let sum = 0;
    for (let k = c * positions; k < (c + 1) * positions; k++) sum += x.data[k]!;
    data[c] = sum / positions;
  }
  return { shape, data };
}
