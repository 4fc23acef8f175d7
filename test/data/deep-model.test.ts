import { describe, expect, it } from "vitest";
import { sealed } from "../../src/data/checksum.ts";
import {
  type DeepTableModel,
  decodeModel,
  encodeModel,
  predictDeep,
  standardise,
  type Table,
} from "../../src/data/index.ts";
import { compose, type DeepProcess, fitDeep, gpLayer } from "../../src/deep/index.ts";
import { FormatError, UsageError } from "../../src/errors/index.ts";
import { type LearnableFn, rbf } from "../../src/kernels/index.ts";
import { type Matrix, matrix, type Tensor } from "../../src/linalg/index.ts";
import { batchNorm, dense, network, tanh } from "../../src/networks/index.ts";
import { decodeSafetensors } from "../../src/networks/safetensors.ts";
import { gp, likelihoods } from "../../src/processes/index.ts";
import { key, normal } from "../../src/random/index.ts";
import { learnable } from "../../src/tangent/index.ts";
import { runSync } from "../../src/tasks/index.ts";

const names = ["a", "b"];
const x = matrix(30, 2, normal(key(1), 60));
const y = matrix(
  30,
  1,
  Float64Array.from({ length: 30 }, (_, i) => Math.sin(2 * x.data[2 * i]!) + x.data[2 * i + 1]!),
);

function fitted(
  process: DeepProcess,
  noise: ReturnType<typeof likelihoods.gaussian> | undefined = undefined,
) {
  const options = { steps: 20, inducing: 8, ...(noise && { likelihood: noise }) };
  const { process: posterior } = runSync(fitDeep(process, { x, y }, options));
  const unit = (columns: readonly string[], values: Matrix) => standardise.standardiser(columns, values);
  return {
    kind: "deep",
    inputs: unit(names, x),
    target: unit(["y"], y),
    process: posterior,
  } as const satisfies DeepTableModel;
}

const table: Table = {
  source: "new.csv",
  columns: names,
  rows: 3,
  cells: [
    ["0.1", "-1"],
    ["1.5", "0.3"],
    ["-0.7", "0.9"],
  ],
};

const net = (seed: number, outputs: number) =>
  network({
    inputShape: [2],
    layers: [dense(4), batchNorm(), tanh(), dense(outputs)],
    seed,
    precision: "f64",
  });

describe("files of deep processes with functions in them", () => {
  it.each([
    [
      "a network below",
      compose(net(1, 2), gpLayer(rbf({ ard: 2 }), { width: 1, mean: "linear" }), gp(rbf())),
    ],
    [
      "a network between, and networks as means",
      compose(
        gpLayer(rbf({ ard: 2 }), { width: 2, mean: learnable(net(2, 2)), inputs: 2 }),
        learnable(net(3, 2)),
        gpLayer(rbf({ ard: 4 }), { skip: true }),
      ),
    ],
  ])("predict as before: %s", (_, process) => {
    const model = fitted(process);
    const again = decodeModel(encodeModel(model), "deep.safetensors") as DeepTableModel;
    // The same operations on the same numbers.
    expect(predictDeep(again, table)).toEqual(predictDeep(model, table));
    expect(again.process.model.layers.map(({ kind }) => kind)).toEqual(
      model.process.model.layers.map(({ kind }) => kind),
    );
  });

  it("say which function cannot be held, and which likelihood", () => {
    const [before, after] = [learnable(net(1, 1)), learnable(net(2, 1))];
    // A sum of two networks is neither.
    const sum = (a: LearnableFn, b: LearnableFn): LearnableFn => ({
      inputs: 2,
      outputs: 1,
      parameters: {},
      with: () => sum(a, b),
      at: (points) =>
        matrix(
          points.rows,
          1,
          a.at(points).data.map((v, i) => v + b.at(points).data[i]!),
        ),
      pullback: (points, bar) => ({ parameters: {}, x: a.pullback(points, bar).x }),
    });
    const mean = sum(before, after);
    const odd = fitted(compose(gpLayer(rbf(), { mean, inputs: 2 }), gp(rbf())));
    expect(() => encodeModel(odd)).toThrow(UsageError);
    expect(() => encodeModel(odd)).toThrow(/the mean of layer 1 is a function that files cannot hold/);
    const heavy = fitted(compose(gpLayer(rbf(), { inputs: 2 }), gp(rbf())), likelihoods.studentT() as never);
    expect(() => encodeModel(heavy)).toThrow(/the likelihood of this one is/);
  });

  it("are refused where a network is not whole, or does not fit its place", () => {
    const { tensors, metadata } = decodeSafetensors(
      encodeModel(fitted(compose(net(1, 2), gp(rbf({ ard: 2 }))))),
      "deep",
    );
    const again = (changed: ReadonlyMap<string, Tensor>, header = metadata.funspace!) =>
      decodeModel(sealed(changed, header), "deep.safetensors");
    expect(again(tensors).kind).toBe("deep");
    const missing = new Map(tensors);
    missing.delete("0.fn.0.weight");
    expect(() => again(missing)).toThrow(FormatError);
    const other = encodeModel(fitted(compose(net(1, 1), gp(rbf()))));
    const narrow = decodeSafetensors(other, "deep");
    // The network of one output before inducing points of two columns.
    const mixed = new Map([...narrow.tensors].filter(([name]) => name.startsWith("0.")));
    for (const [name, tensor] of tensors) if (name.startsWith("1.")) mixed.set(name, tensor);
    expect(() => again(mixed, narrow.metadata.funspace)).toThrow(/the tensors of layer 2 do not fit/);
  });
});
