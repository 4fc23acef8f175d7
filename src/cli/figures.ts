import { InvalidArgumentError } from "commander";
import {
  type ConstrainedGpModel,
  constraintsText,
  type DeepTableModel,
  type GpModel,
  inputsOfModel,
  type LargeGpModel,
  type Model,
  type Prediction,
  standardise,
  type Table,
  type TableModel,
  targetOf,
} from "../data/index.ts";
import { column } from "../data/table.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { type Figure, functionBand, predictionTruth, stacked } from "../plot/index.ts";
import { toPng } from "../plot/png.ts";
import { type Key, normalQuantile } from "../random/index.ts";

/** An option's path to a figure: .svg or .png. */
export function figurePath(text: string): string {
  if (!/\.(svg|png)$/i.test(text))
    throw new InvalidArgumentError("expected a file name ending in .svg or .png.");
  return text;
}

/** The bytes of a figure in the format that its path asks for. */
export async function figureBytes(figure: Figure, path: string): Promise<Uint8Array | string> {
  return /\.png$/i.test(path) ? await toPng(figure) : figure.svg;
}

/** Predictions of a table against its targets. */
export function predictionFigure(target: string, prediction: Prediction, truth: Float64Array): Figure {
  const { mean, spread } = prediction;
  return predictionTruth({
    target,
    truth,
    mean,
    ...(spread && { interval: { lower: spread.lower, upper: spread.upper } }),
  });
}

/** A distribution over functions of one variable, in the table's units. */
interface OneInput {
  /** Below the title. */
  readonly note?: string;
  readonly seen: { readonly x: Float64Array; readonly y: Float64Array };
  /** Where to draw at least. */
  readonly range: readonly [number, number];
  at(x: Float64Array): {
    mean: Float64Array;
    lower: Float64Array;
    upper: Float64Array;
    before?: Float64Array;
  };
  sample(x: Float64Array, key: Key, count: number): readonly Float64Array[];
}

/**
 * The model as a function of its one input with its 95 % band and the rows it has seen, over those rows and the ones
 * of `beyond`; undefined for a model of several inputs, or a network that was not adapted.
 */
export function bandFigure(
  model: TableModel,
  options: {
    readonly beyond?: Table;
    readonly samples?: { readonly key: Key; readonly count: number };
    /** In the title; "fitted", "adapted" or what is known of the function unless given. */
    readonly when?: string;
  } = {},
): Figure | undefined {
  const one =
    model.kind === "large"
      ? oneInputOfLarge(model)
      : model.kind === "constrained"
        ? oneInputOfConstrained(model)
        : model.kind === "gp"
          ? oneInputOfGp(model)
          : model.kind === "deep"
            ? oneInputOfDeep(model)
            : oneInputOfNetwork(model);
  if (!one) return undefined;
  const input = inputsOfModel(model)[0]!;
  let [low, high] = one.range;
  for (const v of [...one.seen.x, ...(options.beyond ? column(options.beyond, input) : [])]) {
    [low, high] = [Math.min(low, v), Math.max(high, v)];
  }
  const points = 200;
  const x = Float64Array.from({ length: points }, (_, i) => low + ((high - low) * i) / (points - 1));
  const { before, ...band } = one.at(x);
  const { samples, when = whenOf(model) } = options;
  return functionBand({
    title: `${targetOf(model)}, ${when}`,
    ...(one.note !== undefined && { subtitle: one.note }),
    input,
    output: targetOf(model),
    x,
    ...band,
    ...(before && { before }),
    ...(samples && { samples: one.sample(x, samples.key, samples.count) }),
    observations: one.seen,
  });
}

function whenOf(model: TableModel): string {
  if (model.kind === "constrained") return constraintsText(model);
  return model.kind === "network" ? "adapted" : "fitted";
}

/**
 * Points to evaluate next on slices of the function through the first of them: one panel an input, the others held where
 * that point has them. Of a single input the slice is the function itself, and the rows seen stand on it.
 */
export function suggestionFigure(
  { inputs, target, process }: GpModel,
  x: Matrix,
  box: { readonly lower: ArrayLike<number>; readonly upper: ArrayLike<number> },
): Figure {
  const places = 120;
  const alone = inputs.length === 1;
  const expected = process.at(x).mean.data;
  const slices = inputs.map((_, c) => {
    const [low, high] = [box.lower[c]!, box.upper[c]!];
    const along = Float64Array.from({ length: places }, (_, i) => low + ((high - low) * i) / (places - 1));
    const slice = matrix(
      places,
      inputs.length,
      Float64Array.from({ length: places * inputs.length }, (_, k) =>
        k % inputs.length === c ? along[Math.floor(k / inputs.length)]! : x.data[k % inputs.length]!,
      ),
    );
    const f = process.at(slice);
    return { along, mean: f.mean.data, ...f.interval(0.95) };
  });
  // One range for all slices: an input that does nothing should look so.
  const ends = slices.flatMap(({ lower, upper }) => [...lower.data, ...upper.data]);
  const [least, most] = [Math.min(...ends), Math.max(...ends)];
  const margin = 0.05 * (most - least);
  const panels = inputs.map((input, c) => {
    const { along, mean, lower, upper } = slices[c]!;
    const seen = process.solution;
    // On a slice only the point that it goes through lies on the function.
    const shown = alone ? Array.from({ length: x.rows }, (_, i) => i) : [0];
    return functionBand({
      title:
        c === 0 ? (alone ? `${target}: where to look next` : `${target} around the first suggestion`) : "",
      input,
      output: target,
      ...(!alone && { height: c === 0 ? 290 : 230 }),
      x: along,
      ...(!alone && { range: [least - margin, most + margin] as const }),
      mean,
      lower: lower.data,
      upper: upper.data,
      suggested: {
        x: shown.map((i) => x.data[i * inputs.length + c]!),
        y: shown.map((i) => expected[i]!),
      },
      ...(alone && { observations: { x: seen.x.data, y: seen.y.data } }),
    });
  });
  return panels.length === 1 ? panels[0]! : stacked(panels, `${target} around the first suggestion`);
}

/** Each row that a process has seen, predicted from all others. */
export function leaveOneOutFigure({ process, target }: GpModel, when?: string): Figure {
  const { mean, variance } = process.leaveOneOut();
  const width = normalQuantile(0.975);
  const end = (sign: number) => mean.data.map((m, i) => m + sign * width * Math.sqrt(variance.data[i]!));
  return predictionTruth({
    title: `Leave-one-out predictions of ${target}${when === undefined ? "" : `, ${when}`}`,
    target,
    truth: process.solution.y.data,
    mean: mean.data,
    interval: { lower: end(-1), upper: end(1) },
  });
}

function oneInputOfGp({ inputs, process }: GpModel): OneInput | undefined {
  if (inputs.length !== 1) return undefined;
  const { x, y } = process.solution;
  const places = (values: Float64Array) => matrix(values.length, 1, values);
  return {
    seen: { x: x.data, y: y.data },
    range: widened(x.data),
    at(values) {
      const f = process.at(places(values));
      const { lower, upper } = f.interval(0.95);
      return { mean: f.mean.data, lower: lower.data, upper: upper.data };
    },
    sample: (values, key, count) => process.sample(key, count).map((f) => f.at(places(values)).data),
  };
}

function oneInputOfConstrained({ inputs, process }: ConstrainedGpModel): OneInput | undefined {
  if (inputs.length !== 1) return undefined;
  const places = (values: Float64Array) => matrix(values.length, 1, values);
  return {
    seen: { x: process.data.x.data, y: process.data.y.data },
    range: widened(process.data.x.data),
    at(values) {
      const { mean, lower, upper } = process.within(places(values));
      return { mean: mean.data, lower: lower.data, upper: upper.data };
    },
    sample: (values, key, count) => process.sample(key, count).map((f) => f.at(places(values)).data),
  };
}

// Dots that a figure can show; more cover each other.
const mostDots = 2_000;

/** All rows, or where they are many some of all; of a long series, whose values may move fast, the last 500. */
function shownRows(x: Float64Array, y: Float64Array, isSeries: boolean): OneInput["seen"] {
  if (x.length <= (isSeries ? 500 : mostDots)) return { x, y };
  const rows = isSeries
    ? Array.from(x.keys())
        .sort((a, b) => x[a]! - x[b]!)
        .slice(-500)
    : Array.from({ length: mostDots }, (_, k) => Math.floor((k * x.length) / mostDots));
  return { x: Float64Array.from(rows, (i) => x[i]!), y: Float64Array.from(rows, (i) => y[i]!) };
}

function oneInputOfLarge(model: LargeGpModel): OneInput | undefined {
  if (model.inputs.length !== 1) return undefined;
  const { process } = model;
  // A variational model keeps no rows: none are drawn, over the inducing points' range.
  const x = process.method === "variational" ? process.inducing : process.data.x;
  const seen =
    process.method === "variational"
      ? { x: new Float64Array(0), y: new Float64Array(0) }
      : shownRows(process.data.x.data, process.data.y.data, process.method === "state-space");
  const places = (values: Float64Array) => matrix(values.length, 1, values);
  return {
    seen,
    ...(seen.x.length > 0 && seen.x.length < x.rows
      ? { note: `${process.method === "state-space" ? "the last " : ""}${seen.x.length} of ${x.rows} rows` }
      : {}),
    range: widened(process.method === "state-space" ? seen.x : x.data),
    at(values) {
      const f = process.at(places(values));
      const { lower, upper } = f.interval(0.95);
      return { mean: f.mean.data, lower: lower.data, upper: upper.data };
    },
    sample: (values, key, count) => process.sample(key, count).map((f) => f.at(places(values)).data),
  };
}

/** Its file does not hold the rows it was fitted to: none are drawn. */
function oneInputOfDeep({ process, inputs, target }: DeepTableModel): OneInput | undefined {
  if (inputs.names.length !== 1) return undefined;
  const [mean, scale] = [inputs.mean[0]!, inputs.scale[0]!];
  const places = (values: Float64Array) => standardise.apply(inputs, matrix(values.length, 1, values));
  const units = (m: Matrix) => standardise.undo(target, m).data;
  return {
    seen: { x: new Float64Array(0), y: new Float64Array(0) },
    range: [mean - 2 * scale, mean + 2 * scale],
    at(values) {
      const f = process.at(places(values));
      const { lower, upper } = f.interval(0.95);
      return { mean: units(f.mean), lower: units(lower), upper: units(upper) };
    },
    sample: (values, key, count) => process.sample(key, count).map((f) => units(f.at(places(values)))),
  };
}

function oneInputOfNetwork({ adapted, inputs, target, network }: Model): OneInput | undefined {
  if (!adapted || inputs.names.length !== 1 || target.names.length !== 1) return undefined;
  const { process } = adapted.adaptation;
  const [mean, scale] = [inputs.mean[0]!, inputs.scale[0]!];
  const places = (values: Float64Array) => standardise.apply(inputs, matrix(values.length, 1, values));
  const units = (m: Matrix) => standardise.undo(target, m).data;
  return {
    seen: { x: standardise.undo(inputs, adapted.x).data, y: units(adapted.y) },
    // The training range, so that a single new point still shows a function.
    range: [mean - 2 * scale, mean + 2 * scale],
    at(values) {
      const x = places(values);
      const f = process.at(x);
      const { lower, upper } = f.interval(0.95);
      return { mean: units(f.mean), lower: units(lower), upper: units(upper), before: units(network.at(x)) };
    },
    sample: (values, key, count) => process.sample(key, count).map((f) => units(f.at(places(values)))),
  };
}

/** The range of the values, a tenth wider on both sides; around a single value, ± 1. */
function widened(values: Float64Array): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const v of values) [low, high] = [Math.min(low, v), Math.max(high, v)];
  const margin = high > low ? 0.1 * (high - low) : 1;
  return [low - margin, high + margin];
}
