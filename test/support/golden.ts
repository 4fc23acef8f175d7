import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { type Matrix, matrix } from "../../src/linalg/index.ts";

/** A file of test/golden, made by the Python script of the same name. */
// biome-ignore lint/suspicious/noExplicitAny: each golden file has its own shape, described in test/golden/README.md
export function golden(name: string): any {
  return JSON.parse(readFileSync(new URL(`../golden/${name}.json`, import.meta.url), "utf8"));
}

export function rows(values: readonly (readonly number[])[]): Matrix {
  return matrix(values.length, values[0]?.length ?? 0, Float64Array.from(values.flat()));
}

/** Entry by entry within `tolerance`, relative to the largest expected entry (at least 1). */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  let size = 1;
  for (let i = 0; i < expected.length; i++) size = Math.max(size, Math.abs(expected[i]!));
  let worst = 0;
  let where = -1;
  for (let i = 0; i < expected.length; i++) {
    const gap = Math.abs(actual[i]! - expected[i]!);
    if (!(gap <= worst)) {
      worst = gap;
      where = i;
    }
  }
  if (!(worst <= tolerance * size)) {
    expect.fail(
      `entry ${where}: ${actual[where]} against ${expected[where]}, off by ${worst} (allowed ${tolerance * size})`,
    );
  }
}
