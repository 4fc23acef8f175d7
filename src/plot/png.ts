/** Figures as PNG. Needs Node: it reads the renderer and the fonts from their packages. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import { UsageError } from "../errors/index.ts";
import type { Figure } from "./figure.ts";

const require = createRequire(import.meta.url);
const fonts = ["dejavu-fonts-ttf/ttf/DejaVuSans.ttf", "dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf"];

let loaded: Promise<Uint8Array[]> | undefined;

/** The fonts, and the renderer made ready, once in the life of the program. */
function load(): Promise<Uint8Array[]> {
  loaded ??= (async () => {
    await initWasm(await readFile(require.resolve("@resvg/resvg-wasm/index_bg.wasm")));
    return Promise.all(fonts.map((font) => readFile(require.resolve(font))));
  })();
  return loaded;
}

/**
 * The figure as a PNG file's bytes, the same on every machine: no font of the system is used. `scale` is pixels
 * of the image a pixel of the figure, 2 for print and dense screens.
 */
export async function toPng(figure: Figure, options: { scale?: number } = {}): Promise<Uint8Array> {
  const { scale = 2 } = options;
  if (!(scale > 0 && scale <= 16))
    throw new UsageError(`expected a scale above 0 and at most 16, got ${scale}`);
  const fontBuffers = await load();
  const renderer = new Resvg(figure.svg, {
    font: { fontBuffers, defaultFontFamily: "DejaVu Sans" },
    fitTo: { mode: "zoom", value: scale },
  });
  try {
    const image = renderer.render();
    const png = image.asPng();
    image.free();
    return png;
  } finally {
    renderer.free();
  }
}
