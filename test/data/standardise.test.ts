import { describe, expect, it } from "vitest";
import { apply, missingColumns, standardiser, undo, undoScale } from "../../src/data/standardise.ts";
import { parseTable, select } from "../../src/data/table.ts";
import { DataError, NonFiniteError, ShapeError } from "../../src/errors/index.ts";
import { matrix } from "../../src/linalg/matrix.ts";

const names = ["a", "b"];
const x = matrix(3, 2, Float64Array.of(1, 1000, 2, 1000, 6, 4000));

describe("a standardiser", () => {
  it("holds mean and standard deviation, n in the denominator", () => {
    expect(standardiser(names, x)).toEqual({
      names,
      mean: [3, 2000],
      scale: [Math.sqrt(14 / 3), Math.sqrt(2e6)],
    });
  });

  it("gives columns of mean 0 and standard deviation 1, and undoes it", () => {
    const s = standardiser(names, x);
    const z = apply(s, x);
    const again = standardiser(names, z);
    for (const j of [0, 1]) {
      expect(again.mean[j]).toBeCloseTo(0, 14);
      expect(again.scale[j]).toBeCloseTo(1, 14);
    }
    undo(s, z).data.forEach((value, i) => {
      expect(value).toBeCloseTo(x.data[i]!, 10);
    });
  });

  it("scales standard deviations without shifting them", () => {
    const s = standardiser(names, x);
    expect(undoScale(s, matrix(1, 2, Float64Array.of(1, 2))).data).toEqual(
      Float64Array.of(s.scale[0]!, 2 * s.scale[1]!),
    );
  });

  it("survives JSON unchanged", () => {
    const s = standardiser(names, x);
    expect(JSON.parse(JSON.stringify(s))).toEqual(s);
  });

  it("finds columns by name wherever they stand, and tells which are missing", () => {
    const table = parseTable("b,extra,a\n1000,?,1\n1000,?,2\n4000,?,6\n", "t");
    expect(missingColumns(names, table)).toEqual([]);
    expect(missingColumns(["c", "a", "d"], table)).toEqual(["c", "d"]);
    expect(standardiser(names, select(table, names))).toEqual(standardiser(names, x));
  });

  it("is precise for values far from zero", () => {
    const s = standardiser(["t"], matrix(4, 1, Float64Array.of(1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16)));
    expect(s).toEqual({ names: ["t"], mean: [1e9 + 10], scale: [Math.sqrt(22.5)] });
  });
});

describe("what cannot be standardised", () => {
  it("a constant column, by name and value", () => {
    const constant = matrix(2, 2, Float64Array.of(1, 7, 2, 7));
    expect(() => standardiser(names, constant)).toThrow(
      'column "b" is 7 in every row, so it has no scale and tells nothing; drop the column',
    );
    expect(() => standardiser(names, constant)).toThrow(DataError);
  });

  it("a column that varies only by rounding", () => {
    const x = matrix(3, 1, Float64Array.of(0.1 + 0.2, 0.3, 0.3));
    expect(() => standardiser(["a"], x)).toThrow(/no more than rounding/);
  });

  it("fewer than two rows", () => {
    expect(() => standardiser(names, matrix(1, 2))).toThrow(/at least 2 rows .* got 1 row;/);
    expect(() => standardiser(names, matrix(0, 2))).toThrow(/got 0 rows;/);
  });

  it("NaN, infinity, and squares beyond doubles", () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => standardiser(["a"], matrix(2, 1, Float64Array.of(1, bad)))).toThrow(NonFiniteError);
    }
    expect(() => standardiser(["a"], matrix(2, 1, Float64Array.of(1, 1e200)))).toThrow(/larger units/);
  });

  it("another number of columns than there are names", () => {
    const s = standardiser(names, x);
    for (const use of [apply, undo, undoScale]) expect(() => use(s, matrix(3, 1))).toThrow(ShapeError);
    expect(() => standardiser(["a"], x)).toThrow(ShapeError);
  });
});
