import * as Plot from "@observablehq/plot";
import { UsageError } from "../errors/index.ts";
import { draw, type Figure } from "./figure.ts";
import { palette, theme } from "./theme.ts";

/** The predictions of one range of confidence. */
export interface ConfidenceBin {
  readonly count: number;
  /** Mean probability of the likeliest class. */
  readonly confidence: number;
  /** Share of the examples where it is the true one. */
  readonly accuracy: number;
}

export interface Reliability {
  readonly title: string;
  readonly subtitle?: string;
  readonly bins: readonly ConfidenceBin[];
}

/** Accuracy against confidence, the area of a dot its share of the examples: calibrated predictions lie on the line. */
export function reliabilityDiagram({ title, subtitle, bins }: Reliability): Figure {
  if (bins.length === 0) throw new UsageError("expected at least one bin of predictions to draw");
  return draw({
    title,
    ...(subtitle !== undefined && { subtitle }),
    height: 520,
    legend: [
      { label: "predictions of like confidence, by their number", color: palette.blue.mark, symbol: "dot" },
      { label: "accuracy = confidence", color: theme.ink, symbol: "dashes" },
    ],
    x: { label: "confidence: probability of the likeliest class", domain: [0, 1.02] },
    y: { label: "accuracy: share that is right", domain: [-0.06, 1.08] },
    marks: [
      Plot.line(
        [
          [0, 0],
          [1, 1],
        ],
        { stroke: theme.ink, strokeDasharray: "5 4" },
      ),
      Plot.line([...bins], { x: "confidence", y: "accuracy", stroke: palette.blue.mark, strokeOpacity: 0.4 }),
      Plot.dot([...bins], {
        x: "confidence",
        y: "accuracy",
        r: "count",
        fill: palette.blue.mark,
        fillOpacity: 0.75,
      }),
    ],
  });
}
