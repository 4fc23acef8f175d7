import * as Plot from "@observablehq/plot";
import { UsageError } from "../errors/index.ts";
import { type Axis, draw, type Figure, type LegendEntry } from "./figure.ts";
import { stacked } from "./stacked.ts";
import { textWidth } from "./text.ts";
import { type Hue, palette, theme } from "./theme.ts";
import { extent, logTicks, padded, shortNumber, wantsLog } from "./ticks.ts";

/** Several measurements of the same things, one panel below the other over one axis. */
export interface LinePanels {
  readonly title: string;
  readonly subtitle?: string;
  /** In pixels; the theme's when left out. */
  readonly width?: number;
  /** Of each panel, in pixels. */
  readonly panelHeight?: number;
  /** What the horizontal axis is called; numbers above 0 that spread are on a log axis. */
  readonly input: string;
  /** From the largest on the left to the smallest. */
  readonly descending?: boolean;
  /** Where the horizontal axis has ticks, if not at round numbers. */
  readonly ticks?: readonly number[];
  readonly panels: readonly {
    /** What is measured, with its unit. */
    readonly label: string;
    readonly lines: readonly Line[];
  }[];
}

export interface Line {
  /** In the legend, once for all panels. */
  readonly name: string;
  readonly hue: Hue;
  readonly dashed?: boolean;
  /** With `error`, a bar from y − error to y + error. */
  readonly points: readonly { readonly x: number; readonly y: number; readonly error?: number }[];
}

/** Lines through measured points, with error bars where errors are given. Throws UsageError for nothing to draw. */
export function linePanels(figure: LinePanels): Figure {
  const { title, subtitle, panels, input, descending = false, width = theme.width } = figure;
  const across = extent(panels.flatMap(({ lines }) => lines.flatMap((l) => l.points.map((p) => p.x))));
  if (!across) throw new UsageError("expected at least one point to draw, got none");
  const log = wantsLog(across);
  const [from, to] = padded(across, log);
  const domain = descending ? ([to, from] as const) : ([from, to] as const);
  const ticks = figure.ticks ?? (log ? logTicks([from, to]) : undefined);
  const axes = panels.map(({ lines }) => verticalAxis(lines));
  const digits = Math.max(
    ...axes.flatMap(({ domain }) => domain).map((v) => textWidth(shortNumber(v, 2), theme.fontSize)),
  );
  const names = new Map(panels.flatMap(({ lines }) => lines.map((line) => [line.name, line] as const)));
  const legend = [...names.values()].map(
    ({ name, hue, dashed }): LegendEntry => ({
      label: name,
      color: palette[hue].mark,
      symbol: dashed ? "dashes" : "line",
    }),
  );
  const drawn = panels.map(({ label, lines }, p) => {
    const last = p === panels.length - 1;
    return draw({
      title: p === 0 ? title : "",
      ...(p === 0 && subtitle !== undefined && { subtitle }),
      ...(p === 0 && legend.length > 1 && { legend }),
      width,
      height: (figure.panelHeight ?? 170) + (p === 0 ? 76 : 0) + (last ? 34 : 0),
      marginLeft: digits + 40,
      x: { label: last ? input : "", type: log ? "log" : "linear", domain, ...(ticks && { ticks }) },
      y: { label, ...axes[p]! },
      marks: lines.flatMap(({ hue, dashed, points }) => {
        const stroke = palette[hue].mark;
        const bars = points.flatMap(({ x, y, error }) =>
          error === undefined ? [] : [{ x, low: Math.max(y - error, axes[p]!.domain[0]), high: y + error }],
        );
        return [
          Plot.ruleX(bars, { x: "x", y1: "low", y2: "high", stroke, strokeWidth: 1.4 }),
          Plot.line(points, {
            x: "x",
            y: "y",
            stroke,
            strokeWidth: 2,
            ...(dashed && { strokeDasharray: "5 4" }),
          }),
          Plot.dot(points, { x: "x", y: "y", fill: stroke, r: 3.2 }),
        ];
      }),
    });
  });
  return drawn.length === 1 ? drawn[0]! : stacked(drawn, [title, subtitle].filter(Boolean).join(". "));
}

/** Values above 0 that spread widely are on a log axis; those that start near 0 start there. */
function verticalAxis(lines: readonly Line[]): Pick<Axis, "type" | "domain"> {
  const points = lines.flatMap((line) => line.points);
  const [least, most] = extent(points.map(({ y }) => y)) ?? [0, 1];
  const ends = points.flatMap(({ y, error = 0 }) => [y - error, y + error]);
  if (least > 0 && most / least > 12) {
    // A bar that reaches 0 is cut off below.
    const range = extent([least, ...ends.filter((end) => end > least / 3)])!;
    return { type: "log", domain: padded(range, true) };
  }
  const range = extent(ends) ?? ([0, 1] as const);
  const [low, high] = padded(range, false);
  return { type: "linear", domain: [range[0] >= 0 && range[0] < 0.35 * range[1] ? 0 : low, high] };
}
