import * as Plot from "@observablehq/plot";
import { ShapeError } from "../errors/index.ts";
import type { Matrix } from "../linalg/index.ts";
import { draw, type Figure } from "./figure.ts";
import { sequential } from "./ramp.ts";
import { element } from "./svg.ts";
import { cut, textWidth } from "./text.ts";
import { theme } from "./theme.ts";

export interface SimilarityHeatMap {
  readonly title: string;
  readonly subtitle?: string;
  /** In pixels; what the cells need, up to the theme's, when left out. The height follows. */
  readonly width?: number;
  /** From 0 to 1, one row and one column a name. */
  readonly values: Matrix;
  /** From the top. */
  readonly rowNames: readonly string[];
  readonly columnNames: readonly string[];
  /** What the rows and the columns are of. */
  readonly rows: string;
  readonly columns: string;
}

const widestName = 150;
const cell = 84;

/** Similarities as a heat map from white (0) to dark blue (1), with the numbers in cells that have room for them. */
export function similarityHeatMap(figure: SimilarityHeatMap): Figure {
  const { values, title, subtitle } = figure;
  const [n, m] = [figure.rowNames.length, figure.columnNames.length];
  if (values.rows !== n || values.cols !== m || n === 0 || m === 0) {
    throw new ShapeError(`expected ${n} × ${m} similarities, got ${values.rows} × ${values.cols}`);
  }
  const rowNames = figure.rowNames.map((name) => cut(name, widestName, theme.fontSize));
  const left = Math.max(...rowNames.map((name) => textWidth(name, theme.fontSize))) + 24;
  const width = figure.width ?? Math.min(theme.width, Math.max(400, left + 24 + m * cell));
  const size = (width - left - 24) / m;
  const cells = Array.from(values.data, (value, k) => ({ value, i: Math.floor(k / m), j: k % m }));
  return draw({
    title,
    ...(subtitle !== undefined && { subtitle }),
    width,
    equalUnits: true,
    marginLeft: left,
    x: {
      label: figure.columns,
      names: figure.columnNames.map((name) => cut(name, size - 6, theme.fontSize)),
      domain: [-0.5, m - 0.5],
    },
    y: { label: figure.rows, names: rowNames, domain: [n - 0.5, -0.5] },
    marks: [
      Plot.rect(cells, {
        x1: ({ j }) => j - 0.5,
        x2: ({ j }) => j + 0.5,
        y1: ({ i }) => i - 0.5,
        y2: ({ i }) => i + 0.5,
        fill: ({ value }) => sequential(value),
        inset: 0.5,
      }),
    ],
    labels: ({ document, x, y }) =>
      size < 36
        ? []
        : cells.map(({ value, i, j }) =>
            element(
              document,
              "text",
              {
                x: x(j),
                y: y(i) + 4,
                fill: value > 0.6 ? theme.background : theme.ink,
                "text-anchor": "middle",
              },
              value.toFixed(2),
            ),
          ),
  });
}
