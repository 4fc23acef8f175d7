import * as Plot from "@observablehq/plot";
import { ShapeError } from "../errors/index.ts";
import type { Matrix } from "../linalg/index.ts";
import { draw, type Figure, type Placement, type Sized, sizeOf } from "./figure.ts";
import { sequential } from "./ramp.ts";
import { element, type SvgElement } from "./svg.ts";
import { textWidth } from "./text.ts";
import { hueOf, palette, theme } from "./theme.ts";

export interface EvidenceSurface extends Sized {
  readonly title: string;
  readonly subtitle?: string;
  readonly x: PositiveAxis;
  readonly y: PositiveAxis;
  /** Log marginal likelihoods in nats: one row a value of y, one column a value of x. */
  readonly values: Matrix;
  /** Where fits went, from start to end; each is named at its end. */
  readonly paths: readonly { readonly name: string; readonly points: readonly Place[] }[];
}

/** Positive values, ascending, each the same factor above the one before. */
export interface PositiveAxis {
  readonly label: string;
  readonly values: ArrayLike<number>;
}

interface Place {
  readonly x: number;
  readonly y: number;
}

// Nats below the best at which contours are drawn: closer together where it matters.
const falls = [40, 30, 22, 16, 12, 9, 7, 5.5, 4, 3, 2, 1.25, 0.7, 0.3, 0.1];

/** Hues that stand out from the blues of the surface. */
const pathHue = (i: number) => palette[hueOf(i + 1)];

/** The log marginal likelihood over two positive hyperparameters on log axes, as contours, with paths of fits. */
export function evidenceSurface(figure: EvidenceSurface): Figure {
  const { x, y, values, paths } = figure;
  if (values.rows !== y.values.length || values.cols !== x.values.length) {
    throw new ShapeError(
      `expected ${y.values.length} × ${x.values.length} values, got ${values.rows} × ${values.cols}`,
    );
  }
  const best = values.data.reduce((a, b) => Math.max(a, b));
  const [left, right] = cellEnds(x);
  const [below, above] = cellEnds(y);
  return draw({
    ...sizeOf(figure),
    title: figure.title,
    ...(figure.subtitle !== undefined && { subtitle: figure.subtitle }),
    x: { label: x.label, type: "log", domain: endsOf(x) },
    y: { label: y.label, type: "log", domain: endsOf(y) },
    color: {
      type: "linear",
      domain: [-falls[0]!, 0],
      // Square roots: the last few nats get half of the colours.
      interpolate: ((t: number) => sequential(1 - Math.sqrt(1 - t))) as never,
      clamp: true,
    },
    marks: [
      Plot.contour(
        values.data.map((v) => Math.max(v - best, -2 * falls[0]!)),
        {
          width: values.cols,
          height: values.rows,
          // The grid is even on the screen; what Plot would make of x1 … y2 is even in the values.
          x: null as never,
          y: null as never,
          interpolate: null as never,
          x1: left,
          x2: right,
          y1: below,
          y2: above,
          fill: (v: number) => v,
          stroke: theme.background,
          strokeWidth: 0.5,
          strokeOpacity: 0.7,
          // The outer half of the outer cells, where contours close, is cut off.
          clip: true,
          thresholds: [-3 * falls[0]!, ...falls.map((fall) => -fall)],
        },
      ),
      ...paths.flatMap(({ points }, i) => [
        // A white edge, so that a path shows on every colour.
        Plot.line(points, { x: "x", y: "y", stroke: theme.background, strokeWidth: 4 }),
        Plot.line(points, { x: "x", y: "y", stroke: pathHue(i).mark, strokeWidth: 2 }),
        Plot.dot(points.slice(0, -1), {
          x: "x",
          y: "y",
          r: 3.2,
          fill: pathHue(i).mark,
          stroke: theme.background,
          strokeWidth: 0.8,
        }),
        Plot.dot(points.slice(-1), {
          x: "x",
          y: "y",
          r: 7,
          symbol: "star",
          fill: pathHue(i).mark,
          stroke: theme.background,
          strokeWidth: 1,
        }),
      ]),
    ],
    labels: (place) => paths.flatMap(({ name, points }, i) => nameAt(place, name, points, i)),
  });
}

function endsOf({ values }: PositiveAxis): [number, number] {
  return [values[0]!, values[values.length - 1]!];
}

/** Half a step beyond the first and last: values stand in the middle of their cells. */
function cellEnds(axis: PositiveAxis): [number, number] {
  const [first, last] = endsOf(axis);
  const half = Math.sqrt((last / first) ** (1 / (axis.values.length - 1)));
  return [first / half, last * half];
}

/** On a plate of its own: text on the surface would need another colour at every place. */
function nameAt(place: Placement, name: string, points: readonly Place[], i: number): SvgElement[] {
  const end = points.at(-1)!;
  const width = textWidth(name, theme.fontSize, "bold");
  const room = { gap: 13, pad: 6 };
  const reach = room.gap + width + 2 * room.pad;
  const overRight = place.x(end.x) + reach > place.right;
  // On the side that the path does not come from, where there is room.
  const leftwards = overRight || (points[0]!.x > end.x && place.x(end.x) - reach > place.left);
  const x = place.x(end.x) + (leftwards ? -reach : room.gap);
  const y = place.y(end.y);
  return [
    element(place.document, "rect", {
      x,
      y: y - 10,
      width: width + 2 * room.pad,
      height: 20,
      rx: 4,
      fill: theme.background,
      "fill-opacity": 0.92,
    }),
    element(
      place.document,
      "text",
      { x: x + room.pad, y: y + 4, fill: pathHue(i).text, "font-weight": "bold", "text-anchor": "start" },
      name,
    ),
  ];
}
