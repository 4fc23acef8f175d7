import * as Plot from "@observablehq/plot";
import { ShapeError, UsageError } from "../errors/index.ts";
import { draw, type Figure, type LegendEntry, type Sized, sizeOf } from "./figure.ts";
import { palette, theme } from "./theme.ts";
import { extent, padded } from "./ticks.ts";

export interface FunctionBand extends Sized {
  readonly title: string;
  readonly subtitle?: string;
  /** Labels of the axes, with units. */
  readonly input: string;
  readonly output: string;
  /** Where the functions were evaluated, ascending. Every function below has one value for each. */
  readonly x: ArrayLike<number>;
  readonly mean: ArrayLike<number>;
  /** The pointwise 95 % interval. */
  readonly lower: ArrayLike<number>;
  readonly upper: ArrayLike<number>;
  readonly observations?: { readonly x: ArrayLike<number>; readonly y: ArrayLike<number> };
  /** Places to be evaluated next, with what is expected there. */
  readonly suggested?: { readonly x: ArrayLike<number>; readonly y: ArrayLike<number> };
  /** Places that the function is known through: ticks along the bottom. */
  readonly inducing?: ArrayLike<number>;
  /** The true function, where it is known. */
  readonly truth?: ArrayLike<number>;
  /** The function before it was adapted. */
  readonly before?: ArrayLike<number>;
  /** Functions sampled from the distribution. */
  readonly samples?: readonly ArrayLike<number>[];
  /** Smallest and largest value shown, where figures should compare; what is drawn needs otherwise. */
  readonly range?: readonly [number, number];
}

/**
 * A distribution over functions of one variable: mean and 95 % band, with the observations, the true function,
 * the function before and samples where given. Throws ShapeError for lengths that differ, UsageError for fewer
 * than two places or places that do not ascend.
 */
export function functionBand(figure: FunctionBand): Figure {
  const { x, mean, lower, upper, truth, before, samples = [] } = figure;
  const observations = pairs(figure.observations?.x ?? [], figure.observations?.y ?? [], "observations");
  const suggested = pairs(figure.suggested?.x ?? [], figure.suggested?.y ?? [], "suggested");
  const inducing = Array.from(figure.inducing ?? []);
  const curves = { mean, lower, upper, truth, before };
  const band = Array.from(x, (value, i) => ({ x: value, lower: lower[i]!, upper: upper[i]! }));
  const drawn = Object.fromEntries(
    Object.entries(curves).map(([name, values]) => [name, values ? pairs(x, values, name) : []]),
  ) as Record<keyof typeof curves, Point[]>;
  const paths = samples.map((values, i) => pairs(x, values, `sample ${i}`));
  checkAscending(x);
  const all = [observations, suggested, ...Object.values(drawn), ...paths].flat();
  const across = extent(all.map((p) => p.x))!;
  const up = extent(all.map((p) => p.y));
  if (!up) throw new UsageError("expected finite values to draw, got only NaN or infinity");
  const line = (points: readonly Point[], options: Plot.LineYOptions) =>
    points.length > 0 ? [Plot.lineY(points, { x: "x", y: "y", ...options })] : [];
  const entry = (there: boolean, label: string, color: string, symbol: LegendEntry["symbol"], opacity = 1) =>
    there ? [{ label, color, symbol, opacity }] : [];
  const range = figure.range ?? padded(up, false);
  return draw({
    ...sizeOf(figure),
    title: figure.title,
    ...(figure.subtitle === undefined ? {} : { subtitle: figure.subtitle }),
    legend: [
      ...entry(true, "mean", palette.blue.mark, "line"),
      ...entry(true, "95 % band", palette.blue.mark, "band", bandOpacity),
      ...entry(paths.length > 0, "samples", palette.sky.mark, "line", sampleOpacity),
      ...entry(drawn.before.length > 0, "before adapting", palette.vermillion.mark, "dashes"),
      ...entry(drawn.truth.length > 0, "truth", theme.ink, "dashes"),
      ...entry(observations.length > 0, "observed", theme.ink, "dot"),
      ...entry(suggested.length > 0, "suggested", palette.vermillion.mark, "dot"),
      ...entry(inducing.length > 0, "inducing points", palette.vermillion.mark, "line"),
    ],
    x: { label: figure.input, domain: across },
    y: { label: figure.output, domain: range },
    marks: [
      Plot.areaY(band, {
        x: "x",
        y1: "lower",
        y2: "upper",
        fill: palette.blue.mark,
        fillOpacity: bandOpacity,
      }),
      ...paths.flatMap((path) =>
        line(path, { stroke: palette.sky.mark, strokeWidth: 1, strokeOpacity: sampleOpacity }),
      ),
      ...line(drawn.before, { stroke: palette.vermillion.mark, strokeWidth: 1.8, strokeDasharray: "6 4" }),
      ...line(drawn.mean, { stroke: palette.blue.mark, strokeWidth: 2.4 }),
      ...line(drawn.truth, { stroke: theme.ink, strokeWidth: 1.4, strokeDasharray: "3 3" }),
      Plot.dot(observations, {
        x: "x",
        y: "y",
        r: 3.4,
        fill: theme.ink,
        stroke: theme.background,
        strokeWidth: 1,
      }),
      Plot.dot(suggested, {
        x: "x",
        y: "y",
        r: 5,
        fill: palette.vermillion.mark,
        stroke: theme.background,
        strokeWidth: 1.2,
      }),
      Plot.ruleX(inducing, {
        y1: range[0],
        y2: range[0] + inducingLength * (range[1] - range[0]),
        stroke: palette.vermillion.mark,
        strokeWidth: 2.4,
      }),
    ],
  });
}

const bandOpacity = 0.18;
const sampleOpacity = 0.8;
/** Of the ticks of inducing points, as a share of the axis. */
const inducingLength = 0.07;

interface Point {
  readonly x: number;
  readonly y: number;
}

function pairs(x: ArrayLike<number>, y: ArrayLike<number>, name: string): Point[] {
  if (x.length !== y.length) {
    throw new ShapeError(`expected ${x.length} values of ${name}, one for each x, got ${y.length}`);
  }
  return Array.from(x, (value, i) => ({ x: value, y: y[i]! }));
}

function checkAscending(x: ArrayLike<number>): void {
  if (x.length < 2) throw new UsageError(`expected at least 2 places to draw a function, got ${x.length}`);
  for (let i = 1; i < x.length; i++) {
    if (!(x[i]! > x[i - 1]!)) {
      throw new UsageError(`expected ascending x, got ${x[i]} after ${x[i - 1]}: sort the places first`);
    }
  }
}
