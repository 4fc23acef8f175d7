import { parseHTML } from "linkedom/worker";
import { expect, it } from "vitest";
import type { Figure } from "../../src/plot/index.ts";
import type { SvgElement } from "../../src/plot/svg.ts";
import { textWidth } from "../../src/plot/text.ts";

export function parse({ svg }: Figure): SvgElement {
  const { document } = parseHTML(`<!doctype html><html><body>${svg}</body></html>`) as unknown as {
    document: { querySelectorAll(selector: string): Iterable<SvgElement> };
  };
  return [...document.querySelectorAll("svg")][0]!;
}

/** How many parts of the figure the selector finds. */
export const count = (root: SvgElement, selector: string) => [...root.querySelectorAll(selector)].length;
export const texts = (root: SvgElement) => Array.from(root.querySelectorAll("text"), (t) => t.textContent);
const number = (part: SvgElement, name: string) => Number(part.getAttribute(name));

/** Where a text stands, from its own place, its group's and its width: [left, right, top, bottom]. */
function box(text: SvgElement): [number, number, number, number] {
  const own = moved(text.getAttribute("transform"));
  const group = (text as unknown as { parentNode: SvgElement }).parentNode;
  const shift = moved(group.getAttribute("transform"));
  const size = Number(text.getAttribute("font-size") ?? 12);
  const weight = text.getAttribute("font-weight") === "bold" ? "bold" : "normal";
  const width = textWidth(text.textContent, size, weight);
  const em = (name: string) => {
    const value = text.getAttribute(name) ?? "0";
    return value.endsWith("em") ? Number.parseFloat(value) * size : Number(value);
  };
  const anchor = text.getAttribute("text-anchor") ?? group.getAttribute("text-anchor") ?? "middle";
  const left = em("x") + own[0] + shift[0] - { start: 0, middle: width / 2, end: width }[anchor]!;
  const base = em("y") + own[1] + shift[1] + panelTop(text);
  return [left, left + width, base - 0.75 * size, base + 0.15 * size];
}

/** Where a stacked figure's panel starts, from the top. */
function panelTop(text: SvgElement): number {
  let part = text as SvgElement & { tagName: string; parentNode: typeof part };
  while (part.tagName.toLowerCase() !== "svg") part = part.parentNode;
  return Number(part.getAttribute("y") ?? 0);
}

function moved(transform: string | null): [number, number] {
  const [, dx, dy] = /translate\(([-\d.]+),([-\d.]+)\)/.exec(transform ?? "") ?? [];
  return [Number(dx ?? 0), Number(dy ?? 0)];
}

/** What every figure keeps to, as tests of the suite around it. */
export function lawsOfFigures(make: () => Figure): void {
  const figure = make();
  const root = parse(figure);

  it("is the same every time", () => {
    expect(make().svg).toBe(figure.svg);
  });

  it("stands alone: no style sheet, class, script or reference outside", () => {
    expect(figure.svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(figure.svg).not.toMatch(/<style|class=|<script|href|var\(|NaN|undefined|Infinity/);
  });

  it("keeps every text inside the picture, and none over another", () => {
    const boxes = Array.from(root.querySelectorAll("text"), (t) => ({ text: t.textContent, at: box(t) }));
    const [width, height] = [number(root, "width"), number(root, "height")];
    boxes.forEach(({ text, at: [left, right, top, bottom] }, i) => {
      expect(left, text).toBeGreaterThanOrEqual(0);
      expect(right, text).toBeLessThanOrEqual(width);
      expect(top, text).toBeGreaterThanOrEqual(0);
      expect(bottom, text).toBeLessThanOrEqual(height);
      for (const { text: other, at } of boxes.slice(i + 1)) {
        const apart = right < at[0] || at[1] < left || bottom < at[2] || at[3] < top;
        expect(apart, `"${text}" and "${other}"`).toBe(true);
      }
    });
  });
}
