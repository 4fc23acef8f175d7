import * as Plot from "@observablehq/plot";
import { UsageError } from "../errors/index.ts";
import { draw, type Figure, type LegendEntry } from "./figure.ts";
import { element } from "./svg.ts";
import { palette, theme } from "./theme.ts";
import { extent, padded, shortNumber, wantsLog } from "./ticks.ts";

export interface TrainingCurve {
  readonly title?: string;
  readonly subtitle?: string;
  /** What the loss is, with its unit: the label of the vertical axis. */
  readonly loss?: string;
  /** Loss after each epoch, the first after epoch 1. */
  readonly train: ArrayLike<number>;
  /** Loss on examples kept aside, as long as `train`. */
  readonly validation?: ArrayLike<number>;
  /** The epoch, from 1, whose weights were kept. */
  readonly chosenEpoch?: number;
}

/**
 * Loss against epoch, on a log axis where the losses are positive (a likelihood's may not be) and spread. Epochs whose loss
 * is not finite leave a gap. Throws UsageError when there is no finite loss to draw.
 */
export function trainingCurve(curve: TrainingCurve): Figure {
  const { train, validation, chosenEpoch } = curve;
  const trained = points(train);
  const validated = points(validation ?? []);
  const range = extent([...trained, ...validated].map(({ loss }) => loss));
  if (!range) throw new UsageError("a training curve needs at least one epoch with a finite loss");
  const log = wantsLog(range);
  const epochs = Math.max(2, train.length, validated.length);
  const line = (data: readonly Point[], stroke: string) => [
    Plot.lineY(data, { x: "epoch", y: "loss", stroke, strokeWidth: 2 }),
    // A line through one point would not show.
    ...(data.length === 1 ? [Plot.dot(data, { x: "epoch", y: "loss", fill: stroke, r: 3.5 })] : []),
  ];
  const legend: LegendEntry[] = [{ label: "training", color: palette.blue.mark, symbol: "line" }];
  if (validated.length > 0)
    legend.push({ label: "validation", color: palette.vermillion.mark, symbol: "line" });
  const series = validated.length > 0 ? validated : trained;
  const chosen = chosenEpoch === undefined ? undefined : series[chosenEpoch - 1];
  return draw({
    title: curve.title ?? "Training",
    ...(curve.subtitle === undefined ? {} : { subtitle: curve.subtitle }),
    legend,
    // Few epochs would get ticks at halves.
    x: {
      label: "epoch",
      domain: [1, epochs],
      ...(epochs <= 10 ? { ticks: trained.map(({ epoch }) => epoch) } : {}),
    },
    y: { label: curve.loss ?? "loss", type: log ? "log" : "linear", domain: padded(range, log) },
    marks: [
      ...(chosen ? [Plot.ruleX([chosen], { x: "epoch", stroke: theme.axis, strokeDasharray: "4 3" })] : []),
      ...line(trained, palette.blue.mark),
      ...line(validated, palette.vermillion.mark),
      ...(chosen
        ? [Plot.dot([chosen], { x: "epoch", y: "loss", r: 4.5, fill: theme.ink, stroke: theme.background })]
        : []),
    ],
    labels: ({ document, x, top, right }) => {
      if (!chosen || !Number.isFinite(chosen.loss)) return [];
      // Towards the middle, where there is room.
      const left = x(chosen.epoch) > right / 2;
      const attributes = {
        x: x(chosen.epoch) + (left ? -6 : 6),
        y: top + 10,
        fill: theme.ink,
        "text-anchor": left ? "end" : "start",
        // A halo, in case a curve passes behind.
        stroke: theme.background,
        "stroke-width": 4,
        "paint-order": "stroke",
      };
      return [
        element(document, "text", attributes, `kept: epoch ${chosen.epoch} (${shortNumber(chosen.loss, 3)})`),
      ];
    },
  });
}

interface Point {
  readonly epoch: number;
  readonly loss: number;
}

function points(losses: ArrayLike<number>): readonly Point[] {
  return Array.from(losses, (loss, i) => ({ epoch: i + 1, loss }));
}
