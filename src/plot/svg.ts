/** The little of the DOM that figures need; Observable Plot draws into it, with or without a browser. */
import { parseHTML } from "linkedom/worker";

export interface SvgElement {
  readonly textContent: string;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  append(...children: (SvgElement | string)[]): void;
  prepend(...children: SvgElement[]): void;
  remove(): void;
  querySelectorAll(selector: string): Iterable<SvgElement>;
  toString(): string;
}

export interface SvgDocument {
  createElementNS(namespace: string, name: string): SvgElement;
}

const namespace = "http://www.w3.org/2000/svg";

/** A document of our own, the same in Node, in workers and in pages, so that figures are too. */
export function newDocument(): SvgDocument {
  return (parseHTML("<!doctype html><html></html>") as unknown as { document: SvgDocument }).document;
}

/** An element with attributes and text or children. */
export function element(
  document: SvgDocument,
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  ...children: (SvgElement | string)[]
): SvgElement {
  const made = document.createElementNS(namespace, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/**
 * Makes what Plot drew stand alone: no style sheet and classes (PNG renderers know little CSS), the namespace,
 * lengths to a hundredth of a pixel (their last digits differ between machines), and ids made from the picture itself, since Plot counts them over the life of the program and several figures
 * may end up in one page. Returns the SVG text.
 */
export function standalone(svg: SvgElement): string {
  for (const style of svg.querySelectorAll("style")) style.remove();
  svg.removeAttribute("class");
  roundLengths(svg);
  svg.setAttribute("xmlns", namespace);
  const renamed = new Map<string, string>();
  const rename = (prefix: string) => {
    for (const part of svg.querySelectorAll("[id]")) {
      const id = part.getAttribute("id")!;
      renamed.set(id, `${prefix}-${renamed.size + 1}`);
      part.setAttribute("id", renamed.get(id)!);
    }
    for (const part of svg.querySelectorAll("[clip-path]")) {
      const id = /^url\(#(.*)\)$/.exec(part.getAttribute("clip-path")!)?.[1] ?? "";
      part.setAttribute("clip-path", `url(#${renamed.get(id) ?? id})`);
    }
    renamed.clear();
  };
  rename("clip");
  rename(`f${hash(svg.toString())}`);
  // Control characters, which a column's name may hold, are not allowed in XML.
  return svg.toString().replace(/[^\P{Cc}\t\n\r]/gu, "");
}

const lengths = ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "transform", "d"];

function roundLengths(svg: SvgElement): void {
  for (const part of svg.querySelectorAll("*")) {
    for (const name of lengths) {
      const value = part.getAttribute(name);
      if (value)
        part.setAttribute(
          name,
          value.replace(/-?\d+\.\d{3,}/g, (v) => String(Number(Number(v).toFixed(2)))),
        );
    }
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): string {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return (h >>> 0).toString(16);
}
