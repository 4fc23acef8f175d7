import * as Plot from "@observablehq/plot";
import { UsageError } from "../errors/index.ts";
import { draw, type Figure, type Placement } from "./figure.ts";
import { apart } from "./labels.ts";
import { element, type SvgElement } from "./svg.ts";
import { cut, textWidth } from "./text.ts";
import { hueOf, palette, theme } from "./theme.ts";
import { extent, padded, wantsLog } from "./ticks.ts";

export interface ErrorBySamples {
  readonly title: string;
  readonly subtitle?: string;
  /** What the error is, with its unit: "test RMSE (m)", say. */
  readonly error: string;
  readonly methods: readonly Method[];
}

export interface Method {
  readonly name: string;
  /** Error after adapting to this many samples; at least one point, `samples` and `error` positive. */
  readonly points: readonly { readonly samples: number; readonly error: number }[];
  /** The method the figure is about: drawn heavier. */
  readonly main?: boolean;
}

/** A label may take this much of the width. */
const widestLabel = 190;

/**
 * Error of several methods against how many samples they adapted to, on a log axis with a tick at each number of
 * samples there is; each line is named at its end. Throws UsageError without points or for values that are not
 * positive and finite.
 */
export function errorBySamples(figure: ErrorBySamples): Figure {
  const series = figure.methods.map((method, i) => ({
    ...method,
    name: cut(method.name, widestLabel, theme.fontSize, weightOf(method)),
    points: [...method.points].sort((a, b) => a.samples - b.samples),
    ...palette[hueOf(i)],
  }));
  checkPoints(series);
  const points = series.flatMap((method) => method.points);
  const samples = [...new Set(points.map((p) => p.samples))].sort((a, b) => a - b);
  const errors = extent(points.map((p) => p.error))!;
  const log = wantsLog(errors);
  return draw({
    title: figure.title,
    ...(figure.subtitle === undefined ? {} : { subtitle: figure.subtitle }),
    marginRight: 34 + Math.max(...series.map((s) => textWidth(s.name, theme.fontSize, weightOf(s)))),
    x: {
      label: "samples adapted to",
      type: "log",
      domain: padded([samples[0]!, samples.at(-1)!], true),
      ticks: thinned(samples),
    },
    y: { label: figure.error, type: log ? "log" : "linear", domain: padded(errors, log) },
    // The main method last, above the others.
    marks: [...series]
      .sort((a, b) => Number(a.main ?? false) - Number(b.main ?? false))
      .flatMap(({ points, mark, main }) => [
        Plot.line(points, { x: "samples", y: "error", stroke: mark, strokeWidth: main ? 3.2 : 1.8 }),
        Plot.dot(points, {
          x: "samples",
          y: "error",
          fill: mark,
          r: main ? 4.6 : 3.4,
          stroke: theme.background,
          strokeWidth: 1,
        }),
      ]),
    labels: (place) => lineLabels(series, place),
  });
}

/** The numbers of samples whose labels have room: the largest, then downwards those far enough from the last. */
function thinned(samples: readonly number[]): number[] {
  // On average a label takes a tenth of the axis.
  const least = (samples.at(-1)! / samples[0]!) ** 0.1;
  const kept: number[] = [];
  for (const n of [...samples].reverse()) {
    if (kept.length === 0 || kept.at(-1)! / n >= least) kept.push(n);
  }
  return kept.reverse();
}

type Series = Method & { readonly mark: string; readonly text: string };

/** Each line's name at its end, moved up or down where names would touch, with a thin line from end to name. */
function lineLabels(series: readonly Series[], place: Placement): readonly SvgElement[] {
  const ends = series.map(({ points }) => points.at(-1)!);
  const wanted = ends.map(({ error }) => place.y(error));
  const heights = apart(wanted, theme.fontSize + 4, place.top - 4, place.bottom);
  const x = place.right + 22;
  return series.flatMap((method, i) => [
    element(place.document, "path", {
      d: `M${place.x(ends[i]!.samples) + 6},${wanted[i]}L${place.right + 6},${heights[i]}L${x - 4},${heights[i]}`,
      fill: "none",
      stroke: method.mark,
      "stroke-width": 1,
      "stroke-opacity": 0.8,
    }),
    element(
      place.document,
      "text",
      { x, y: heights[i]! + 4, fill: method.text, "font-weight": weightOf(method), "text-anchor": "start" },
      method.name,
    ),
  ]);
}

function weightOf({ main }: Method): "normal" | "bold" {
  return main ? "bold" : "normal";
}

function checkPoints(methods: readonly Method[]): void {
  if (methods.length === 0) throw new UsageError("expected at least one method to draw, got none");
  for (const { name, points } of methods) {
    if (points.length === 0) throw new UsageError(`expected at least one point for "${name}", got none`);
    for (const { samples, error } of points) {
      if (samples > 0 && error > 0 && Number.isFinite(samples) && Number.isFinite(error)) continue;
      throw new UsageError(`"${name}": expected positive samples and error, got ${samples} and ${error}`);
    }
  }
}
