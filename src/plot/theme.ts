/** What all figures share. Sizes are in pixels of the SVG. */
export const theme = {
  width: 640,
  height: 400,
  /** Verdana has the same widths, for browsers without DejaVu Sans. */
  fontFamily: "DejaVu Sans, Verdana, sans-serif",
  fontSize: 12,
  titleSize: 15,
  background: "#ffffff",
  ink: "#1f2328",
  faintInk: "#57606a",
  grid: "#e4e7eb",
  axis: "#8c959f",
} as const;

/**
 * Colours that stay apart under the common colour-vision deficiencies (Okabe & Ito 2008, "Color Universal
 * Design"), each with a darker companion of the same hue that is readable as text on white.
 */
export const palette = {
  blue: { mark: "#0072b2", text: "#005f95" },
  vermillion: { mark: "#d55e00", text: "#a84a00" },
  green: { mark: "#009e73", text: "#00704f" },
  purple: { mark: "#cc79a7", text: "#97456f" },
  orange: { mark: "#e69f00", text: "#8a5f00" },
  sky: { mark: "#56b4e9", text: "#1d6f9f" },
  grey: { mark: "#6e7781", text: "#57606a" },
} as const;

export type Hue = keyof typeof palette;

/** The hue of the i-th of several series, the most distinct first. */
export function hueOf(i: number): Hue {
  const hues = Object.keys(palette) as Hue[];
  return hues[i % hues.length]!;
}
