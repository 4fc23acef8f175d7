import { describe, expect, it, test } from "vitest";
import { column, formatTable, head, parseTable, select } from "../../src/data/table.ts";
import { DataError, NonFiniteError, ShapeError, UsageError } from "../../src/errors/index.ts";
import { matrix } from "../../src/linalg/matrix.ts";

const text = "date,temp,humidity\n2011-01-01,1.5,80\n2011-01-02,-2e-1,.5\n2011-01-03,+3,1.\n";

function failure(run: () => unknown): DataError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).not.toContain("\n");
    return error as DataError;
  }
  throw new Error("nothing was thrown");
}

describe("parseTable", () => {
  it("reads names and numbers, and leaves columns nobody asks for alone", () => {
    const table = parseTable(text, "bike.csv");
    expect(table).toMatchObject({ source: "bike.csv", columns: ["date", "temp", "humidity"], rows: 3 });
    expect(column(table, "temp")).toEqual(Float64Array.of(1.5, -0.2, 3));
    expect(select(table, ["humidity", "temp"])).toEqual(
      matrix(3, 2, Float64Array.of(80, 1.5, 0.5, -0.2, 1, 3)),
    );
  });

  test.each([
    ["CRLF", text.replaceAll("\n", "\r\n")],
    ["lone CR", text.replaceAll("\n", "\r")],
    ["a byte order mark", `\uFEFF${text}`],
    ["no newline at the end", text.trimEnd()],
    ["blank lines at the end", `${text}\n  \n`],
    ["CRLF here and there", text.replace("80\n", "80\r\n")],
    ["spaces around", text.replaceAll(",", " , ")],
    ["quotes", text.replaceAll("temp", '"temp"').replaceAll("-2e-1", '"-2e-1"')],
    ["semicolons", text.replaceAll(",", ";")],
    ["tabs", text.replaceAll(",", "\t")],
  ])("does not mind %s", (_, other) => {
    const table = parseTable(other, "t");
    expect(table.columns).toEqual(["date", "temp", "humidity"]);
    expect(select(table, ["temp", "humidity"])).toEqual(select(parseTable(text, "t"), ["temp", "humidity"]));
  });

  it("keeps separators, quotes and newlines inside quotes", () => {
    const table = parseTable('"a, b","say ""x"""\n"1\n",2\n', "t");
    expect(table.columns).toEqual(["a, b", 'say "x"']);
    expect(column(table, "a, b")).toEqual(Float64Array.of(1));
  });

  it("reads a single column", () => {
    expect(column(parseTable("y\n1\n2\n", "t"), "y")).toEqual(Float64Array.of(1, 2));
  });

  it("is a plain value", () => {
    expect(structuredClone(parseTable(text, "t"))).toEqual(parseTable(text, "t"));
  });

  test.each([
    ["an empty file", "", "t.csv is empty", undefined],
    ["a file of blank lines", "\n \r\n", "t.csv is empty", undefined],
    ["a header alone", "a,b\n", "a header but no rows", undefined],
    ["a name twice", "a,b,a\n1,2,3\n", 'columns 1 and 3 are both called "a"', 1],
    ["an unnamed column", "a,,c\n1,2,3\n", "column 2 of 3 has no name", 1],
    ["a short row", "a,b\n1,2\n3\n", "row 3 has 1 cell, expected 2", 3],
    ["a long row", "a,b\n1,2,3\n", "row 2 has 3 cells, expected 2", 2],
    ["a blank row within", "a,b\n1,2\n\n3,4\n", "row 3 is blank", 3],
    ["quotes that do not close", 'a,b\n1,2\n"3,4\n5,6\n', "row 3 has a quoted cell", 3],
  ])("refuses %s", (_, bad, message, row) => {
    expect(failure(() => parseTable(bad, "t.csv"))).toMatchObject({
      message: expect.stringContaining(message),
      row,
    });
  });
});

describe("select", () => {
  test.each([
    ["text", "abc", '"abc"'],
    ["an empty cell", " ", "an empty cell"],
    ["NaN", "NaN", '"NaN"'],
    ["infinity", "-Infinity", '"-Infinity"'],
    ["a number beyond doubles", "1e999", '"1e999"'],
    ["hexadecimal", "0x10", '"0x10"'],
    ["a decimal comma", '"1,5"', '"1,5"'],
    ["two lines of text", '"a\nb"', '"a\\nb"'],
    ["a long text", "x".repeat(100), `"${"x".repeat(40)}…"`],
  ])("refuses %s, and says where", (_, cell, shown) => {
    const table = parseTable(`id,temp\nA,1\nB,${cell}\n`, "bike.csv");
    expect(failure(() => column(table, "temp"))).toMatchObject({
      message: expect.stringContaining(
        `bike.csv: row 3, column "temp": expected a finite number, got ${shown};`,
      ),
      row: 3,
      column: "temp",
    });
  });

  it("names the columns there are, and the nearest, for one that is not there", () => {
    const table = parseTable(text, "bike.csv");
    const error = failure(() => select(table, ["temp", "Humidty"]));
    expect(error.message).toBe(
      'bike.csv has no column "Humidty" (did you mean "humidity"?); it has date, temp, humidity',
    );
    expect(failure(() => column(table, "price")).message).not.toContain("did you mean");
    const wide = parseTable(`${Array.from({ length: 784 }, (_, i) => `p${i}`)}\n${"0,".repeat(783)}0\n`, "m");
    expect(failure(() => column(wide, "label")).message).toMatch(/p19 and 764 more$/);
  });
});

describe("head", () => {
  it("keeps the first rows, and the file's row numbers", () => {
    const table = head(parseTable(text, "t"), 2);
    expect(table.rows).toBe(2);
    expect(column(table, "temp")).toEqual(Float64Array.of(1.5, -0.2));
  });

  it("refuses more rows than there are, and none", () => {
    const table = parseTable(text, "t");
    expect(failure(() => head(table, 4)).message).toBe(
      "t has 3 rows, fewer than the 4 asked for; ask for fewer",
    );
    expect(() => head(table, 0)).toThrow(UsageError);
  });
});

describe("formatTable", () => {
  it("writes numbers that read back as they were", () => {
    const values = Float64Array.of(0.1 + 0.2, -0, 5e-324, 1e21, -1 / 3, 1.7976931348623157e308);
    const written = formatTable(["a", 'b, "c"'], matrix(3, 2, values));
    expect(written.split("\n")[0]).toBe('a,"b, ""c"""');
    expect(select(parseTable(written, "t"), ["a", 'b, "c"']).data).toEqual(values);
  });

  it("refuses NaN, infinity and a wrong number of columns", () => {
    expect(() => formatTable(["a"], matrix(1, 1, Float64Array.of(Number.NaN)))).toThrow(NonFiniteError);
    expect(() => formatTable(["a"], matrix(1, 2))).toThrow(ShapeError);
  });
});
