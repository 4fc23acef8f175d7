import * as Plot from "@observablehq/plot";
import { UsageError } from "../errors/index.ts";
import { draw, type Figure, type Sized, sizeOf } from "./figure.ts";
import { hueOf, palette, theme } from "./theme.ts";

export interface GaussianDensity extends Sized {
  readonly title: string;
  readonly subtitle?: string;
  /** What is distributed, with its unit. */
  readonly value: string;
  readonly mean: number;
  readonly variance: number;
  /** Drawn as dots on the axis, each in a colour of its own. */
  readonly samples: ArrayLike<number>;
}

/** The density of one Gaussian value, what holds 95 % of it, and samples. Throws unless the variance is above 0. */
export function gaussianDensity(figure: GaussianDensity): Figure {
  const { mean, variance, samples } = figure;
  if (!(variance > 0)) throw new UsageError(`expected a variance above 0, got ${variance}`);
  const sd = Math.sqrt(variance);
  const peak = 1 / (sd * Math.sqrt(2 * Math.PI));
  const curve = Array.from({ length: 161 }, (_, i) => {
    const z = -4 + i / 20;
    return { x: mean + sd * z, y: peak * Math.exp(-0.5 * z * z), inside: Math.abs(z) <= 1.96 };
  });
  return draw({
    ...sizeOf(figure),
    title: figure.title,
    ...(figure.subtitle !== undefined && { subtitle: figure.subtitle }),
    legend: [
      { label: "density", color: palette.blue.mark, symbol: "line" },
      { label: "95 %", color: palette.blue.mark, symbol: "band", opacity: 0.18 },
      { label: "samples", color: palette.green.mark, symbol: "dot" },
    ],
    x: { label: figure.value, domain: [mean - 4 * sd, mean + 4 * sd] },
    y: { label: "density", domain: [0, 1.08 * peak] },
    marks: [
      Plot.areaY(
        curve.filter(({ inside }) => inside),
        { x: "x", y: "y", fill: palette.blue.mark, fillOpacity: 0.18 },
      ),
      Plot.lineY(curve, { x: "x", y: "y", stroke: palette.blue.mark, strokeWidth: 2.4 }),
      ...Array.from(samples, (x, i) =>
        Plot.dot([{ x, y: 0 }], {
          x: "x",
          y: "y",
          r: 5,
          fill: palette[hueOf(i)].mark,
          stroke: theme.background,
          strokeWidth: 1,
          clip: false,
        }),
      ),
    ],
  });
}
