import { relativePath } from "./relative-path.ts";
import type { Picture, Section, Table } from "./section.ts";
import { pageStyle } from "./style.ts";

export interface PageOptions {
  /** What the page says about how it was made. */
  readonly seed: number;
}

/** How wide figures are drawn, in pixels, for screens that show two abreast, one, and a phone's. */
const widths = {
  full: { wide: 1134, medium: 700, narrow: 360 },
  half: { "wide medium": 560, narrow: 360 },
} as const;

/** The sections as one HTML page that needs nothing else: no script, no style sheet, no picture, no network. */
export function page(sections: readonly Section[], { seed }: PageOptions): string {
  const contents = sections.map(({ id, title }) => `<li><a href="#${id}">${escaped(title)}</a></li>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>funspace: deep learning in function space, in figures</title>
<style>${pageStyle}</style>
</head>
<body>
<header>
<h1>Deep learning in function space</h1>
<p>Functions, and distributions over functions, are the objects one holds. Every figure and every number on this page was
computed by <code>funspace gallery --seed ${seed}</code> as it ran; below each section stand the lines that do it.</p>
<nav aria-label="Contents"><ol>${contents.join("\n")}</ol></nav>
</header>
<main>
${sections.map(sectionHtml).join("\n")}
</main>
</body>
</html>
`;
}

function sectionHtml({ id, title, text, pictures, table, code }: Section, index: number): string {
  return `<section id="${id}">
<h2><span class="number">${index + 1}</span> ${escaped(title)}</h2>
${text.map((paragraph) => `<p>${escaped(paragraph)}</p>`).join("\n")}
<div class="figures">
${pictures.map(pictureHtml).join("\n")}
</div>
${table ? tableHtml(table) : ""}
<details open><summary>The code</summary><pre><code>${escaped(code)}</code></pre></details>
</section>`;
}

/** Drawn for each kind of screen, so that its text can be read on any; the style sheet shows one. */
function pictureHtml({ span, draw }: Picture): string {
  const drawn = Object.entries(widths[span]).map(
    ([screens, width]) => `<div class="${screens}">${inline(draw(width).svg)}</div>`,
  );
  return `<figure class="${span}">${drawn.join("")}</figure>`;
}

/** An SVG inside HTML: needs no namespace, a tenth of a pixel is enough, and paths as steps are half as long. */
export function inline(svg: string): string {
  return svg
    .replace(/ xmlns="[^"]*"/g, "")
    .replace(
      / (d|x|y|x1|x2|y1|y2|cx|cy|width|height|transform)="([^"]*)"/g,
      (_, name: string, value: string) => {
        const rounded = value.replace(/-?\d*\.\d{2,}/g, (v) => String(Number(Number(v).toFixed(1))));
        return ` ${name}="${name === "d" ? relativePath(rounded) : rounded}"`;
      },
    );
}

function tableHtml({ head, rows }: Table): string {
  const row = (cells: readonly string[], tag: "th" | "td") =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="table"><table><thead>${row(head, "th")}</thead><tbody>${rows
    .map((cells) => row(cells, "td"))
    .join("")}</tbody></table></div>`;
}

/** Text for HTML, with numbers kept beside their units. */
function escaped(text: string): string {
  return text
    .replace(/(\d) (%|cm|ppm|nats)/g, "$1\u00a0$2")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
}
