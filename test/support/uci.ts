import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { type Matrix, matrix } from "../../src/linalg/index.ts";

const folder = resolve(import.meta.dirname, "../../../shared/data/uci");

/** One split of a UCI regression set, standardised on its training part; the target is the last column. */
export interface Split {
  readonly train: { readonly x: Matrix; readonly y: Matrix };
  readonly test: { readonly x: Matrix; readonly y: Matrix };
  /** Standard deviation of the training targets, in the data's own units. */
  readonly unit: number;
}

/** Undefined where the data are not there. */
export function uci(name: string, split: number): Split | undefined {
  if (!existsSync(resolve(folder, name))) return undefined;
  const table = (file: string) =>
    gunzipSync(readFileSync(resolve(folder, name, file)))
      .toString("utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(",").map(Number));
  const data = table("data.csv.gz");
  const held = table("test_mask.csv.gz").map((row) => row[split] === 1);
  const training = data.filter((_, i) => !held[i]);
  const columns = data[0]!.length;
  const mean = new Float64Array(columns);
  const deviation = new Float64Array(columns);
  for (const row of training) {
    row.forEach((v, c) => {
      mean[c]! += v / training.length;
    });
  }
  for (const row of training) {
    row.forEach((v, c) => {
      deviation[c]! += (v - mean[c]!) ** 2 / training.length;
    });
  }
  const part = (rows: readonly number[][]) => {
    const standard = rows.map((row) => row.map((v, c) => (v - mean[c]!) / (Math.sqrt(deviation[c]!) || 1)));
    return {
      x: matrix(rows.length, columns - 1, Float64Array.from(standard.flatMap((row) => row.slice(0, -1)))),
      y: matrix(
        rows.length,
        1,
        Float64Array.from(standard, (row) => row.at(-1)!),
      ),
    };
  };
  return {
    train: part(training),
    test: part(data.filter((_, i) => held[i])),
    unit: Math.sqrt(deviation.at(-1)!),
  };
}
