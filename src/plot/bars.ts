import * as Plot from "@observablehq/plot";
import { ShapeError, UsageError } from "../errors/index.ts";
import { draw, type Figure, type LegendEntry } from "./figure.ts";
import { stacked } from "./stacked.ts";
import { element } from "./svg.ts";
import { cut, textWidth } from "./text.ts";
import { hueOf, palette, theme } from "./theme.ts";
import { extent, shortNumber } from "./ticks.ts";

export interface Bars {
  readonly title: string;
  readonly subtitle?: string;
  /** In pixels; the theme's when left out. The height follows from the number of bars. */
  readonly width?: number;
  /** What each bar is of, from the top. */
  readonly names: readonly string[];
  /** Bars of one group share a colour. Without groups positive ones are blue, negative ones vermillion. */
  readonly groups?: readonly string[];
  /** One below the other, over the same names. */
  readonly panels: readonly BarPanel[];
}

export interface BarPanel {
  /** What the lengths are, with their unit. */
  readonly label: string;
  /** One a name. */
  readonly values: ArrayLike<number>;
}

/** A name may take this share of the width. */
const widestName = 0.4;

/** Amounts as horizontal bars with their numbers. Throws for nothing to draw, lengths that differ and NaN. */
export function bars(figure: Bars): Figure {
  const { title, subtitle, names, groups, panels, width = theme.width } = figure;
  if (names.length === 0 || panels.length === 0) throw new UsageError("expected at least one bar to draw");
  const kinds = [...new Set(groups)];
  const colorOf = (i: number, value: number) =>
    groups ? palette[hueOf(kinds.indexOf(groups[i]!))].mark : palette[value < 0 ? "vermillion" : "blue"].mark;
  const legend = kinds.map(
    (label, g): LegendEntry => ({ label, color: palette[hueOf(g)].mark, symbol: "band" }),
  );
  const shown = names.map((name) => cut(name, widestName * width, theme.fontSize));
  const marginLeft = Math.max(...shown.map((name) => textWidth(name, theme.fontSize))) + 24;
  const drawn = panels.map(({ label, values }, p) => {
    if (values.length !== names.length) {
      throw new ShapeError(`${label}: expected ${names.length} values, one a name, got ${values.length}`);
    }
    const rows = Array.from(values, (value, at) => ({ at, value, color: colorOf(at, value) }));
    if (!rows.every(({ value }) => Number.isFinite(value)))
      throw new UsageError(`${label}: a bar has no length`);
    const [low, high] = extent([0, ...rows.map(({ value }) => value)])!;
    // Room for the numbers beyond the ends of the bars.
    const numbers = Math.max(...rows.map(({ value }) => textWidth(number(value), theme.fontSize))) + 14;
    const sides = (low < 0 ? 1 : 0) + (high > 0 || low === high ? 1 : 0);
    const room = (numbers * (high - low || 1)) / Math.max(numbers, width - marginLeft - 24 - sides * numbers);
    return draw({
      title: p === 0 ? title : "",
      ...(p === 0 && subtitle !== undefined && { subtitle }),
      ...(p === 0 && kinds.length > 1 && { legend }),
      width,
      unitHeight: 21,
      marginLeft,
      x: { label, domain: [low < 0 ? low - room : 0, high > 0 || low === high ? high + room : 0] },
      y: { label: "", names: shown, domain: [names.length - 0.4, -0.6] },
      marks: [
        Plot.rect(rows, {
          x1: 0,
          x2: "value",
          y1: ({ at }) => at - 0.36,
          y2: ({ at }) => at + 0.36,
          fill: "color",
        }),
        Plot.ruleX([0], { stroke: theme.axis }),
      ],
      labels: ({ document, x, y }) =>
        rows.map(({ at, value }) =>
          element(
            document,
            "text",
            {
              x: x(value) + (value < 0 ? -5 : 5),
              y: y(at) + 4,
              fill: theme.ink,
              "text-anchor": value < 0 ? "end" : "start",
            },
            number(value),
          ),
        ),
    });
  });
  return drawn.length === 1 ? drawn[0]! : stacked(drawn, [title, subtitle].filter(Boolean).join(". "));
}

function number(value: number): string {
  return shortNumber(value, 3);
}
