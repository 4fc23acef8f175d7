import { UsageError } from "../errors/index.ts";
import { type Fn, matrix } from "../linalg/index.ts";
import { type Key, split, uniform } from "../random/index.ts";
import { pointBlocks } from "./point-blocks.ts";
import { tangentSites } from "./sites.ts";
import type { TangentKernel } from "./tangent-kernel.ts";

// Numbers of the Jacobian written out at a time.
const blockSize = 8_000_000;

/**
 * Few features whose products approximate a tangent kernel of many weights: x ↦ J(x) √S C, n × (o · size), for each
 * point its outputs' features one after another. Products of whole rows approximate the trace; of the rows taken apart,
 * n·o × size, the full kernel. C throws every weight, with a random sign, into one of `size` buckets (CountSketch;
 * Clarkson & Woodruff 2013): products are unbiased, with a variance of at most (k(x,x) k(x′,x′) + k(x,x′)²) / size. The
 * same key gives the same features at all points. Throws UsageError for a size that is no positive whole number.
 */
export function tangentSketch(
  kernel: TangentKernel,
  { key, size }: { readonly key: Key; readonly size: number },
): Fn {
  if (!Number.isInteger(size) || size < 1) {
    throw new UsageError(`tangentSketch: size is a whole number of at least 1, got ${size}`);
  }
  const { network, spans, layerScales } = kernel;
  const o = network.outputs;
  const hashes = spans.map(({ index, size: weights }, l) => {
    const draws = uniform(split(key, index), 2 * weights);
    const deviation = Math.sqrt(layerScales[l]!);
    return {
      buckets: Uint32Array.from({ length: weights }, (_, i) => Math.floor(draws[2 * i]! * size)),
      signs: Float64Array.from({ length: weights }, (_, i) =>
        draws[2 * i + 1]! < 0.5 ? -deviation : deviation,
      ),
    };
  });
  const widest = Math.max(...spans.map((span) => span.size));
  return {
    inputs: network.inputs,
    outputs: o * size,
    at(x) {
      const out = matrix(x.rows, o * size);
      for (const { points, from } of pointBlocks(x, Math.max(1, Math.floor(blockSize / (widest * o))))) {
        tangentSites(network, points, spans).forEach(({ layer, side, parameters }, l) => {
          const { buckets, signs } = hashes[l]!;
          const written = matrix(points.rows * o, parameters);
          layer.writeJacobian!(side, written, 0);
          for (let r = 0, k = 0; r < written.rows; r++) {
            const start = (from * o + r) * size;
            for (let i = 0; i < parameters; i++, k++)
              out.data[start + buckets[i]!]! += signs[i]! * written.data[k]!;
          }
        });
      }
      return out;
    },
  };
}
