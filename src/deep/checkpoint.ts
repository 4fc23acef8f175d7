import { matrix } from "../linalg/index.ts";
import type { OptimizerSnapshot } from "../networks/index.ts";
import type { DeepModel } from "./deep-model.ts";
import type { StartRecord } from "./deep-report.ts";

/** A model's numbers: its coordinates, and the posteriors that natural gradients move. */
export interface ModelNumbers {
  readonly arrays: readonly Float64Array[];
  /** Values and roots of each such layer in turn. */
  readonly posteriors: readonly Float64Array[];
}

/** A start that was searched to its end. */
export interface FinishedStart extends ModelNumbers {
  readonly record: StartRecord;
}

/** Where a fit had come to: plain numbers, safe to keep and to send. */
export interface DeepCheckpoint extends ModelNumbers {
  /** The start under way, from 0. */
  readonly start: number;
  /** Steps of it that are done. */
  readonly step: number;
  readonly optimizer: OptimizerSnapshot;
  /** Factor that retreats have put on the rates. */
  readonly slower: number;
  /** The bound's estimates so far. */
  readonly trace: readonly number[];
  readonly finished: readonly FinishedStart[];
}

/** Values and roots of the layers that natural gradients move. */
export function posteriorsOf(model: DeepModel, isNatural: (layer: number) => boolean): Float64Array[] {
  return model.layers.flatMap((layer, l) =>
    layer.kind === "gp" && isNatural(l) ? [layer.values.data.slice(), layer.roots.data.slice()] : [],
  );
}

/** The model with such values and roots. */
export function withPosteriors(
  model: DeepModel,
  posteriors: readonly Float64Array[],
  isNatural: (layer: number) => boolean,
): DeepModel {
  let at = 0;
  return {
    ...model,
    layers: model.layers.map((layer, l) => {
      if (layer.kind !== "gp" || !isNatural(l)) return layer;
      const { values, roots } = layer;
      const [nextValues, nextRoots] = [posteriors[at++]!, posteriors[at++]!];
      return {
        ...layer,
        values: matrix(values.rows, values.cols, nextValues.slice()),
        roots: matrix(roots.rows, roots.cols, nextRoots.slice()),
      };
    }),
  };
}
