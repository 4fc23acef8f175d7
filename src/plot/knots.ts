import { UsageError } from "../errors/index.ts";
import { curves } from "./curves.ts";
import type { Figure, Sized } from "./figure.ts";
import { hueOf } from "./theme.ts";

export interface Knots extends Sized {
  readonly title: string;
  readonly subtitle?: string;
  /** The values of each layer at many places, drawn functions' together. */
  readonly layers: readonly { readonly name: string; readonly values: ArrayLike<number> }[];
}

// Of the densities' Gaussian, and how far the axis reaches beyond 0 and 1.
const bandwidth = 0.03;
const margin = 0.1;
const places = 181;

/**
 * Where the values of each layer gather: densities over their own range, 0 the lowest and 1 the highest. Peaks are the
 * knots of hierarchical features. Throws UsageError for a layer without values.
 */
export function knots({ layers, ...figure }: Knots): Figure {
  const x = Float64Array.from({ length: places }, (_, i) => -margin + ((1 + 2 * margin) * i) / (places - 1));
  return curves({
    ...figure,
    input: "value, from 0 to 1",
    output: "density",
    curves: layers.map(({ name, values }, l) => ({
      name,
      hue: hueOf(l),
      x,
      y: densities(fromLowest(values), x),
    })),
  });
}

function densities(values: Float64Array, at: Float64Array): Float64Array {
  if (values.length === 0) throw new UsageError("knots: a layer has no values");
  const scale = 1 / (values.length * bandwidth * Math.sqrt(2 * Math.PI));
  return at.map((place) =>
    values.reduce((sum, v) => sum + scale * Math.exp(-0.5 * ((place - v) / bandwidth) ** 2), 0),
  );
}

/** Values on their own scale: 0 the lowest, 1 the highest, turned so that the first is not above the last. */
export function fromLowest(values: ArrayLike<number>): Float64Array {
  const all = Float64Array.from(values);
  let [low, high] = [Infinity, -Infinity];
  for (const v of all) [low, high] = [Math.min(low, v), Math.max(high, v)];
  const scaled = all.map((v) => (v - low) / (high - low || 1));
  return scaled[0]! <= scaled.at(-1)! ? scaled : scaled.map((v) => 1 - v);
}
