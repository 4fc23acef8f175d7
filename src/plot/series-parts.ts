import * as Plot from "@observablehq/plot";
import { UsageError } from "../errors/index.ts";
import { draw, type Figure } from "./figure.ts";
import { stacked } from "./stacked.ts";
import { textWidth } from "./text.ts";
import { type Hue, palette, theme } from "./theme.ts";
import { extent, padded } from "./ticks.ts";

export interface SeriesParts {
  readonly title: string;
  readonly subtitle?: string;
  /** In pixels; the theme's when left out. */
  readonly width?: number;
  /** Of each panel, in pixels. */
  readonly panelHeight?: number;
  /** What the horizontal axis, in calendar years, is called. */
  readonly input: string;
  /** Where the functions were evaluated, in years, ascending. */
  readonly x: ArrayLike<number>;
  /** The last place at which anything was seen: a dashed line marks it. */
  readonly seenUntil?: number;
  readonly panels: readonly Panel[];
}

export interface Panel {
  /** What is drawn, with its unit. */
  readonly name: string;
  readonly hue: Hue;
  readonly mean: ArrayLike<number>;
  /** The pointwise 95 % interval. */
  readonly lower: ArrayLike<number>;
  readonly upper: ArrayLike<number>;
  /** What was seen. */
  readonly dots?: { readonly x: ArrayLike<number>; readonly y: ArrayLike<number> };
}

/** A series and the parts it is the sum of, one panel below the other over one axis, each on a scale of its own. */
export function seriesParts(figure: SeriesParts): Figure {
  const { x, panels } = figure;
  if (panels.length === 0) throw new UsageError("expected at least one panel to draw, got none");
  const ranges = panels.map(({ lower, upper, dots }) =>
    padded(extent([lower, upper, dots?.y ?? []].flatMap((values) => Array.from(values)))!, false),
  );
  // One left edge for all: as wide as the widest number can be.
  const digits = Math.max(
    ...ranges.flat().map((v) => textWidth(`−${Math.abs(v).toFixed(1)}`, theme.fontSize)),
  );
  // The first has the title above it, the last the axis below.
  const heightOf = (p: number) =>
    (figure.panelHeight ?? 170) + (p === 0 ? 40 : 0) + (p === panels.length - 1 ? 34 : 0);
  const drawn = panels.map((panel, p) =>
    draw({
      title: p === 0 ? figure.title : "",
      ...(p === 0 && figure.subtitle !== undefined && { subtitle: figure.subtitle }),
      width: figure.width ?? theme.width,
      height: heightOf(p),
      marginLeft: digits + 26,
      x: {
        label: p === panels.length - 1 ? figure.input : "",
        domain: [x[0]!, x[x.length - 1]!],
        years: true,
      },
      y: { label: panel.name, domain: ranges[p]! },
      marks: marksOf(panel, x, figure.seenUntil),
    }),
  );
  return stacked(drawn, [figure.title, figure.subtitle].filter(Boolean).join(". "));
}

function marksOf(
  { hue, mean, lower, upper, dots }: Panel,
  x: ArrayLike<number>,
  seenUntil: number | undefined,
): Plot.Markish[] {
  const color = palette[hue].mark;
  const values = Array.from(x, (at, i) => ({ x: at, mean: mean[i]!, lower: lower[i]!, upper: upper[i]! }));
  const seen = Array.from(dots?.x ?? [], (at, i) => ({ x: at, y: dots!.y[i]! }));
  return [
    Plot.areaY(values, { x: "x", y1: "lower", y2: "upper", fill: color, fillOpacity: 0.22 }),
    ...(seenUntil === undefined
      ? []
      : [Plot.ruleX([seenUntil], { stroke: theme.faintInk, strokeDasharray: "4 3" })]),
    Plot.lineY(values, { x: "x", y: "mean", stroke: color, strokeWidth: 1.6 }),
    Plot.dot(seen, { x: "x", y: "y", r: 1.2, fill: theme.ink, fillOpacity: 0.75 }),
  ];
}
