import {
  type Adjustable,
  fromVector,
  type Gradient,
  gradientVector,
  type Parameters,
  toVector,
} from "../kernels/index.ts";
import { matrix } from "../linalg/index.ts";
import { columnSpreads } from "../processes/index.ts";
import type { DeepBound } from "./bound.ts";
import type { DeepModel } from "./deep-model.ts";
import type { FittedLayer } from "./sparse-layer.ts";

/**
 * A deep model as arrays that an optimiser steps in: logarithms of positive parameters, inducing points in units of
 * their spread, the lower triangles of the roots. Layers with natural gradients keep their posterior to themselves.
 */
export interface Coordinates {
  /** The model's own arrays, in a fixed order. */
  of(model: DeepModel): Float64Array[];
  /** The model at these arrays; what they do not hold (natural layers' posteriors, what is fixed) as in `like`. */
  at(arrays: readonly Float64Array[], like: DeepModel): DeepModel;
  /** The bound's gradient in the arrays. */
  gradient(model: DeepModel, bound: DeepBound): Float64Array[];
  /** What each array is, for reports: "0.kernel", "1.inducing", "likelihood". */
  readonly names: readonly string[];
}

/** One array: how it is read, written, and differentiated. */
interface Part {
  readonly name: string;
  read(model: DeepModel): Float64Array;
  write(model: DeepModel, array: Float64Array): DeepModel;
  slope(model: DeepModel, bound: DeepBound): Float64Array;
}

/** The coordinates of models made like this one. */
export function coordinates(model: DeepModel, natural: (layer: number) => boolean): Coordinates {
  const parts = [
    ...model.layers.flatMap((layer, l) => layerParts(layer, l, natural(l))),
    adjustable(
      "likelihood",
      (m) => m.likelihood,
      (m, likelihood) => ({ ...m, likelihood }),
      (b) => b.likelihood,
    ),
  ].filter((part) => part.read(model).length > 0);
  return {
    names: parts.map(({ name }) => name),
    of: (m) => parts.map((part) => part.read(m)),
    at: (arrays, like) => parts.reduce((m, part, i) => part.write(m, arrays[i]!), like),
    gradient: (m, bound) => parts.map((part) => part.slope(m, bound)),
  };
}

function layerParts(layer: FittedLayer, l: number, natural: boolean): Part[] {
  if (layer.kind === "fn") {
    const fn = (m: DeepModel) => m.layers[l] as FittedLayer & { kind: "fn" };
    return [
      adjustable(
        `${l}.function`,
        (m) => fn(m).fn,
        (m, next) => withLayer(m, l, { ...fn(m), fn: next }),
        (b) => b.layers[l]!.mean,
      ),
    ];
  }
  const own = (m: DeepModel) => m.layers[l] as FittedLayer & { kind: "gp" };
  const spread = columnSpreads(layer.inducing);
  const m = layer.inducing.rows;
  const mean = adjustable(
    `${l}.mean`,
    (model) => own(model).mean,
    (model, next) => withLayer(model, l, { ...own(model), mean: next }),
    (b) => b.layers[l]!.mean,
  );
  const parts: Part[] = [
    adjustable(
      `${l}.kernel`,
      (model) => own(model).kernel,
      (model, kernel) => withLayer(model, l, { ...own(model), kernel }),
      (b) => b.layers[l]!.kernel,
    ),
    // A step in all weights of a linear map moves its values by about a step then, however many columns there are.
    layer.meanName === "linear" ? inUnits(1 / layer.inputs, mean) : mean,
  ];
  if (!layer.pinned) {
    parts.push({
      name: `${l}.inducing`,
      read: (model) => own(model).inducing.data.map((v, k) => v / spread[k % layer.inputs]!),
      write: (model, array) =>
        withLayer(model, l, {
          ...own(model),
          inducing: matrix(
            m,
            layer.inputs,
            array.map((v, k) => v * spread[k % layer.inputs]!),
          ),
        }),
      slope: (_, b) => b.layers[l]!.inducing.data.map((v, k) => v * spread[k % layer.inputs]!),
    });
  }
  if (!natural) {
    parts.push(
      {
        name: `${l}.values`,
        read: (model) => own(model).values.data.slice(),
        write: (model, array) =>
          withLayer(model, l, { ...own(model), values: matrix(m, layer.width, array.slice()) }),
        slope: (_, b) => b.layers[l]!.values.data,
      },
      {
        name: `${l}.roots`,
        read: (model) => packed(own(model).roots.data, m),
        write: (model, array) =>
          withLayer(model, l, {
            ...own(model),
            roots: matrix(m * layer.width, m, unpacked(array, m, layer.width)),
          }),
        slope: (_, b) => packed(b.layers[l]!.roots!.data, m),
      },
    );
  }
  return parts;
}

function adjustable<T extends Adjustable<T>>(
  name: string,
  get: (model: DeepModel) => T,
  set: (model: DeepModel, value: T) => DeepModel,
  slopes: (bound: DeepBound) => Gradient,
): Part {
  const parametersOf = (model: DeepModel): Parameters => get(model).parameters;
  return {
    name,
    read: (model) => toVector(parametersOf(model)),
    write: (model, array) => set(model, get(model).with(fromVector(array, parametersOf(model)))),
    slope: (model, bound) => gradientVector(parametersOf(model), slopes(bound)),
  };
}

function inUnits(unit: number, part: Part): Part {
  return {
    name: part.name,
    read: (model) => part.read(model).map((v) => v / unit),
    write: (model, array) =>
      part.write(
        model,
        array.map((v) => v * unit),
      ),
    slope: (model, bound) => part.slope(model, bound).map((v) => v * unit),
  };
}

function withLayer(model: DeepModel, l: number, layer: FittedLayer): DeepModel {
  return { ...model, layers: model.layers.map((other, i) => (i === l ? layer : other)) };
}

/** The lower triangles of stacked m × m matrices, row by row. */
function packed(stack: Float64Array, m: number): Float64Array {
  const count = stack.length / (m * m);
  const out = new Float64Array((count * m * (m + 1)) / 2);
  for (let r = 0, k = 0; r < count * m; r++) {
    for (let j = 0; j <= r % m; j++, k++) out[k] = stack[r * m + j]!;
  }
  return out;
}

function unpacked(triangles: Float64Array, m: number, count: number): Float64Array {
  const out = new Float64Array(count * m * m);
  for (let r = 0, k = 0; r < count * m; r++) {
    for (let j = 0; j <= r % m; j++, k++) out[r * m + j] = triangles[k]!;
  }
  return out;
}
