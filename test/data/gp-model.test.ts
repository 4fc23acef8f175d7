import { describe, expect, it } from "vitest";
import {
  decodeModel,
  encodeModel,
  extendGp,
  fitModel,
  type GpModel,
  parseTable,
  predictGp,
  type Table,
} from "../../src/data/index.ts";
import { formatTable } from "../../src/data/table.ts";
import { FormatError } from "../../src/errors/index.ts";
import { matrix } from "../../src/linalg/index.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/networks/safetensors.ts";
import { runSync } from "../../src/tasks/index.ts";
import { expectClose } from "../support/golden.ts";
import { randomMatrix } from "../support/random.ts";

function tableOf(rows: number, name: string): Table {
  const z = randomMatrix(rows, 2, name);
  const out = matrix(rows, 3);
  for (let i = 0; i < rows; i++) {
    const [a, b] = [z.data[2 * i]!, 1e4 * z.data[2 * i + 1]!];
    out.data.set([a, b, 5e5 + 1e5 * Math.sin(a) + b], 3 * i);
  }
  return parseTable(formatTable(["a", "b", "y"], out), `${name}.csv`);
}

const options = { target: "y", kernel: "rbf(ard)", starts: 1 } as const;
const table = tableOf(40, "seen");
const points = tableOf(10, "points");

describe("Gaussian processes fitted to tables", () => {
  it.each(["zero", "constant", "linear"] as const)("come back from their file (%s mean)", (mean) => {
    const { model } = runSync(fitModel(table, { ...options, mean }));
    const bytes = encodeModel(model);
    const back = decodeModel(bytes, "gp") as GpModel;
    // A linear mean is stored about 0 rather than about the data's centre: equal to rounding.
    expectClose(predictGp(back, points).mean, predictGp(model, points).mean, 1e-10);
    expectClose(predictGp(back, points).spread!.sd, predictGp(model, points).spread!.sd, 1e-8);
    expect(back.process.logEvidence).toBeCloseTo(model.process.logEvidence, 6);
    expect(encodeModel(back)).toEqual(bytes);
  });

  it("can be given more rows, before or after they were saved", () => {
    const { model } = runSync(fitModel(table, { ...options, mean: "constant" }));
    const more = tableOf(15, "more");
    const grown = extendGp(model, more);
    const later = extendGp(decodeModel(encodeModel(model), "gp") as GpModel, more);
    expectClose(predictGp(later, points).mean, predictGp(grown, points).mean, 1e-9);
    const reloaded = decodeModel(encodeModel(grown), "gp") as GpModel;
    expect(reloaded.process.solution.x.rows).toBe(55);
    expectClose(predictGp(reloaded, points).mean, predictGp(grown, points).mean, 1e-9);
  });

  it("are refused, not misread, when altered", () => {
    const { model } = runSync(fitModel(table, { ...options, mean: "constant" }));
    const { tensors, metadata } = decodeSafetensors(encodeModel(model), "gp");
    const altered = (from: string, to: string) =>
      encodeSafetensors(tensors, { funspace: metadata.funspace!.replace(from, to) });
    const changes = [
      ['"kind":"gp"', '"kind":"oracle"', "oracle"],
      ["rbf(", "fbr(", "fbr"],
      ['"inputs":["a","b"]', '"inputs":["a"]', "columns"],
      ['"name":"constant"', '"name":"cubic"', "cubic"],
    ] as const;
    for (const [from, to, message] of changes) {
      expect(metadata.funspace).toContain(from);
      expect(() => decodeModel(altered(from, to), "gp")).toThrow(message);
      expect(() => decodeModel(altered(from, to), "gp")).toThrow(FormatError);
    }
    const less = new Map(tensors);
    less.delete("data.y");
    expect(() => decodeModel(encodeSafetensors(less, { funspace: metadata.funspace! }), "gp")).toThrow(
      '"data.y"',
    );
  });
});
