import * as Plot from "@observablehq/plot";
import { UsageError } from "../errors/index.ts";
import { draw, type Figure, type LegendEntry, type Placement } from "./figure.ts";
import { element, type SvgElement } from "./svg.ts";
import { textWidth } from "./text.ts";
import { hueOf, palette, theme } from "./theme.ts";
import { extent } from "./ticks.ts";

/** Functions as points whose distances resemble the functions' own. */
export interface FunctionScatter {
  readonly title: string;
  readonly subtitle?: string;
  /** In pixels; the theme's when left out. The height follows: a unit is as long up as across. */
  readonly width?: number;
  /** What a distance is, with its unit. */
  readonly distance: string;
  readonly points: readonly ScatterPoint[];
  /** Points in the order in which they are joined by arrows, by their numbers. */
  readonly paths?: readonly (readonly number[])[];
}

export interface ScatterPoint {
  readonly x: number;
  readonly y: number;
  readonly group: string;
  /** Written beside the point where there is room. */
  readonly name?: string;
}

const radius = 4.5;

/** A map of function space: labelled points, coloured by group, with paths. Throws UsageError without points. */
export function functionScatter(figure: FunctionScatter): Figure {
  const { title, subtitle, points, paths = [], distance, width = theme.width } = figure;
  const [x, y] = [extent(points.map((p) => p.x)), extent(points.map((p) => p.y))];
  if (!x || !y) throw new UsageError("expected at least one point to draw, got none");
  const groups = [...new Set(points.map(({ group }) => group))];
  const hue = (group: string) => palette[hueOf(groups.indexOf(group))];
  const across = 1.24 * (x[1] - x[0]) || 1.24 * (y[1] - y[0]) || 1;
  const up = Math.min(Math.max(1.24 * (y[1] - y[0]), 0.45 * across), 1.2 * across);
  // What is taller than it is wide gets room at its sides.
  const wide = Math.max(across, (1.24 * (y[1] - y[0])) / 1.2);
  const centred = ([a, b]: readonly [number, number], size: number): [number, number] => [
    (a + b - size) / 2,
    (a + b + size) / 2,
  ];
  return draw({
    title,
    ...(subtitle !== undefined && { subtitle }),
    width,
    equalUnits: true,
    legend: groups.map((label): LegendEntry => ({ label, color: hue(label).mark, symbol: "dot" })),
    x: { label: distance, domain: centred(x, wide) },
    y: { label: distance, domain: centred(y, Math.max(up, 1.24 * (y[1] - y[0]))) },
    marks: [
      ...paths.map((path) =>
        Plot.arrow(
          path.slice(1).map((to, i) => ({ from: points[path[i]!]!, to: points[to]! })),
          {
            x1: ({ from }) => from.x,
            y1: ({ from }) => from.y,
            x2: ({ to }) => to.x,
            y2: ({ to }) => to.y,
            stroke: ({ to }) => hue(to.group).mark,
            strokeOpacity: 0.55,
            inset: radius + 1,
            headLength: 7,
          },
        ),
      ),
      Plot.dot(points, {
        x: "x",
        y: "y",
        r: radius,
        fill: ({ group }: ScatterPoint) => hue(group).mark,
        stroke: theme.background,
      }),
    ],
    labels: (place) => names(points, place, (group) => hue(group).text),
  });
}

type Box = readonly [left: number, right: number, top: number, bottom: number];

/** Each name beside its point: the first of some places that touches no point and no other name, else nowhere. */
function names(
  points: readonly ScatterPoint[],
  place: Placement,
  color: (group: string) => string,
): SvgElement[] {
  const at = points.map((p) => [place.x(p.x), place.y(p.y)] as const);
  const taken: Box[] = at.map(([x, y]) => [x - radius, x + radius, y - radius, y + radius]);
  const free = (box: Box) =>
    box[0] > place.left &&
    box[1] < place.right &&
    box[2] > place.top &&
    box[3] < place.bottom &&
    taken.every((b) => box[1] < b[0] || b[1] < box[0] || box[3] < b[2] || b[3] < box[2]);
  return points.flatMap(({ name, group }, i) => {
    if (name === undefined) return [];
    const [x, y] = at[i]!;
    const width = textWidth(name, theme.fontSize);
    const places = [8, 18, 30, 44].flatMap((gap) =>
      [
        [x + gap, y + 4],
        [x - gap - width, y + 4],
        [x - width / 2, y - gap],
        [x - width / 2, y + gap + 9],
        [x + 0.7 * gap, y - 0.7 * gap],
        [x - 0.7 * gap - width, y - 0.7 * gap],
        [x + 0.7 * gap, y + 0.7 * gap + 8],
        [x - 0.7 * gap - width, y + 0.7 * gap + 8],
      ].map(([left, base]) => ({ left: left!, base: base!, far: gap > 10 })),
    );
    const boxOf = (p: (typeof places)[0]): Box => [p.left, p.left + width, p.base - 10, p.base + 3];
    const found = places.find((p) => free(boxOf(p)));
    if (!found) return [];
    const box = boxOf(found);
    taken.push(box);
    const text = element(
      place.document,
      "text",
      {
        x: found.left,
        y: found.base,
        fill: color(group),
        "text-anchor": "start",
        // A halo, where a path passes behind.
        stroke: theme.background,
        "stroke-width": 3,
        "paint-order": "stroke",
      },
      name,
    );
    if (!found.far) return [text];
    const nearest = [Math.min(Math.max(x, box[0]), box[1]), Math.min(Math.max(y, box[2]), box[3])];
    const leader = element(place.document, "path", {
      d: `M${x},${y}L${nearest[0]},${nearest[1]}`,
      stroke: theme.axis,
      "stroke-width": 0.8,
    });
    return [leader, text];
  });
}
