import * as Plot from "@observablehq/plot";
import { ShapeError } from "../errors/index.ts";
import type { Matrix } from "../linalg/index.ts";
import { draw, type Figure } from "./figure.ts";
import { hueOf, palette, theme } from "./theme.ts";
import { extent } from "./ticks.ts";

export interface GaussianEllipse {
  readonly title: string;
  readonly subtitle?: string;
  /** In pixels; the theme's when left out. The height follows, so that both axes have one scale. */
  readonly width?: number;
  /** What the two values are. */
  readonly first: string;
  readonly second: string;
  /** 2 × 1 and 2 × 2. */
  readonly mean: Matrix;
  readonly covariance: Matrix;
  /** n × 2. */
  readonly samples: Matrix;
  /** So many of the samples, from the first on, have a colour of their own. */
  readonly named?: number;
}

// Squared radius of the disc that holds a share p of a two-dimensional standard normal: −2 log(1 − p).
const shares = [0.95, 0.5] as const;

/** A Gaussian of two values: the ellipses that hold 50 % and 95 % of it, and samples. */
export function gaussianEllipse(figure: GaussianEllipse): Figure {
  const { mean, covariance, samples, named = 0 } = figure;
  if (mean.data.length !== 2 || covariance.rows !== 2 || covariance.cols !== 2 || samples.cols !== 2) {
    throw new ShapeError("expected a mean of 2 values, a 2 × 2 covariance and samples of 2 columns");
  }
  const rings = shares.map((share) => outline(mean, covariance, Math.sqrt(-2 * Math.log(1 - share))));
  const dots = Array.from({ length: samples.rows }, (_, i) => ({
    x: samples.data[2 * i]!,
    y: samples.data[2 * i + 1]!,
  }));
  const shown = [...rings.flat(), ...dots];
  // One range for both axes: a correlation looks like one only in a square.
  const [least, most] = extent(shown.flatMap((p) => [p.x, p.y]))!;
  const room = 0.05 * (most - least);
  const domain = [least - room, most + room] as const;
  return draw({
    title: figure.title,
    ...(figure.subtitle !== undefined && { subtitle: figure.subtitle }),
    ...(figure.width !== undefined && { width: figure.width }),
    equalUnits: true,
    legend: [
      { label: "50 %", color: palette.blue.mark, symbol: "band", opacity: 0.3 },
      { label: "95 %", color: palette.blue.mark, symbol: "band", opacity: 0.13 },
      { label: "samples", color: theme.ink, symbol: "dot" },
    ],
    x: { label: figure.first, domain },
    y: { label: figure.second, domain },
    marks: [
      ...rings.map((ring) =>
        Plot.line(ring, {
          x: "x",
          y: "y",
          fill: palette.blue.mark,
          fillOpacity: 0.15,
          stroke: palette.blue.mark,
          strokeWidth: 1.4,
        }),
      ),
      Plot.dot(dots.slice(named), { x: "x", y: "y", r: 1.8, fill: theme.ink, fillOpacity: 0.5 }),
      ...dots.slice(0, named).map((dot, i) =>
        Plot.dot([dot], {
          x: "x",
          y: "y",
          r: 5,
          fill: palette[hueOf(i)].mark,
          stroke: theme.background,
          strokeWidth: 1,
        }),
      ),
    ],
  });
}

/** Where the Mahalanobis distance from the mean is `radius`: mean + radius · L (cos t, sin t), L Lᵀ the covariance. */
function outline(mean: Matrix, { data }: Matrix, radius: number) {
  const a = Math.sqrt(data[0]!);
  const b = data[2]! / a;
  const c = Math.sqrt(Math.max(0, data[3]! - b * b));
  return Array.from({ length: 73 }, (_, k) => {
    const [u, v] = [Math.cos((Math.PI * k) / 36), Math.sin((Math.PI * k) / 36)];
    return { x: mean.data[0]! + radius * a * u, y: mean.data[1]! + radius * (b * u + c * v) };
  });
}
