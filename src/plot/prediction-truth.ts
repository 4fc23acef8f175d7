import * as Plot from "@observablehq/plot";
import { NonFiniteError, ShapeError, UsageError } from "../errors/index.ts";
import { draw, type Figure, type LegendEntry } from "./figure.ts";
import { palette, theme } from "./theme.ts";
import { extent, padded, shortNumber } from "./ticks.ts";

export interface PredictionTruth {
  readonly title?: string;
  /** What is predicted, with its unit. */
  readonly target: string;
  readonly truth: ArrayLike<number>;
  /** Predicted mean a row, as long as `truth`. */
  readonly mean: ArrayLike<number>;
  /** The 95 % interval of the observed value a row; leave out for a prediction without one. */
  readonly interval?: { readonly lower: ArrayLike<number>; readonly upper: ArrayLike<number> };
}

/** More points than this hide each other. */
const mostPoints = 400;

interface Row {
  readonly truth: number;
  readonly mean: number;
  readonly lower: number;
  readonly upper: number;
  readonly inside: boolean;
}

/**
 * Prediction against truth, one point a row, with 95 % intervals and the line where both agree. RMSE and
 * coverage, over all rows, are in the subtitle. Of more than 400 rows it shows 400, evenly spaced in rank of the
 * truth. Throws ShapeError for arrays of different lengths, UsageError without
 * rows, NonFiniteError for NaN or infinity.
 */
export function predictionTruth(figure: PredictionTruth): Figure {
  const rows = rowsOf(figure);
  const shown = spread(rows);
  const range = extent(shown.flatMap(({ truth, mean }) => [truth, mean]));
  const hasIntervals = figure.interval !== undefined;
  const ends = hasIntervals ? extent(shown.flatMap(({ lower, upper }) => [lower, upper])) : undefined;
  const domain = padded(range!, false);
  const tall = padded(extent([...range!, ...(ends ?? [])])!, false);
  const inside = shown.filter((row) => row.inside);
  const outside = shown.filter((row) => !row.inside);
  const series = [
    {
      rows: inside,
      hue: palette.blue.mark,
      label: hasIntervals ? "truth inside the 95 % interval" : "predicted rows",
    },
    { rows: outside, hue: palette.vermillion.mark, label: "outside" },
  ];
  const legend: LegendEntry[] = [
    ...series
      .slice(0, hasIntervals ? 2 : 1)
      .map(({ hue, label }) => ({ label, color: hue, symbol: "dot" as const })),
    { label: "prediction = truth", color: theme.ink, symbol: "dashes" },
  ];
  return draw({
    title: figure.title ?? `Predicted against true ${figure.target}`,
    subtitle: summary(rows, shown.length, hasIntervals),
    legend,
    height: 560,
    x: { label: `true ${figure.target}`, domain },
    y: { label: `predicted ${figure.target}`, domain: tall },
    marks: [
      ...series.flatMap((part) =>
        hasIntervals
          ? [
              Plot.ruleX(part.rows, {
                x: "truth",
                y1: "lower",
                y2: "upper",
                stroke: part.hue,
                strokeOpacity: part.rows === outside ? 0.6 : 0.22,
                strokeWidth: 1.2,
              }),
            ]
          : [],
      ),
      // The line where they agree is straight between the corners of the narrower domain.
      Plot.line(
        [
          [domain[0], domain[0]],
          [domain[1], domain[1]],
        ],
        { stroke: theme.ink, strokeDasharray: "5 4", strokeWidth: 1.4 },
      ),
      ...series.map((part) =>
        Plot.dot(part.rows, {
          x: "truth",
          y: "mean",
          r: 2.6,
          fill: part.hue,
          fillOpacity: part.rows === outside ? 0.95 : 0.7,
        }),
      ),
    ],
  });
}

function rowsOf({ truth, mean, interval }: PredictionTruth): readonly Row[] {
  const columns = { mean, ...interval };
  for (const [name, values] of Object.entries(columns)) {
    if (values.length !== truth.length) {
      throw new ShapeError(
        `expected ${truth.length} values of ${name}, one a row of truth, got ${values.length}`,
      );
    }
  }
  if (truth.length === 0) throw new UsageError("expected at least one row of predictions to draw, got none");
  return Array.from(truth, (value, i) => {
    const lower = interval ? interval.lower[i]! : mean[i]!;
    const upper = interval ? interval.upper[i]! : mean[i]!;
    if (![value, mean[i], lower, upper].every(Number.isFinite)) {
      throw new NonFiniteError(
        `expected finite truth, mean and interval, got a NaN or infinity in row ${i} (from 0)`,
      );
    }
    return {
      truth: value,
      mean: mean[i]!,
      lower,
      upper,
      inside: !interval || (value >= lower && value <= upper),
    };
  });
}

/** At most 400 of the rows, evenly spaced from the least to the greatest truth: the same ones every time. */
function spread(rows: readonly Row[]): readonly Row[] {
  if (rows.length <= mostPoints) return rows;
  const sorted = [...rows].sort((a, b) => a.truth - b.truth);
  const step = (rows.length - 1) / (mostPoints - 1);
  return Array.from({ length: mostPoints }, (_, i) => sorted[Math.round(i * step)]!);
}

function summary(rows: readonly Row[], shown: number, hasIntervals: boolean): string {
  const squares = rows.reduce((sum, { truth, mean }) => sum + (truth - mean) ** 2, 0);
  const parts = [`RMSE ${shortNumber(Math.sqrt(squares / rows.length), 3)}`];
  if (hasIntervals) {
    const covered = rows.filter(({ inside }) => inside).length / rows.length;
    parts.push(`95 % intervals cover ${(100 * covered).toFixed(1)} %`);
  }
  const count = rows.length.toLocaleString("en-US");
  parts.push(
    shown < rows.length ? `${shown} of ${count} rows shown` : `${count} row${rows.length === 1 ? "" : "s"}`,
  );
  return parts.join(" · ");
}
