import type { Matrix } from "../linalg/index.ts";
import type { Figure } from "../plot/index.ts";

/** One slide of the talk: an idea, the figures that show it, and the lines that made them. */
export interface Section {
  /** What a link points at: lower case and hyphens. */
  readonly id: string;
  readonly title: string;
  /** Paragraphs of plain text, with the numbers of this run. */
  readonly text: readonly string[];
  readonly pictures: readonly Picture[];
  readonly table?: Table;
  /** JavaScript that does what the section did; every name is exported by funspace or funspace/plot. */
  readonly code: string;
  /** What was computed, for machines. */
  readonly numbers: Readonly<Record<string, number>>;
}

/** A figure that can be drawn for wide and for narrow screens. */
export interface Picture {
  /** Of the page's width, where there is room. */
  readonly span: "half" | "full";
  /** The figure at so many pixels across. */
  draw(width: number): Figure;
}

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A picture beside another. */
export function half(draw: Picture["draw"]): Picture {
  return { span: "half", draw };
}

/** A picture that has the page's width. */
export function full(draw: Picture["draw"]): Picture {
  return { span: "full", draw };
}

/** A height that suits a width: flatter when wide. */
export function heightFor(width: number): number {
  return Math.round(180 + 0.3 * width);
}

/** How high a figure came out, in pixels: what stands beside it can be as high. */
export function heightOf({ svg }: Figure): number {
  return Number(/^<svg [^>]*?\bheight="([\d.]+)"/.exec(svg)![1]);
}

/** `count` evenly spaced places from `from` to `to`, both included, as a column. */
export function evenly(from: number, to: number, count: number): Matrix {
  const data = Float64Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));
  return { rows: count, cols: 1, data };
}

/** The share of values that lie between their bounds. */
export function shareInside(
  values: ArrayLike<number>,
  { lower, upper }: { readonly lower: Matrix; readonly upper: Matrix },
): number {
  const inside = Array.from(values).filter((v, i) => v >= lower.data[i]! && v <= upper.data[i]!);
  return inside.length / values.length;
}

/** A number as people read it: minus signs that look like it, powers of ten as such. */
export function say(value: number, digits = 3): string {
  const rounded = Number(value.toPrecision(digits));
  const size = Math.abs(rounded);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) {
    const [mantissa, exponent] = rounded.toExponential(digits - 1).split("e");
    return `${mantissa!.replace("-", "−")} × 10${superscript(Number(exponent))}`;
  }
  return rounded.toLocaleString("en", { maximumSignificantDigits: digits }).replace("-", "−");
}

function superscript(exponent: number): string {
  return String(exponent).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)]!));
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
