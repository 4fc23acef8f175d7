import { type Convolution, engine, positionsOf, tapsOf } from "../../engine/index.ts";
import { ShapeError, UsageError } from "../../errors/index.ts";
import { floatsLike, joinTensors, type Tensor } from "../../linalg/index.ts";
import type { Layer, Shape, TangentSide, Weights } from "../layer.ts";
import { gradientTangent } from "./gradient-tangent.ts";
import { allLinearGradients, type LinearSide } from "./linear-gradients.ts";
import { addLinearTangentDiagonal, addLinearTangentGram, writeLinearJacobian } from "./linear-tangent.ts";
import { type LinearParametrisation, parametrised } from "./parametrisation.ts";
import { sparseCotangent, sparseCotangents, sparseGradient, sparseGradients } from "./sparse-convolution.ts";
import { drawFan } from "./uniform-fan.ts";
import { imageSize, outputSize, type Pair, slidingOf, type WindowOptions, windowsOver } from "./windows.ts";

export type Conv2dOptions = WindowOptions &
  LinearParametrisation & {
    /** Filters and channels fall into so many groups that see nothing of each other; `channels`: depthwise. */
    readonly groups?: number;
    /** Whether there is a bias; there is unless said otherwise. */
    readonly bias?: boolean;
  };

/** The images; patches are made again where they are wanted. */
type Tape = Tensor;

/**
 * A cross-correlation of images [channels, height, width] with `filters` windows: weight [filters, channels / groups,
 * …kernel], bias [filters], drawn uniformly between ±1/√fan_in, as PyTorch has them.
 */
export function conv2d(filters: number, kernel: Pair, options: Conv2dOptions = {}): Layer {
  const { stride, padding, dilation, groups = 1, bias = true, ...parametrisation } = options;
  const sliding = slidingOf("conv2d", kernel, options);
  if (
    !Number.isInteger(filters) ||
    filters < 1 ||
    !Number.isInteger(groups) ||
    groups < 1 ||
    filters % groups !== 0
  ) {
    throw new UsageError(
      `conv2d: filters and groups are whole numbers of at least 1, filters a multiple of groups, got ${filters} and ${groups}`,
    );
  }
  const convolutionOver = (image: Shape, count = 1): Convolution => {
    const windows = windowsOver("conv2d", sliding, image);
    if (windows.channels % groups !== 0) {
      throw new ShapeError(`conv2d: ${windows.channels} channels do not fall into ${groups} groups`);
    }
    return { ...windows, count, filters, groups };
  };
  const convolutionOf = (x: Tensor): Convolution => convolutionOver(x.shape.slice(1), x.shape[0]);
  const weightShapes = (image: Shape): Readonly<Record<string, Shape>> => ({
    weight: [filters, convolutionOver(image).channels / groups, ...sliding.kernel],
    ...(bias && { bias: [filters] }),
  });
  const convolve = (x: Tensor, weight: Tensor): Tensor => {
    const c = convolutionOf(x);
    const data = floatsLike(x.data, c.count * outputSize(c, filters));
    engine().convolve(c, x.data, weight.data, data);
    return { shape: [c.count, filters, ...c.outputs], data };
  };

  const linearSide = ({ tape: x, cotangents }: TangentSide<Tape>): LinearSide => {
    const c = convolutionOf(x);
    const shape = [c.count, positionsOf(c), c.channels * tapsOf(c)] as const;
    const columns = floatsLike(x.data, shape[0] * shape[1] * shape[2]);
    engine().im2col(c, x.data, columns);
    const planes = cotangents.map(({ data }) => ({ shape: [shape[0], filters, shape[1]], data }));
    return { inputs: { shape, data: columns }, cotangents: planes, order: "units first", bias };
  };
  // Each group is a linear map of its own, of few weights: these are written out.
  const groupwise = gradientTangent<Tape>(
    (x) => filters * ((x.shape[1]! / groups) * sliding.kernel[0] * sliding.kernel[1] + (bias ? 1 : 0)),
    (x, dy, example, row) => {
      const c = { ...convolutionOf(x), count: 1 };
      const [image, y] = [imageSize(c), outputSize(c, filters)];
      const cotangent = dy.data.subarray(example * y, (example + 1) * y);
      const weights = bias ? row.length - filters : row.length;
      const dweight = floatsLike(x.data, weights);
      engine().convolvePullbackWeights(
        c,
        x.data.subarray(example * image, (example + 1) * image),
        cotangent,
        dweight,
      );
      for (let k = 0; k < weights; k++) row[k]! += dweight[k]!;
      if (bias) addPlaneSums(cotangent, positionsOf(c), row.subarray(weights));
    },
  );

  const layer: Layer<Tape> = {
    definition: {
      ...{ kind: "conv2d", filters, ...sliding },
      ...(groups !== 1 && { groups }),
      ...(!bias && { bias }),
    },
    outputShape: (image) => [filters, ...convolutionOver(image).outputs],
    weightShapes,
    init(key, image, precision): Weights {
      const shapes = weightShapes(image);
      const [, channels, down, across] = shapes.weight as [number, number, number, number];
      return drawFan(key, shapes, channels * down * across, precision);
    },
    forward(weights, x) {
      const y = convolve(x, weights.weight!);
      if (weights.bias) addToPlanes(y, weights.bias);
      return { y, tape: x };
    },
    vjp(weights, x, dy) {
      const c = convolutionOf(x);
      return {
        dx() {
          const data = floatsLike(x.data, x.data.length);
          const sparse = sparseCotangents(c, [dy])?.[0];
          if (sparse) {
            const picks = { from: sparse.picked.from, values: sparse.values };
            engine().pickedPullbackImages(c, picks, weights.weight!.data, data);
          } else engine().convolvePullbackImages(c, dy.data, weights.weight!.data, data);
          return { shape: x.shape, data };
        },
        dweights() {
          const { shape } = weights.weight!;
          const sparse = sparseCotangent(c, dy);
          if (sparse) {
            const sums = sparseGradient(c, x.data, sparse);
            const weight = { shape, data: sums.weight };
            return bias ? { weight, bias: { shape: [filters], data: sums.bias } } : { weight };
          }
          const weight = { shape, data: floatsLike(x.data, weights.weight!.data.length) };
          engine().convolvePullbackWeights(c, x.data, dy.data, weight.data);
          if (!bias) return { weight };
          const sums = new Float64Array(filters);
          addPlaneSums(dy.data, positionsOf(c), sums);
          const data = floatsLike(x.data, filters);
          data.set(sums);
          return { weight, bias: { shape: [filters], data } };
        },
      };
    },
    jvp(weights, x, dx, dweights) {
      const fromWeights = dweights && convolve(x, dweights.weight!);
      if (fromWeights && dweights.bias) addToPlanes(fromWeights, dweights.bias);
      const fromInput = dx && convolve(dx, weights.weight!);
      if (fromInput && fromWeights) {
        const { data } = fromInput;
        for (let k = 0; k < data.length; k++) data[k]! += fromWeights.data[k]!;
      }
      return fromInput ?? fromWeights ?? zeros(x, convolutionOf(x));
    },
    joinTapes: joinTensors,
    ...(groups > 1
      ? groupwise
      : {
          addTangentGram(a, b, scale, out) {
            const left = linearSide(a);
            addLinearTangentGram(left, a === b ? left : linearSide(b), scale, out);
          },
          addTangentDiagonal: (side, scale, out) => addLinearTangentDiagonal(linearSide(side), scale, out),
          linearSide,
          unorderedGradients(side) {
            const c = convolutionOf(side.tape);
            const sparse = sparseCotangents(c, side.cotangents);
            if (sparse) return sparseGradients(c, side.tape.data, sparse, bias);
            return allLinearGradients(linearSide(side));
          },
          writeJacobian: (side, out, column) => writeLinearJacobian(linearSide(side), out, column),
        }),
  };
  return parametrised(layer, parametrisation as LinearParametrisation, {
    fans: ([units, channels, down, across]) => [channels! * down! * across!, units!],
    unitAxis: 1,
  });
}

function zeros(x: Tensor, c: Convolution): Tensor {
  return {
    shape: [c.count, c.filters, ...c.outputs],
    data: floatsLike(x.data, c.count * outputSize(c, c.filters)),
  };
}

/** Adds a number a channel to every pixel of [n, channels, height, width]. */
function addToPlanes({ shape, data }: Tensor, { data: bias }: Tensor): void {
  const positions = shape[2]! * shape[3]!;
  for (let k = 0, plane = 0; k < data.length; plane++) {
    const b = bias[plane % bias.length]!;
    for (const end = k + positions; k < end; k++) data[k]! += b;
  }
}

/** Adds the sum of each channel's pixels, over all images, to `sums`. */
function addPlaneSums(data: Tensor["data"], positions: number, sums: Float64Array): void {
  for (let k = 0, plane = 0; k < data.length; plane++) {
    let sum = 0;
    for (const end = k + positions; k < end; k++) sum += data[k]!;
    sums[plane % sums.length]! += sum;
  }
}
