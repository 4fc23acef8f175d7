import * as Plot from "@observablehq/plot";
import { ShapeError, UsageError } from "../errors/index.ts";
import type { Matrix } from "../linalg/index.ts";
import { draw, type Figure, type LegendEntry, type Sized, sizeOf } from "./figure.ts";
import { ramp } from "./ramp.ts";
import { hueOf, palette, theme } from "./theme.ts";
import { extent, padded } from "./ticks.ts";

export interface LatentSpace extends Sized {
  readonly title: string;
  readonly subtitle?: string;
  /** What the two axes are. */
  readonly across: string;
  readonly up: string;
  /** Gaussian means and variances, n × 2 each. */
  readonly mean: Matrix;
  readonly variance: Matrix;
  /** Points of one group share a colour. */
  readonly groups?: readonly string[];
  /** In place of groups: a number a point, from blue over sky and orange to vermillion, and what it is. */
  readonly values?: { readonly label: string; readonly of: ArrayLike<number> };
}

const scale = ramp(palette.blue.mark, palette.sky.mark, palette.orange.mark, palette.vermillion.mark);

/** Points of which only a Gaussian is known: their means, each with the ellipse of one standard deviation. */
export function latentSpace(figure: LatentSpace): Figure {
  const { mean, variance, groups, values } = figure;
  const n = mean.rows;
  if (n === 0) throw new UsageError("expected at least one point to draw, got none");
  if (mean.cols !== 2 || variance.rows !== n || variance.cols !== 2) {
    throw new ShapeError("expected means and variances of 2 columns, a row a point");
  }
  if ((groups?.length ?? values?.of.length ?? n) !== n) {
    throw new ShapeError(`expected a group or a value for each of ${n} points`);
  }
  const kinds = [...new Set(groups)];
  const [least, most] = extent(values ? Array.from(values.of) : [0]) ?? [0, 0];
  const share = (i: number) => (most > least ? (values!.of[i]! - least) / (most - least) : 0.5);
  const color = (i: number) =>
    values ? scale(share(i)) : palette[hueOf(Math.max(0, kinds.indexOf(groups?.[i] ?? "")))].mark;
  const points = Array.from({ length: n }, (_, i) => ({
    x: mean.data[2 * i]!,
    y: mean.data[2 * i + 1]!,
    color: color(i),
    outline: ellipse(mean, variance, i),
  }));
  const all = points.flatMap(({ outline }) => outline);
  const legend: LegendEntry[] = values
    ? [least, (least + most) / 2, most].map((v, k) => ({
        label: k === 0 ? `${values.label}: ${short(v)}` : short(v),
        color: scale(k / 2),
        symbol: "dot",
      }))
    : kinds.map((label, g) => ({ label, color: palette[hueOf(g)].mark, symbol: "dot" }));
  return draw({
    ...sizeOf(figure),
    title: figure.title,
    ...(figure.subtitle !== undefined && { subtitle: figure.subtitle }),
    legend: [...legend, { label: "one sd", color: theme.axis, symbol: "band", opacity: 0.25 }],
    x: { label: figure.across, domain: padded(extent(all.map(({ x }) => x))!, false) },
    y: { label: figure.up, domain: padded(extent(all.map(({ y }) => y))!, false) },
    marks: [
      ...points.map(({ outline, color }) =>
        Plot.line(outline, { x: "x", y: "y", fill: color, fillOpacity: 0.12, stroke: "none" }),
      ),
      Plot.dot(points, { x: "x", y: "y", r: 2.6, fill: "color", stroke: theme.background, strokeWidth: 0.6 }),
    ],
  });
}

function ellipse(mean: Matrix, variance: Matrix, i: number) {
  return Array.from({ length: 33 }, (_, k) => {
    const angle = (Math.PI * k) / 16;
    return {
      x: mean.data[2 * i]! + Math.sqrt(variance.data[2 * i]!) * Math.cos(angle),
      y: mean.data[2 * i + 1]! + Math.sqrt(variance.data[2 * i + 1]!) * Math.sin(angle),
    };
  });
}

function short(value: number): string {
  return String(Number(value.toPrecision(2))).replace("-", "−");
}
