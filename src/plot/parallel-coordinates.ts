import * as Plot from "@observablehq/plot";
import { UsageError } from "../errors/index.ts";
import type { Matrix } from "../linalg/index.ts";
import { draw, type Figure, type Sized, sizeOf } from "./figure.ts";
import { hueOf, palette, theme } from "./theme.ts";
import { extent, padded } from "./ticks.ts";

export interface ParallelCoordinates extends Sized {
  readonly title: string;
  readonly subtitle?: string;
  /** What the coordinates' values are. */
  readonly value: string;
  /** One sample a row, one coordinate a column. */
  readonly samples: Matrix;
  /** Where the coordinates stand, ascending; 1, 2, … when left out. */
  readonly places?: ArrayLike<number>;
  /** What the places are. */
  readonly input?: string;
  /** Smallest and largest place shown; the first and last when left out. */
  readonly across?: readonly [number, number];
  readonly range?: readonly [number, number];
}

// With more coordinates, lines from bottom to top and dots would fill the picture.
const mostAxes = 40;

/**
 * Samples of a many-dimensional value: each coordinate is a vertical axis, each sample a line from axis to axis. Throws
 * UsageError when there is nothing to draw.
 */
export function parallelCoordinates(figure: ParallelCoordinates): Figure {
  const { samples, places = Array.from({ length: samples.cols }, (_, j) => j + 1) } = figure;
  const up = extent(samples.data);
  if (!up || places.length !== samples.cols) {
    throw new UsageError(`expected samples of ${places.length} finite coordinates, got ${samples.cols}`);
  }
  const lines = Array.from({ length: samples.rows }, (_, i) =>
    Array.from(places, (x, j) => ({ x, y: samples.data[i * samples.cols + j]! })),
  );
  const few = samples.cols <= mostAxes;
  const domain = figure.across ?? [places[0]!, places[places.length - 1]!];
  return draw({
    ...sizeOf(figure),
    title: figure.title,
    ...(figure.subtitle !== undefined && { subtitle: figure.subtitle }),
    x: { label: figure.input ?? "coordinate", domain },
    y: { label: figure.value, domain: figure.range ?? padded(up, false) },
    marks: [
      ...(few ? [Plot.ruleX(Array.from(places), { stroke: theme.axis, strokeOpacity: 0.7 })] : []),
      ...lines.flatMap((line, i) => [
        Plot.lineY(line, { x: "x", y: "y", stroke: palette[hueOf(i)].mark, strokeWidth: 1.8 }),
        ...(few
          ? [
              Plot.dot(line, {
                x: "x",
                y: "y",
                r: samples.cols > 10 ? 3 : 4.5,
                fill: palette[hueOf(i)].mark,
                stroke: theme.background,
                strokeWidth: 1,
              }),
            ]
          : []),
      ]),
    ],
  });
}
