import { InvalidArgumentError } from "commander";
import { type Model, type Prediction, standardise, type Table } from "../data/index.ts";
import { column } from "../data/table.ts";
import { matrix } from "../linalg/index.ts";
import { type Figure, functionBand, predictionTruth } from "../plot/index.ts";
import { toPng } from "../plot/png.ts";

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
export function predictionFigure(model: Model, prediction: Prediction, truth: Float64Array): Figure {
  const { mean, spread } = prediction;
  return predictionTruth({
    target: model.target.names[0]!,
    truth,
    mean,
    ...(spread && { interval: { lower: spread.lower, upper: spread.upper } }),
  });
}

/** An adapted model of one input as a function with its band, and the observations it adapted to. */
export function bandFigure(model: Model, title: string, beyond?: Table): Figure | undefined {
  const { adapted, inputs, target, network } = model;
  if (!adapted || inputs.names.length !== 1) return undefined;
  const seen = standardise.undo(inputs, adapted.x).data;
  const also = beyond ? column(beyond, inputs.names[0]!) : [];
  let [low, high] = [Infinity, -Infinity];
  for (const v of [...seen, ...also]) [low, high] = [Math.min(low, v), Math.max(high, v)];
  // The training range, so that a single new point still shows a function.
  low = Math.min(low, inputs.mean[0]! - 2 * inputs.scale[0]!);
  high = Math.max(high, inputs.mean[0]! + 2 * inputs.scale[0]!);
  const points = 200;
  const x = Float64Array.from({ length: points }, (_, i) => low + ((high - low) * i) / (points - 1));
  const at = standardise.apply(inputs, matrix(points, 1, x));
  const f = adapted.adaptation.process.at(at);
  const { lower, upper } = f.interval(0.95);
  const units = (m: typeof lower) => standardise.undo(target, m).data;
  return functionBand({
    title,
    input: inputs.names[0]!,
    output: target.names[0]!,
    x,
    mean: units(f.mean),
    lower: units(lower),
    upper: units(upper),
    before: units(network.at(at)),
    observations: { x: seen, y: units(adapted.y) },
  });
}
