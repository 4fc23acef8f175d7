import * as Plot from "@observablehq/plot";
import { ShapeError, UsageError } from "../errors/index.ts";
import type { Matrix } from "../linalg/index.ts";
import { draw, type Figure } from "./figure.ts";
import { sequential } from "./ramp.ts";
import { theme } from "./theme.ts";

export interface ImageRows {
  readonly title: string;
  readonly subtitle?: string;
  /** In pixels; the theme's when left out. The height follows. */
  readonly width?: number;
  /** Names of the columns, one an image of a row. */
  readonly columns: readonly string[];
  /** What the columns are. */
  readonly label: string;
  /** Images of one size, brightness from 0 to 1, first row on top. */
  readonly rows: readonly { readonly name: string; readonly images: readonly Matrix[] }[];
}

// Of the space between the middles of two neighbouring images.
const share = 0.94;
const levels = 24;

/** Images in rows to be compared column by column, dark where bright. */
export function imageRows(figure: ImageRows): Figure {
  const { columns, rows, width = theme.width } = figure;
  const first = rows[0]?.images[0];
  if (!first || columns.length === 0) throw new UsageError("expected at least one image to draw");
  const cells = rows.flatMap(({ name, images }, r) => {
    if (images.length !== columns.length) {
      throw new ShapeError(`${name}: expected ${columns.length} images, got ${images.length}`);
    }
    return images.flatMap((image, c) => {
      if (image.rows !== first.rows || image.cols !== first.cols) {
        throw new ShapeError(`${name}: images should all be ${first.rows} × ${first.cols}`);
      }
      return cellsOf(image, r, c);
    });
  });
  const frames = rows.flatMap((_, r) => columns.map((_, c) => ({ r, c })));
  const names = Math.max(...rows.map(({ name }) => name.length)) * 7 + 40;
  return draw({
    title: figure.title,
    ...(figure.subtitle !== undefined && { subtitle: figure.subtitle }),
    width,
    // Square pixels: a unit is one image, across as up.
    unitHeight: ((width - names - 24) / columns.length) * (first.rows / first.cols),
    x: { label: figure.label, names: columns, domain: [-0.5, columns.length - 0.5] },
    y: { label: "", names: rows.map(({ name }) => name), domain: [rows.length - 0.5, -0.5] },
    marks: [
      Plot.rect(frames, {
        x1: ({ c }) => c - share / 2,
        x2: ({ c }) => c + share / 2,
        y1: ({ r }) => r - share / 2,
        y2: ({ r }) => r + share / 2,
        fill: sequential(0),
      }),
      Plot.rect(cells, {
        x1: "left",
        x2: "right",
        y1: "top",
        y2: "bottom",
        fill: "color",
        shapeRendering: "crispEdges",
      }),
    ],
  });
}

/** Runs of one colour along the image's rows, but for the darkest, which is the ground. */
function cellsOf({ rows: h, cols: w, data }: Matrix, r: number, c: number) {
  const level = (k: number) => Math.round(Math.min(1, Math.max(0, data[k]!)) * levels);
  const cells: { left: number; right: number; top: number; bottom: number; color: string }[] = [];
  for (let i = 0; i < h; i++) {
    for (let j = 0; j < w; ) {
      const own = level(i * w + j);
      let end = j + 1;
      while (end < w && level(i * w + end) === own) end++;
      if (own > 0) {
        cells.push({
          left: c + share * (j / w - 0.5),
          right: c + share * (end / w - 0.5),
          top: r + share * (i / h - 0.5),
          bottom: r + share * ((i + 1) / h - 0.5),
          color: sequential(own / levels),
        });
      }
      j = end;
    }
  }
  return cells;
}
