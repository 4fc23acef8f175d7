import { UsageError } from "../errors/index.ts";
import { dot, type Matrix, toTensor } from "../linalg/index.ts";
import {
  type Examples,
  evaluate,
  layerValues,
  mse,
  type Network,
  type TrainOptions,
  train,
} from "../networks/index.ts";
import { tangentKernel } from "../tangent/index.ts";
import type { Task } from "../tasks/index.ts";
import { kernelMovement, kernelTurn } from "./kernel-statistics.ts";
import { type LogSlope, logSlope } from "./log-slope.ts";

/** A family of networks: the one of a width, with the weights of a seed. */
export type Widened = (width: number, seed: number) => Network;

/** How the values of one layer behave through the first steps of training. */
export interface Coordinates {
  readonly layer: number;
  /** 0 is before training. */
  readonly step: number;
  /** Mean |value| over examples and units. */
  readonly size: number;
  /** Mean |value − value at first|. */
  readonly change: number;
}

/** What training moved in one network. */
export interface WidthRecord {
  readonly width: number;
  readonly seed: number;
  /** ‖Θ − Θ₀‖ / ‖Θ₀‖ of the tangent kernels at the examples. */
  readonly kernelMovement: number;
  /** 1 − ⟨Θ, Θ₀⟩ / (‖Θ‖ ‖Θ₀‖). */
  readonly kernelTurn: number;
  /** ‖h − h₀‖ / ‖h₀‖ of what the last layer with weights takes. */
  readonly featureMovement: number;
  /** After training. */
  readonly loss: number;
  readonly coordinates: readonly Coordinates[];
}

export interface WidthStudyOptions {
  readonly widths: readonly number[];
  /** Networks of each width, of seeds 0, 1, …; 3 unless given. */
  readonly seeds?: number;
  /** Every step takes all examples; `maxSteps` says how many, 200 unless given. */
  readonly training: Omit<TrainOptions, "batchSize" | "epochs" | "onEpoch" | "validation">;
  /** The first steps of which coordinates are taken; 5 unless given. */
  readonly coordinateSteps?: number;
}

/** Measurements of every width and seed, and how they scale with width. */
export interface WidthStudy {
  readonly records: readonly WidthRecord[];
  /** Slopes in log width: NTK −1 and −½, µP 0 and 0 (Yang & Hu 2021). */
  readonly slopes: {
    readonly kernelMovement: LogSlope;
    readonly kernelTurn: LogSlope;
    readonly featureMovement: LogSlope;
  };
}

/**
 * Whether wide networks of a parametrisation learn features: networks of growing width are trained alike, and what
 * moved in each is measured, with the coordinate check (Yang et al. 2022): sizes of all values through the first steps,
 * which should not depend on the width. Yields one report a network.
 */
export function* widthStudy(
  widened: Widened,
  examples: Examples,
  { widths, seeds = 3, training, coordinateSteps = 5 }: WidthStudyOptions,
): Task<WidthStudy> {
  if (new Set(widths).size < 2) throw new UsageError("widthStudy: at least two widths are needed");
  const { x } = examples;
  const steps = training.maxSteps ?? 200;
  const records: WidthRecord[] = [];
  for (const width of widths) {
    for (let seed = 0; seed < seeds; seed++) {
      yield { stage: `width ${width}`, done: records.length, total: widths.length * seeds };
      const before = widened(width, seed);
      const first = valuesAt(before, x);
      const coordinates = [...coordinatesOf(before, x, first, 0)];
      const { network: after } = yield* train(before, examples, {
        ...training,
        batchSize: x.rows,
        epochs: steps,
        onEpoch({ epoch }, network) {
          if (epoch <= coordinateSteps) coordinates.push(...coordinatesOf(network, x, first, epoch));
          return undefined;
        },
      });
      const [start, end] = [before, after].map((net) => tangentKernel(net).gram(x));
      const features = before.sources.at(-1)![0]!;
      records.push({
        ...{ width, seed },
        kernelMovement: kernelMovement(start!, end!),
        kernelTurn: kernelTurn(start!, end!),
        featureMovement: relativeMove(first[features]!, valuesAt(after, x)[features]!),
        loss: evaluate(after, examples, training.loss ?? mse()),
        coordinates,
      });
    }
  }
  const slope = (of: (r: WidthRecord) => number) => logSlope(records.map((r) => ({ x: r.width, y: of(r) })));
  return {
    records,
    slopes: {
      kernelMovement: slope((r) => r.kernelMovement),
      kernelTurn: slope((r) => r.kernelTurn),
      featureMovement: slope((r) => r.featureMovement),
    },
  };
}

/** The coordinate check's verdict on one layer at one step. */
export interface CoordinateSlope {
  readonly layer: number;
  readonly step: number;
  /** Of the mean size, in log width: 0 where the parametrisation keeps it. */
  readonly size: LogSlope;
  /** Of the mean change since the start; undefined at step 0. */
  readonly change: LogSlope | undefined;
}

/** How the values of each layer scale with width, step by step. */
export function coordinateCheck({ records }: WidthStudy): readonly CoordinateSlope[] {
  return records[0]!.coordinates.map(({ layer, step }, k) => {
    const slope = (of: "size" | "change") =>
      logSlope(records.map((r) => ({ x: r.width, y: r.coordinates[k]![of] })));
    return { layer, step, size: slope("size"), change: step === 0 ? undefined : slope("change") };
  });
}

type Values = readonly Float64Array[];

function valuesAt(net: Network, x: Matrix): Values {
  return layerValues(net, toTensor(x, net.inputShape, net.precision)).map(({ data }) =>
    Float64Array.from(data),
  );
}

/** Of the layers with weights: what an activation makes of their values follows. */
function coordinatesOf(net: Network, x: Matrix, first: Values, step: number): readonly Coordinates[] {
  return valuesAt(net, x).flatMap((values, layer) => {
    if (Object.keys(net.weights[layer]!).length === 0) return [];
    const meanOf = (v: Float64Array) => v.reduce((sum, q) => sum + Math.abs(q), 0) / v.length;
    const change = step === 0 ? 0 : meanOf(values.map((v, k) => v - first[layer]![k]!));
    return [{ layer, step, size: meanOf(values), change }];
  });
}

function relativeMove(before: Float64Array, after: Float64Array): number {
  const moved = after.map((v, k) => v - before[k]!);
  return Math.sqrt(dot(moved, moved) / dot(before, before));
}
