import type * as Plot from "@observablehq/plot";
import { ShapeError, UsageError } from "../errors/index.ts";
import type { Matrix } from "../linalg/index.ts";
import { draw, type Figure, type Placement } from "./figure.ts";
import { diverging } from "./ramp.ts";
import { element, type SvgDocument, type SvgElement } from "./svg.ts";
import { theme } from "./theme.ts";
import { shortNumber } from "./ticks.ts";

export interface KernelMatrix {
  readonly title: string;
  readonly subtitle?: string;
  /** In pixels; the theme's when left out. The height follows: the matrix is drawn square. */
  readonly width?: number;
  /** k(X, X), n × n. */
  readonly gram: Matrix;
  /** The first and the last of n evenly spaced places. */
  readonly from: number;
  readonly to: number;
  /** What the places are, with their unit. */
  readonly input: string;
}

// Colours told apart: odd, so that 0 is one of them.
const levels = 41;
const barWidth = 14;

/** A kernel's matrix as a heat map, blue above and orange below 0, the first row on top, with a colour bar. */
export function kernelMatrix(figure: KernelMatrix): Figure {
  const { gram, from, to, input } = figure;
  const n = gram.rows;
  if (gram.cols !== n) throw new ShapeError(`expected a square matrix, got ${gram.rows} × ${gram.cols}`);
  if (n < 2 || !(to > from)) throw new UsageError("expected at least 2 places, from less than to");
  const most = gram.data.reduce((m, v) => Math.max(m, Math.abs(v)), 0) || 1;
  const half = (to - from) / (n - 1) / 2;
  const domain = [from - half, to + half] as const;
  const levelOf = (v: number) => Math.round(((v / most + 1) / 2) * (levels - 1));
  const cells: Plot.RenderFunction = (
    _,
    __,
    ___,
    { width, marginLeft, marginRight, height, ...margins },
    c,
  ) =>
    heatMap(c.document as unknown as SvgDocument, gram, levelOf, {
      left: marginLeft,
      top: margins.marginTop,
      width: width - marginLeft - marginRight,
      height: height - margins.marginTop - margins.marginBottom,
    }) as never;
  return draw({
    title: figure.title,
    ...(figure.subtitle !== undefined && { subtitle: figure.subtitle }),
    ...(figure.width !== undefined && { width: figure.width }),
    equalUnits: true,
    marginRight: 76,
    x: { label: input, domain },
    y: { label: input.replace(/^\S+/, (name) => `${name}′`), domain: [domain[1], domain[0]] },
    marks: [cells],
    labels: (place) => colourBar(place, most),
  });
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** One path a colour, cells of one colour beside each other joined: a few dozen elements instead of n². */
function heatMap(document: SvgDocument, gram: Matrix, levelOf: (v: number) => number, box: Box): SvgElement {
  const n = gram.rows;
  const runs = new Map<number, string>();
  const x = (j: number) => Number((box.left + (j * box.width) / n).toFixed(1));
  const y = (i: number) => Number((box.top + (i * box.height) / n).toFixed(1));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; ) {
      const level = levelOf(gram.data[i * n + j]!);
      let end = j + 1;
      while (end < n && levelOf(gram.data[i * n + end]!) === level) end++;
      const run = `M${x(j)},${y(i)}H${x(end)}V${y(i + 1)}H${x(j)}Z`;
      runs.set(level, (runs.get(level) ?? "") + run);
      j = end;
    }
  }
  const parts = [...runs].map(([level, d]) =>
    element(document, "path", { d, fill: diverging(level / (levels - 1)) }),
  );
  // Without crisp edges the seams between cells would show.
  return element(document, "g", { "aria-label": "cells", "shape-rendering": "crispEdges" }, ...parts);
}

function colourBar({ document, top, bottom, right }: Placement, most: number): SvgElement[] {
  const x = right + 18;
  const step = (bottom - top) / levels;
  const steps = Array.from({ length: levels }, (_, l) =>
    element(document, "rect", {
      x,
      y: bottom - (l + 1) * step,
      width: barWidth,
      height: step + 0.5,
      fill: diverging(l / (levels - 1)),
    }),
  );
  const ticks = [-1, -0.5, 0, 0.5, 1].map((part) =>
    element(
      document,
      "text",
      {
        x: x + barWidth + 6,
        y: bottom - ((part + 1) / 2) * (bottom - top) + 4,
        fill: theme.ink,
        "text-anchor": "start",
      },
      shortNumber(part * most, 3),
    ),
  );
  return [...steps, ...ticks];
}
