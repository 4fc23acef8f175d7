import { describe, expect, it } from "vitest";
import {
  decodeModel,
  encodeModel,
  extendLikelihood,
  fitLikelihoodModel,
  type LikelihoodTableModel,
  likeliest,
  parseTable,
  predictLikelihood,
  scoreLikelihood,
} from "../../src/data/index.ts";
import { key, normal } from "../../src/random/index.ts";
import { runSync } from "../../src/tasks/index.ts";

const noise = normal(key(6), 120);
const kinds = ["setosa", "versicolor", "virginica"];
const flowers = parseTable(
  ["length,species"]
    .concat(
      Array.from({ length: 36 }, (_, i) => `${(2 * (i % 3) + 0.5 * noise[i]!).toFixed(3)},${kinds[i % 3]}`),
    )
    .join("\n"),
  "flowers.csv",
);
const counts = parseTable(
  ["t,n"]
    .concat(
      Array.from({ length: 30 }, (_, i) => {
        const rate = Math.exp(1 + Math.sin(i / 5));
        return `${i / 5},${Math.max(0, Math.round(rate + Math.sqrt(rate) * noise[i]!))}`;
      }),
    )
    .join("\n"),
  "counts.csv",
);

const fit = (table: typeof flowers, target: string, likelihood: string): LikelihoodTableModel =>
  runSync(fitLikelihoodModel(table, { target, kernel: "rbf", likelihood, starts: 1 })).model;

describe("models with a likelihood", () => {
  it("tell classes of any name apart", () => {
    const model = fit(flowers, "species", "softmax");
    expect(model.classes).toEqual(kinds);
    const found = predictLikelihood(model, parseTable("length\n-0.2\n2\n4.1\n", "new.csv"));
    if (found.kind !== "classes") throw new Error("classes");
    expect(likeliest(found.probabilities)).toEqual([0, 1, 2]);
  });

  it.each([
    ["softmax", flowers, "species"],
    ["ordinal", flowers, "species"],
    ["poisson", counts, "n"],
    ["student-t", counts, "n"],
    ["heteroscedastic", counts, "n"],
  ] as const)("are the same from their file: %s", (likelihood, table, target) => {
    const model = fit(table, target, likelihood);
    const again = decodeModel(encodeModel(model), "model.safetensors");
    if (again.kind !== "likelihood") throw new Error("a likelihood model");
    expect(predictLikelihood(again, table)).toEqual(predictLikelihood(model, table));
    expect(scoreLikelihood(again, table)).toEqual(scoreLikelihood(model, table));
    const grown = extendLikelihood(again, table);
    expect(grown.process.data.x.rows).toBe(2 * table.rows);
  });

  it("say what does not fit", () => {
    expect(() => fit(flowers, "species", "bernoulli")).toThrow(/two classes/);
    expect(() => fit(flowers, "species", "poisson")).toThrow(/expected a finite number/);
    expect(() => fit(flowers, "kind", "softmax")).toThrow(/no column "kind"/);
    expect(() => fit(counts, "n", "cauchy")).toThrow(/one of/);
    const model = fit(flowers, "species", "softmax");
    expect(() => scoreLikelihood(model, parseTable("length,species\n1,rose\n", "new.csv"))).toThrow(/rose/);
  });
});
