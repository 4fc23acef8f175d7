import * as Plot from "@observablehq/plot";
import { ShapeError, UsageError } from "../errors/index.ts";
import { draw, type Figure, type LegendEntry, type Sized, sizeOf } from "./figure.ts";
import { type Hue, palette, theme } from "./theme.ts";
import { extent, padded } from "./ticks.ts";

/** One function of one variable. */
export interface Curve {
  /** Named in the legend; curves of one look need only one name. */
  readonly name?: string;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly hue: Hue;
  readonly dashed?: boolean;
  /** Drawn heavier, where one of many is meant. */
  readonly main?: boolean;
}

export interface Curves extends Sized {
  readonly title: string;
  readonly subtitle?: string;
  /** Labels of the axes, with units. */
  readonly input: string;
  readonly output: string;
  readonly curves: readonly Curve[];
  /** Places on the horizontal axis that matter: dashed lines from bottom to top. */
  readonly places?: readonly number[];
  /** Whether both axes are logarithmic, with a dot at every value: for costs against sizes. Values are then positive. */
  readonly log?: boolean;
  /** Smallest and largest value shown, where figures should compare; what the curves need otherwise. */
  readonly range?: readonly [number, number];
}

/** Functions side by side, or many paths of one process. Throws for nothing to draw or lengths that differ. */
export function curves(figure: Curves): Figure {
  const drawn = figure.curves.map((curve) => ({ ...curve, points: points(curve) }));
  const all = drawn.flatMap((curve) => curve.points);
  const across = extent(all.map((p) => p.x));
  const up = extent(all.map((p) => p.y));
  if (!across || !up) throw new UsageError("expected at least one finite point to draw, got none");
  const { log = false } = figure;
  if (log && !(across[0] > 0 && up[0] > 0)) {
    throw new UsageError(`logarithmic axes take positive values, got ${Math.min(across[0], up[0])}`);
  }
  const type = log ? "log" : "linear";
  const legend = drawn.flatMap(({ name, hue, dashed }): LegendEntry[] =>
    name === undefined ? [] : [{ label: name, color: palette[hue].mark, symbol: dashed ? "dashes" : "line" }],
  );
  return draw({
    ...sizeOf(figure),
    title: figure.title,
    ...(figure.subtitle !== undefined && { subtitle: figure.subtitle }),
    legend,
    x: { label: figure.input, type, domain: log ? padded(across, true) : across },
    y: { label: figure.output, type, domain: figure.range ?? padded(up, log) },
    marks: [
      Plot.ruleX(figure.places ?? [], { stroke: theme.faintInk, strokeDasharray: "3 3" }),
      ...drawn.map(({ points, hue, dashed, main }) =>
        Plot.lineY(points, {
          x: "x",
          y: "y",
          stroke: palette[hue].mark,
          strokeWidth: main ? 2.6 : 1.8,
          ...(dashed && { strokeDasharray: "6 4" }),
        }),
      ),
      ...(log
        ? drawn.map(({ points, hue }) =>
            Plot.dot(points, { x: "x", y: "y", r: 3.4, fill: palette[hue].mark }),
          )
        : []),
    ],
  });
}

function points({ x, y, name }: Curve): { readonly x: number; readonly y: number }[] {
  if (x.length !== y.length) {
    throw new ShapeError(
      `${name ?? "a curve"}: expected ${x.length} values, one for each x, got ${y.length}`,
    );
  }
  return Array.from(x, (value, i) => ({ x: value, y: y[i]! }));
}
