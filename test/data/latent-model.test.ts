import { expect, it } from "vitest";
import {
  decodeLatentModel,
  decodeModel,
  encodeLatentModel,
  fitViews,
  formatTable,
  parseTable,
  predictFromViews,
  relevanceTable,
  selectWithGaps,
  standardise,
} from "../../src/data/index.ts";
import { matrix } from "../../src/linalg/index.ts";
import { key } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { twoViews } from "../support/manifolds.ts";

const names = (prefix: string) => Array.from({ length: 10 }, (_, c) => `${prefix}${c}`);

it("a latent model's file predicts what the model does, gaps, units and levels included", () => {
  const { cosine, sine } = twoViews(key(2), 30);
  const first = parseTable(formatTable(names("c"), cosine), "first.csv");
  // Other units, and cells that nobody saw.
  const moved = matrix(
    30,
    10,
    sine.data.map((v, k) => 100 + 5 * v + (k % 10)),
  );
  const second = parseTable(
    formatTable(names("s"), moved)
      .replace(/\n[^,]+,/g, "\n,")
      .replace("\n,", "\n3,"),
    "s.csv",
  );
  const cells = second.cells.map((row, i) => (i % 3 === 0 ? ["101.5", ...row.slice(1)] : row));
  const views = {
    first,
    second: { ...second, cells: cells.map((row, i) => (i === 3 ? ["99", ...row.slice(1)] : row)) },
  };
  const { model } = runSync(fitViews(views, { dimensions: [3, 2], inducing: 8, iterations: [10, 10] }));
  const again = decodeLatentModel(encodeLatentModel(model), "x.safetensors");
  const [a, b] = [model, again].map((m) => predictFromViews(m, { first }, "second"));
  expect(b!.columns).toEqual(names("s"));
  a!.mean.data.forEach((v, k) => {
    // What is stored is the data; the posterior is computed again.
    expect(b!.mean.data[k]).toBeCloseTo(v, 8);
    expect(b!.sd.data[k]).toBeCloseTo(a!.sd.data[k]!, 8);
  });
  expect(a!.mean.data[1]).toBeGreaterThan(80);
  expect(relevanceTable(again)).toEqual(relevanceTable(model));
  expect(again.posterior.bound).toBeCloseTo(model.posterior.bound, 6);
});

it("a latent model's file is refused where another is expected, and the other way round", () => {
  const { cosine } = twoViews(key(2), 12);
  const table = parseTable(formatTable(names("c"), cosine), "first.csv");
  const { model } = runSync(fitViews({ first: table }, { dimensions: 2, inducing: 5, iterations: [2, 2] }));
  const bytes = encodeLatentModel(model);
  expect(() => decodeModel(bytes, "x")).toThrow(/funspace latent predict/);
  bytes[bytes.length - 3]! ^= 1;
  expect(() => decodeLatentModel(bytes, "x")).toThrow(/altered or damaged/);
});

it("columns with gaps are standardised by what was seen", () => {
  const table = parseTable("a,b\n1,5\n,7\n3,\n5,9\n", "t.csv");
  const x = selectWithGaps(table, ["a", "b"]);
  expect(Array.from(x.data)).toEqual([1, 5, Number.NaN, 7, 3, Number.NaN, 5, 9]);
  const own = standardise.standardiserOfSeen(["a", "b"], x, "own");
  expect(own.mean).toEqual([3, 7]);
  expect(own.scale[0]).toBeCloseTo(Math.sqrt(8 / 3), 12);
  // Both variances are 8/3: so is their average.
  const common = standardise.standardiserOfSeen(["a", "b"], x, "common");
  expect(common.scale).toEqual([common.scale[0], common.scale[0]]);
  expect(common.scale[0]).toBeCloseTo(Math.sqrt(8 / 3), 12);
  expect(() => selectWithGaps(parseTable("a\nx\n", "t.csv"), ["a"])).toThrow(/expected a finite number/);
});
