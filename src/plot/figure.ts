import * as Plot from "@observablehq/plot";
import { element, newDocument, type SvgDocument, type SvgElement, standalone } from "./svg.ts";
import { cut, textWidth, wrap } from "./text.ts";
import { theme } from "./theme.ts";
import { logTicks, shortNumber } from "./ticks.ts";

/** A picture that stands alone: everything it needs but the font is in its text. */
export interface Figure {
  readonly svg: string;
}

/** How a series shows in the legend. */
export interface LegendEntry {
  readonly label: string;
  readonly color: string;
  readonly symbol: "line" | "dashes" | "dot" | "band";
  /** From 0 to 1; 1 when left out. */
  readonly opacity?: number;
}

export interface Axis {
  /** With its unit, where it has one; empty for a horizontal axis that the panel below names and numbers. */
  readonly label: string;
  readonly type?: "linear" | "log";
  /** Smallest and largest value shown. */
  readonly domain: readonly [number, number];
  /** Where the ticks are; about seven round numbers when left out. */
  readonly ticks?: readonly number[];
  /** Calendar years: numbers without a mark between thousands. */
  readonly years?: boolean;
  /** What stands at 0, 1, 2, … in place of numbers; without a grid. */
  readonly names?: readonly string[];
}

/** How large a figure is drawn, in pixels; the theme's size when left out. */
export interface Sized {
  readonly width?: number;
  readonly height?: number;
}

/** Only the size of something that has more to it. */
export function sizeOf({ width, height }: Sized): Sized {
  return { ...(width !== undefined && { width }), ...(height !== undefined && { height }) };
}

export interface Drawing extends Sized {
  /** Empty for a panel that another picture names. */
  readonly title: string;
  readonly subtitle?: string;
  readonly legend?: readonly LegendEntry[];
  /** One unit is as long up as across: the height follows from the width. */
  readonly equalUnits?: boolean;
  /** Pixels that one unit up takes: the height follows. */
  readonly unitHeight?: number;
  /** Pixels kept free on the left and right, if more than the axes need. */
  readonly marginLeft?: number;
  readonly marginRight?: number;
  readonly x: Axis;
  readonly y: Axis;
  /** How marks whose colour is a number are coloured. */
  readonly color?: Plot.ScaleOptions;
  readonly marks: readonly Plot.Markish[];
  /** Labels that can be placed only once the scales are known. */
  readonly labels?: (place: Placement) => readonly SvgElement[];
}

/** From values to pixels, and the document to make elements in. */
export interface Placement {
  readonly document: SvgDocument;
  x(value: number): number;
  y(value: number): number;
  /** The edges of the frame, in pixels. */
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** Space at the picture's edges. */
const edge = 14;
const lineHeight = 17;
const marginBelow = { labelled: 46, bare: 12 };
const usualTicks = 7;
/** Ticks up the side have at least about this many pixels each. */
const leastTickGap = 26;

/** The figure of a drawing in the shared theme: title, subtitle and legend above, then axes and marks. */
export function draw(drawing: Drawing): Figure {
  const width = drawing.width ?? theme.width;
  const document = newDocument();
  const heading = headingOf(document, drawing, width);
  const marginTop = heading.height + 36;
  const marginBottom = drawing.x.label === "" ? marginBelow.bare : marginBelow.labelled;
  const plot = (marginLeft: number, marginRight: number, height: number, ticksAcross: number) => {
    const xTicks = ticksOf(drawing.x, ticksAcross);
    const room = Math.floor((height - marginTop - marginBottom) / leastTickGap);
    const yTicks = ticksOf(drawing.y, Math.max(2, Math.min(usualTicks, room)));
    const drawn = Plot.plot({
      document: document as never,
      width,
      height,
      marginTop,
      marginRight,
      marginBottom,
      marginLeft,
      x: scaleOf(drawing.x),
      y: scaleOf(drawing.y),
      ...(drawing.color && { color: drawing.color }),
      marks: [
        drawing.y.names ? null : Plot.gridY({ ticks: yTicks.ticks!, stroke: theme.grid, strokeOpacity: 1 }),
        drawing.x.names ? null : Plot.gridX({ ticks: xTicks.ticks!, stroke: theme.grid, strokeOpacity: 1 }),
        ...drawing.marks,
        Plot.frame({ anchor: "bottom", stroke: theme.axis }),
        Plot.axisX({ ...xTicks, label: null, stroke: theme.axis, fill: theme.ink, tickSize: 5 }),
        Plot.axisY({ ...yTicks, label: null, fill: theme.ink, tickSize: 0, tickPadding: 8 }),
      ],
    });
    return drawn as unknown as SvgElement & Pick<Plot.Plot, "scale">;
  };
  // Drawn twice: how wide the tick labels are is known only once there are ticks.
  const usual = drawing.height ?? theme.height;
  const trial = plot(60, drawing.marginRight ?? 24, usual, usualTicks);
  const beside = widest(trial, "y") + edge + 8;
  const across = widest(trial, "x");
  const below = across / 2 + 6;
  const marginRight = Math.ceil(Math.max(24, drawing.marginRight ?? 0, below));
  const marginLeft = Math.ceil(Math.max(beside, below, drawing.marginLeft ?? 0));
  // D3 makes up to half as many ticks again as it is asked for.
  const fitting = Math.floor((width - marginLeft - marginRight) / (1.5 * (across + 12)));
  const span = ({ domain: [a, b] }: Axis) => Math.abs(b - a);
  const height = drawing.equalUnits
    ? Math.round(
        marginTop + marginBottom + ((width - marginLeft - marginRight) * span(drawing.y)) / span(drawing.x),
      )
    : drawing.unitHeight
      ? Math.round(marginTop + marginBottom + drawing.unitHeight * span(drawing.y))
      : usual;
  const svg = plot(marginLeft, marginRight, height, Math.max(1, Math.min(usualTicks, fitting)));
  if (drawing.x.label === "") {
    for (const labels of svg.querySelectorAll('[aria-label="x-axis tick label"]')) labels.remove();
  }
  svg.setAttribute("font-family", theme.fontFamily);
  svg.setAttribute("font-size", String(theme.fontSize));
  svg.setAttribute("color", theme.ink);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", [drawing.title, drawing.subtitle].filter(Boolean).join(". "));
  const place = (name: "x" | "y") => (value: number) => Number(svg.scale(name)!.apply(value));
  const placement = {
    document,
    x: place("x"),
    y: place("y"),
    top: marginTop,
    bottom: height - marginBottom,
    left: marginLeft,
    right: width - marginRight,
  };
  svg.append(
    ...heading.parts,
    ...axisLabels(placement, drawing, width),
    ...(drawing.labels?.(placement) ?? []),
  );
  svg.prepend(element(document, "rect", { width, height, fill: theme.background }));
  return { svg: standalone(svg) };
}

function scaleOf({ type = "linear", domain }: Axis): Plot.ScaleOptions {
  return { type, domain: [...domain] };
}

/** Ticks for an axis; `most` is about how many when it does not say where they are. */
function ticksOf(axis: Axis, most: number): Plot.AxisXOptions & Plot.AxisYOptions {
  const { names } = axis;
  if (names) return { ticks: [...names.keys()], text: (place: number) => names[place]! };
  const ticks = axis.ticks ?? (axis.type === "log" ? logTicks(axis.domain) : undefined);
  // Not tickFormat, which D3 leaves out at some ticks of a log scale.
  const text = (value: number) => shortNumber(value);
  if (axis.years) return { ticks: ticks ? [...ticks] : most, text: String };
  if (ticks) return { ticks: [...ticks], text };
  // Plot's own numbers share their decimals, but never turn to powers of ten.
  const size = Math.max(...axis.domain.map(Math.abs));
  return size < 1e-4 || size >= 1e7 ? { ticks: most, text } : { ticks: most };
}

/** Width of the widest tick label of an axis. */
function widest(svg: SvgElement, axis: "x" | "y"): number {
  const labels = svg.querySelectorAll(`[aria-label="${axis}-axis tick label"] text`);
  return Math.max(0, ...Array.from(labels, (label) => textWidth(label.textContent, theme.fontSize)));
}

/** Plot would put the vertical axis' label above the title. */
function axisLabels(
  { document, top, bottom, right }: Placement,
  { x, y }: Drawing,
  width: number,
): SvgElement[] {
  const arrow = 16;
  const write = (text: string, attributes: Record<string, string | number>) =>
    element(document, "text", { fill: theme.ink, ...attributes }, text);
  const arrowUp = y.domain[0] < y.domain[1] ? "↑" : "↓";
  const nameUp = cut(y.label, width - 2 * edge - arrow, theme.fontSize);
  const up = write(y.names ? nameUp : `${arrowUp} ${nameUp}`, {
    x: edge,
    y: top - 11,
    "text-anchor": "start",
  });
  if (x.label === "") return [up];
  const nameAcross = cut(x.label, right - edge - arrow, theme.fontSize);
  const across = write(x.names ? nameAcross : `${nameAcross} →`, {
    x: right,
    y: bottom + 38,
    "text-anchor": "end",
  });
  return [up, across];
}

/** Title, subtitle and legend from the top left corner, and how many pixels they take. */
function headingOf(document: SvgDocument, { title, subtitle = "", legend = [] }: Drawing, width: number) {
  const room = width - 2 * edge;
  const parts: SvgElement[] = [];
  let y = 8;
  const write = (line: string, size: number, fill: string, weight: "normal" | "bold") => {
    y += lineHeight + (weight === "bold" ? 2 : 0);
    parts.push(
      element(
        document,
        "text",
        { x: edge, y, fill, "font-size": size, "font-weight": weight, "text-anchor": "start" },
        line,
      ),
    );
  };
  for (const line of wrap(title, room, theme.titleSize, "bold")) {
    write(line, theme.titleSize, theme.ink, "bold");
  }
  for (const line of wrap(subtitle, room, theme.fontSize)) {
    write(line, theme.fontSize, theme.faintInk, "normal");
  }
  let x = edge;
  if (legend.length > 0) y += lineHeight + 6;
  for (const entry of legend) {
    const label = cut(entry.label, room - swatch - 6, theme.fontSize);
    const taken = swatch + 6 + textWidth(label, theme.fontSize);
    if (x > edge && x + taken > width - edge) {
      x = edge;
      y += lineHeight;
    }
    parts.push(
      symbolOf(document, entry, x, y - 4),
      element(document, "text", { x: x + swatch + 6, y, fill: theme.ink, "text-anchor": "start" }, label),
    );
    x += taken + 20;
  }
  return { parts, height: y };
}

/** Width of a symbol in the legend. */
const swatch = 22;

function symbolOf(document: SvgDocument, entry: LegendEntry, x: number, y: number): SvgElement {
  const { color, symbol, opacity = 1 } = entry;
  if (symbol === "band") {
    return element(document, "rect", {
      x,
      y: y - 5,
      width: swatch,
      height: 10,
      fill: color,
      "fill-opacity": opacity,
    });
  }
  if (symbol === "dot") {
    return element(document, "circle", {
      cx: x + swatch / 2,
      cy: y,
      r: 3.5,
      fill: color,
      "fill-opacity": opacity,
    });
  }
  return element(document, "line", {
    x1: x,
    x2: x + swatch,
    y1: y,
    y2: y,
    stroke: color,
    "stroke-width": 2.2,
    "stroke-opacity": opacity,
    ...(symbol === "dashes" ? { "stroke-dasharray": "5 4" } : {}),
  });
}
