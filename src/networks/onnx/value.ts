import type { Floats } from "../../engine/index.ts";
import { sizeOf } from "../../linalg/index.ts";
import type { Shape } from "../layer.ts";

/**
 * A value that depends on the network's input, as the graph sees it. A layer's tensors keep the examples on their
 * first axis; a graph may put them elsewhere, or make one axis of examples and other things. Of `n` examples, the axis
 * `batchAxis` has axes[batchAxis] · n entries: `before` blocks of the n examples, each with what else is in the axis.
 */
export interface Flowing {
  readonly kind: "flowing";
  readonly axes: Shape;
  readonly batchAxis: number;
  readonly before: number;
  /** Position of the layer that computes it; −1 is the network's input. */
  readonly source: number;
}

/** A value that is known. */
export interface Constant {
  readonly kind: "constant";
  readonly axes: Shape;
  readonly data: Floats;
  /** Whether its numbers are whole, as sizes and indices are. */
  readonly whole: boolean;
  /** Whether it is, or is arranged from, an initializer with more than one number: a parameter. */
  readonly trained: boolean;
  /** 1 where a number is to be multiplied by the number of examples, which a graph reads off a shape; else 0. */
  readonly powers?: Floats;
}

export type Value = Flowing | Constant;

/** How a flowing value's axes relate to its layer's. */
export type View = Pick<Flowing, "axes" | "batchAxis" | "before">;

/** The shape of one example as layers see it: all but the examples, in the graph's order. */
export function exampleShape(value: View | Constant): Shape {
  return value.axes.flatMap((size, axis) => {
    if ("kind" in value && value.kind === "constant") return [size];
    const { batchAxis, before } = value as View;
    return axis === batchAxis ? [before, size / before].filter((part) => part > 1) : [size];
  });
}

/** The layer's axes that make up an axis of the graph. */
export function layerAxes(value: Value, axis: number): readonly number[] {
  if (value.kind === "constant") return [axis];
  const { axes, batchAxis, before } = value;
  const own = [before, axes[batchAxis]! / before].filter((part) => part > 1).length;
  const first = axis <= batchAxis ? axis : axis - 1 + own;
  return axis === batchAxis ? Array.from({ length: own }, (_, i) => first + i) : [first];
}

/**
 * The view of a flowing value after a reshape to `sizes`, where −1 is what is left and a size with a power counts
 * examples. Undefined where no axis can hold the examples. `fixed` is the file's number of examples, if it has one.
 */
export function reshapedView(
  value: View,
  sizes: readonly number[],
  powers: readonly number[],
  fixed: number | undefined,
): View | undefined {
  const total = sizeOf(value.axes);
  const ahead = sizeOf(value.axes.slice(0, value.batchAxis)) * value.before;
  const open = sizes.indexOf(-1);
  const known = sizeOf(sizes.filter((size) => size !== -1));
  const marked = powers.findIndex((power) => power > 0);
  const at = (axis: number, axes: readonly number[]): View | undefined => {
    const before = ahead / sizeOf(axes.slice(0, axis));
    const whole = [...axes, before, axes[axis]! / before].every((size) => Number.isInteger(size) && size > 0);
    return whole && sizeOf(axes) === total ? { axes, batchAxis: axis, before } : undefined;
  };
  const filled = (numbers: number) => sizes.map((size, i) => (i === open ? numbers / known : size));
  if (marked >= 0) return at(marked, filled(total));
  if (fixed === undefined) return open >= 0 ? at(open, filled(total)) : undefined;
  const axes = filled(total * fixed);
  const views = axes.flatMap((_, axis) => {
    const view = at(
      axis,
      axes.map((size, i) => (i === axis ? size / fixed : size)),
    );
    return view ? [view] : [];
  });
  // Among the places for a fixed number of examples: where it begins an axis, and not among the features, the last.
  const last = sizes.length - 1;
  const likely = (view: View) => view.batchAxis < last || last === 0;
  return views.find((view) => view.before === 1 && likely(view)) ?? views.find(likely) ?? views[0];
}
