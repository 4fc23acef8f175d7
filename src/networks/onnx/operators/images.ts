import { FormatError } from "../../../errors/index.ts";
import type { Layer, Shape, Weights } from "../../layer.ts";
import { averagePool2d } from "../../layers/average-pool-2d.ts";
import { conv2d } from "../../layers/conv-2d.ts";
import { globalAveragePool, globalMaxPool } from "../../layers/global-pool.ts";
import { maxPool2d } from "../../layers/max-pool-2d.ts";
import type { WindowOptions } from "../../layers/windows.ts";
import type { Operation, Operator } from "../operation.ts";
import type { Value } from "../value.ts";

export const images: Readonly<Record<string, Operator>> = {
  Conv: (o) => {
    const weight = o.constant(1);
    const bias = o.inputs[2] && o.constant(2);
    const [filters, , ...kernel] = weight.axes as [number, number, ...number[]];
    return overImage(o, kernel, (size, options) => ({
      layer: conv2d(filters, size, { ...options, groups: o.number("group", 1), bias: bias !== undefined }),
      tensors: {
        weight: o.graph.tensor(weight, [filters, weight.axes[1]!, ...size]),
        ...(bias && { bias: o.graph.tensor(bias) }),
      },
    }));
  },
  MaxPool: (o) => {
    if (o.node.outputs.length > 1)
      throw new FormatError("gives the places of its maxima, which are not read");
    return overImage(o, kernelOf(o), (size, options) => ({
      layer: maxPool2d(size, { ...options, ceil: o.number("ceil_mode", 0) !== 0 }),
    }));
  },
  AveragePool: (o) =>
    overImage(o, kernelOf(o), (size, options) => ({
      layer: averagePool2d(size, {
        ...options,
        ceil: o.number("ceil_mode", 0) !== 0,
        countPadding: o.number("count_include_pad", 0) !== 0,
      }),
    })),
  GlobalAveragePool: (o) => global(o, globalAveragePool()),
  GlobalMaxPool: (o) => global(o, globalMaxPool()),
};

function kernelOf(operation: Operation): readonly number[] {
  const kernel = operation.numbers("kernel_shape");
  if (kernel) return kernel;
  throw new FormatError("has no kernel_shape");
}

interface Made {
  readonly layer: Layer;
  readonly tensors?: Weights;
}

/** Windows over images [n, channels, height, width], or over sequences [n, channels, length] as images one pixel high. */
function overImage(
  operation: Operation,
  kernel: readonly number[],
  make: (kernel: readonly [number, number], options: WindowOptions) => Made,
): Value {
  const { graph } = operation;
  const x = operation.batchFirst(0);
  const spatial = x.axes.length - 2;
  if (kernel.length !== spatial || (spatial !== 1 && spatial !== 2)) {
    throw new FormatError(
      `is read over one or two axes, got a kernel of ${kernel.length} and a value of ${x.axes.length} axes`,
    );
  }
  const stride = operation.numbers("strides") ?? kernel.map(() => 1);
  const dilation = operation.numbers("dilations") ?? kernel.map(() => 1);
  const padding = paddingOf(operation, x.axes.slice(2), kernel, stride, dilation);
  // A sequence gets a first axis of one pixel.
  const flat = spatial === 1;
  const both = (values: readonly number[], first: number) =>
    (flat ? [first, values[0]!] : values) as unknown as readonly [number, number];
  const { layer, tensors = {} } = make(both(kernel, 1), {
    stride: both(stride, 1),
    dilation: both(dilation, 1),
    padding: (flat ? [0, padding[0]!, 0, padding[1]!] : padding) as readonly [number, number, number, number],
  });
  const image = flat ? graph.reshaped(x, { ...x, axes: [1, x.axes[1]!, 1, x.axes[2]!] }) : x;
  const shape = layer.outputShape(image.axes.slice(1));
  const y = graph.place(layer, [image], { ...x, axes: [1, ...shape] }, tensors);
  return flat ? graph.reshaped(y, { ...x, axes: [1, shape[0]!, shape[2]!] }) : y;
}

/** [top, left, bottom, right], or [left, right]. */
function paddingOf(
  operation: Operation,
  sizes: Shape,
  kernel: Shape,
  stride: Shape,
  dilation: Shape,
): readonly number[] {
  const mode = operation.text("auto_pad", "NOTSET");
  if (mode === "NOTSET") return operation.numbers("pads") ?? [...kernel, ...kernel].map(() => 0);
  if (mode === "VALID") return [...kernel, ...kernel].map(() => 0);
  const totals = sizes.map((size, i) => {
    const reach = dilation[i]! * (kernel[i]! - 1) + 1;
    return Math.max(0, (Math.ceil(size / stride[i]!) - 1) * stride[i]! + reach - size);
  });
  const less = totals.map((total) => Math.floor(total / 2));
  const more = totals.map((total) => Math.ceil(total / 2));
  return mode === "SAME_LOWER" ? [...more, ...less] : [...less, ...more];
}

function global(operation: Operation, layer: Layer): Value {
  const { graph } = operation;
  const x = operation.batchFirst(0);
  const [, channels, ...rest] = x.axes as [number, number, ...number[]];
  const pooled = graph.place(layer, [x], { ...x, axes: [1, channels] });
  return graph.reshaped(pooled, { ...x, axes: [1, channels, ...rest.map(() => 1)] });
}
