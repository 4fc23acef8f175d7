import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { type Matrix, matrix } from "../../src/linalg/index.ts";

const folder = resolve(import.meta.dirname, "../../../shared/data/mnist");

/** Handwritten digits, 28 × 28: pixels from 0 to 1, one row an image; labels as n × 1 class numbers. */
export interface Digits {
  readonly x: Matrix;
  readonly y: Matrix;
}

/** The first 8,000 images to train on and the last 2,000 to test on; undefined where the data are not there. */
export function mnist(): { readonly train: Digits; readonly test: Digits } | undefined {
  if (!existsSync(folder)) return undefined;
  const read = (file: string) => gunzipSync(readFileSync(resolve(folder, file)));
  const images = read("t10k-images-idx3-ubyte.gz").subarray(16);
  const labels = read("t10k-labels-idx1-ubyte.gz").subarray(8);
  const part = (from: number, to: number): Digits => ({
    x: matrix(
      to - from,
      784,
      Float64Array.from(images.subarray(from * 784, to * 784), (v) => v / 255),
    ),
    y: matrix(to - from, 1, Float64Array.from(labels.subarray(from, to))),
  });
  return { train: part(0, 8000), test: part(8000, 10_000) };
}
