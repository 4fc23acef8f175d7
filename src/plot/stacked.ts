import type { Figure } from "./figure.ts";
import { theme } from "./theme.ts";

/** Figures of one width below each other as one; `label` says what they are together. */
export function stacked(figures: readonly Figure[], label: string): Figure {
  let height = 0;
  let width = 0;
  const parts = figures.map(({ svg }) => {
    const at = height;
    height += sizeIn(svg, "height");
    width = Math.max(width, sizeIn(svg, "width"));
    return svg.replace("<svg ", `<svg x="0" y="${at}" `);
  });
  const attributes = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  const fonts = `font-family="${theme.fontFamily}" font-size="${theme.fontSize}"`;
  const name = label.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
  return {
    svg: `<svg xmlns="http://www.w3.org/2000/svg" ${attributes} ${fonts} role="img" aria-label="${name}">${parts.join("")}</svg>`,
  };
}

function sizeIn(svg: string, name: "width" | "height"): number {
  // The first one is the root's own; a title in its attributes may hold any sign.
  return Number(new RegExp(`\\s${name}="([\\d.]+)"`).exec(svg)![1]);
}
