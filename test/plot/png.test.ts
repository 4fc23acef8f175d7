import { inflateSync } from "node:zlib";
import { expect, it } from "vitest";
import { UsageError } from "../../src/errors/index.ts";
import { functionBand } from "../../src/plot/index.ts";
import { toPng } from "../../src/plot/png.ts";

const figure = functionBand({
  title: "A function",
  input: "x",
  output: "y",
  x: [0, 1, 2],
  mean: [0, 1, 0],
  lower: [-1, 0, -1],
  upper: [1, 2, 1],
});

/** The size a PNG states, and its pixels' bytes as they were before compression. */
function read(png: Uint8Array) {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const data: Uint8Array[] = [];
  for (let at = 8; at < png.length; at += 12 + view.getUint32(at)) {
    const kind = String.fromCharCode(...png.subarray(at + 4, at + 8));
    if (kind === "IDAT") data.push(png.subarray(at + 8, at + 8 + view.getUint32(at)));
  }
  return { width: view.getUint32(16), height: view.getUint32(20), pixels: inflateSync(Buffer.concat(data)) };
}

it("has the figure's size, twice by default", async () => {
  const png = await toPng(figure);
  expect(Array.from(png.subarray(0, 4))).toEqual([0x89, 0x50, 0x4e, 0x47]);
  expect(read(png)).toMatchObject({ width: 1280, height: 800 });
  expect(read(await toPng(figure, { scale: 0.5 }))).toMatchObject({ width: 320, height: 200 });
});

it("is not blank, and has its text in the font it brings", async () => {
  const wordless = { svg: figure.svg.replaceAll(/>[^<]+<\/text>/g, "></text>") };
  const whole = read(await toPng(figure)).pixels;
  expect(whole.equals(read(await toPng(wordless)).pixels)).toBe(false);
  expect(new Set(whole).size).toBeGreaterThan(50);
});

it("is the same every time, and at the same time", async () => {
  const [a, b] = await Promise.all([toPng(figure), toPng(figure)]);
  expect(Buffer.from(a).equals(b)).toBe(true);
});

it("refuses a scale that makes no picture", async () => {
  await expect(toPng(figure, { scale: 0 })).rejects.toThrow(UsageError);
  await expect(toPng(figure, { scale: Number.NaN })).rejects.toThrow(UsageError);
});
