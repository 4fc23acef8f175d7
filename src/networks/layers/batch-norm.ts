import type { Floats } from "../../engine/index.ts";
import { ShapeError } from "../../errors/index.ts";
import { floats, floatsLike, sizeOf, type Tensor } from "../../linalg/index.ts";
import type { Layer, Shape, Weights } from "../layer.ts";
import { type Normalised, normalisation } from "./normalisation.ts";
import { standardise } from "./standardise.ts";

export interface BatchNormOptions {
  /** Added to the variances. */
  readonly epsilon?: number;
  /** The share of a batch's statistics in the new running ones. */
  readonly momentum?: number;
}

/**
 * Mean 0 and variance 1 by channel, then weight · x̂ + bias (Ioffe & Szegedy 2015), for [features] and
 * [channels, …]. In training the statistics are the batch's, and gradients go through them; `running_mean` and
 * `running_var` follow (the latter without bias, n / (n − 1)), and are what `forward` uses: a trained network is
 * frozen, a function of one example at a time.
 */
export function batchNorm({ epsilon = 1e-5, momentum = 0.1 }: BatchNormOptions = {}): Layer {
  const channels = (input: Shape): Shape => {
    if (input.length === 0) throw new ShapeError("batchNorm takes features or channels, got a single number");
    return [input[0]!];
  };
  const shared = normalisation(
    { kind: "batchNorm", epsilon, momentum },
    channels,
    (input) => sizeOf(input.slice(1)),
    (buffers, x) => frozen(buffers, x, epsilon),
  );
  const layer: Layer<Normalised> = {
    ...shared,
    initBuffers(input, precision) {
      const shape = channels(input);
      return {
        running_mean: { shape, data: floats(precision, shape[0]!) },
        running_var: { shape, data: floats(precision, shape[0]!).fill(1) },
      };
    },
    trainingForward(weights, _key, x) {
      const count = x.data.length / x.shape[1]!;
      if (count < 2) {
        throw new ShapeError(
          "batchNorm: a batch of one value a channel has no variance; choose a batch size that leaves no single example",
        );
      }
      const batch = standardise(byChannel(x), count, epsilon);
      const follow = (running: Tensor, seen: Float64Array, factor: number): Tensor => ({
        shape: running.shape,
        data: running.data.map((old, c) => (1 - momentum) * old + momentum * factor * seen[c]!),
      });
      const tape: Normalised = {
        values: byExample(batch.values, x.shape),
        slope: (d) => byExample(batch.slope(byChannel(d)), d.shape),
      };
      return {
        y: shared.affine(weights, tape.values),
        tape,
        buffers: {
          running_mean: follow(weights.running_mean!, batch.means, 1),
          running_var: follow(weights.running_var!, batch.variances, count / (count - 1)),
        },
      };
    },
  };
  return layer as Layer;
}

/** x̂ by the running statistics: a fixed affine map. */
function frozen(buffers: Weights, x: Tensor, epsilon: number): Normalised {
  const means = buffers.running_mean!.data;
  const inverse = Float64Array.from(buffers.running_var!.data, (v) => 1 / Math.sqrt(v + epsilon));
  const positions = sizeOf(x.shape.slice(2));
  const map = (d: Tensor, centre: boolean): Tensor => {
    const data = floatsLike(d.data, d.data.length);
    for (let k = 0; k < data.length; ) {
      for (let c = 0; c < inverse.length; c++) {
        const shift = centre ? means[c]! : 0;
        for (const end = k + positions; k < end; k++) data[k] = (d.data[k]! - shift) * inverse[c]!;
      }
    }
    return { shape: d.shape, data };
  };
  return { values: map(x, true), slope: (d) => map(d, false) };
}

/** [n, channels, …positions] as [channels, n, …positions]: a channel's numbers one after another. */
function byChannel({ shape, data }: Tensor): Floats {
  return swapFirstAxes(data, shape[0]!, shape[1]!);
}

/** The way back. */
function byExample(data: Floats, shape: Shape): Tensor {
  return { shape, data: swapFirstAxes(data, shape[1]!, shape[0]!) };
}

function swapFirstAxes(data: Floats, first: number, second: number): Floats {
  const run = data.length / (first * second);
  const out = floatsLike(data, data.length);
  for (let i = 0; i < first; i++) {
    for (let j = 0; j < second; j++) {
      const from = (i * second + j) * run;
      out.set(data.subarray(from, from + run), (j * first + i) * run);
    }
  }
  return out;
}
