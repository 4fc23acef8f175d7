import * as Plot from "@observablehq/plot";
import type { Matrix } from "../linalg/index.ts";
import { draw, type Figure } from "./figure.ts";
import { palette, theme } from "./theme.ts";
import { extent } from "./ticks.ts";

export interface TipPath {
  readonly title: string;
  readonly subtitle?: string;
  /** In pixels; the theme's when left out. The height follows, so that both axes have one scale. */
  readonly width?: number;
  /** Unit of both axes. */
  readonly unit: string;
  /** Where the tip really goes, n × 2. */
  readonly truth: Matrix;
  /** Where the network says it goes, before it was adapted. */
  readonly before: Matrix;
  /** Where the adapted network says it goes, with the variance of each coordinate, n × 2 each. */
  readonly mean: Matrix;
  readonly variance: Matrix;
  /** Postures of the real arm as chains of joints, base first, k × 2 each. */
  readonly postures: readonly Matrix[];
}

// Radius of the disc that holds 95 % of a two-dimensional standard normal: √(−2 log 0.05).
const radius95 = Math.sqrt(-2 * Math.log(0.05));

// Opaque, so that the regions of neighbouring places make one even band.
const region = "#cfe3f3";

/** A path in the plane, before and after adapting, with the region that holds it with 95 % at each place. */
export function tipPath(figure: TipPath): Figure {
  const { truth, before, mean, variance, postures } = figure;
  const all = [truth, before, mean, ...postures];
  const across = extent(all.flatMap((m) => points(m).map((p) => p.x)))!;
  const up = extent(all.flatMap((m) => points(m).map((p) => p.y)))!;
  const margin = 0.06 * (across[1] - across[0]);
  const x = [across[0] - margin, across[1] + margin] as const;
  const y = [Math.min(up[0], 0) - margin, up[1] + margin] as const;
  const regions = points(mean).map((centre, i) =>
    ellipse(centre, variance.data[2 * i]!, variance.data[2 * i + 1]!),
  );
  const line = (m: Matrix, options: Plot.LineOptions) => Plot.line(points(m), { x: "x", y: "y", ...options });
  return draw({
    title: figure.title,
    ...(figure.subtitle !== undefined && { subtitle: figure.subtitle }),
    legend: [
      { label: "where the tip goes", color: theme.ink, symbol: "dashes" },
      { label: "network as it is", color: palette.vermillion.mark, symbol: "dashes" },
      { label: "adapted", color: palette.blue.mark, symbol: "line" },
      { label: "95 % region", color: region, symbol: "band" },
      { label: "the arm", color: theme.axis, symbol: "line" },
    ],
    ...(figure.width !== undefined && { width: figure.width }),
    equalUnits: true,
    x: { label: `across (${figure.unit})`, domain: x },
    y: { label: `up (${figure.unit})`, domain: y },
    marks: [
      ...regions.map((outline) => Plot.line(outline, { x: "x", y: "y", fill: region, stroke: "none" })),
      ...postures.flatMap((posture) => [
        line(posture, { stroke: theme.axis, strokeWidth: 5, strokeLinecap: "round", strokeOpacity: 0.45 }),
        Plot.dot(points(posture), { x: "x", y: "y", r: 3.5, fill: theme.background, stroke: theme.axis }),
      ]),
      line(before, { stroke: palette.vermillion.mark, strokeWidth: 1.8, strokeDasharray: "6 4" }),
      line(mean, { stroke: palette.blue.mark, strokeWidth: 2.4 }),
      line(truth, { stroke: theme.ink, strokeWidth: 1.4, strokeDasharray: "3 3" }),
    ],
  });
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function points(m: Matrix): Point[] {
  return Array.from({ length: m.rows }, (_, i) => ({ x: m.data[2 * i]!, y: m.data[2 * i + 1]! }));
}

function ellipse(centre: Point, varianceX: number, varianceY: number): Point[] {
  return Array.from({ length: 41 }, (_, k) => {
    const angle = (2 * Math.PI * k) / 40;
    return {
      x: centre.x + radius95 * Math.sqrt(varianceX) * Math.cos(angle),
      y: centre.y + radius95 * Math.sqrt(varianceY) * Math.sin(angle),
    };
  });
}
