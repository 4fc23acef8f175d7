import { readTable } from "../../../data/files.ts";
import { type Model, modelInputs, standardise, type Table, targetOf } from "../../../data/index.ts";
import { column, head } from "../../../data/table.ts";
import { DataError, UsageError } from "../../../errors/index.ts";
import { type Fn, type Matrix, takeRows } from "../../../linalg/index.ts";
import type { Examples } from "../../../networks/index.ts";
import { key, permutation, split } from "../../../random/index.ts";
import { readTableModel } from "../../model-file.ts";

/** A network of a file, called by the file's name without folder and ending. */
export interface NamedModel {
  readonly name: string;
  readonly path: string;
  readonly model: Model;
}

/** The network in a model file. Throws DataError for a Gaussian process. */
export async function readNetwork(path: string): Promise<NamedModel> {
  const model = await readTableModel(path);
  if (model.kind !== "network") {
    throw new DataError(
      `${path} is a Gaussian process without a network: probes look into networks written by train or adapt`,
    );
  }
  return { name: path.replace(/^.*[\\/]/, "").replace(/\.safetensors$/, ""), path, model };
}

/** The models and the table of a command's arguments: the table stands last. */
export async function readAll(
  files: readonly string[],
  least: number,
  most = Infinity,
): Promise<{ readonly models: readonly NamedModel[]; readonly table: Table }> {
  const count = files.length - 1;
  if (count < least || count > most) {
    const wanted =
      least === most ? `${least}` : most < Infinity ? `${least} to ${most}` : `at least ${least}`;
    throw new UsageError(
      `expected ${wanted} model${wanted === "1" ? "" : "s"} and then the table, got ${count < 0 ? "nothing" : files.join(", ")}`,
    );
  }
  if (/\.safetensors$/i.test(files.at(-1)!)) {
    throw new UsageError(`the table comes last, but ${files.at(-1)} is a model: add a CSV file`);
  }
  const models = await Promise.all(files.slice(0, -1).map(readNetwork));
  for (const other of models.slice(1)) expectAlike(models[0]!, other);
  return { models, table: await readTable(files.at(-1)!) };
}

/** Functions can be compared where they answer one question from the same columns. */
function expectAlike(first: NamedModel, other: NamedModel): void {
  const listed = (names: readonly string[]) => names.join(", ");
  const [a, b] = [first.model, other.model];
  if (targetOf(a) !== targetOf(b)) {
    throw new DataError(
      `${first.path} predicts "${targetOf(a)}", ${other.path} predicts "${targetOf(b)}": they are no functions of one kind`,
    );
  }
  if ([...a.inputs.names].sort().join("\n") !== [...b.inputs.names].sort().join("\n")) {
    throw new DataError(
      `${first.path} takes ${listed(a.inputs.names)}; ${other.path} takes ${listed(b.inputs.names)}: they cannot be compared`,
    );
  }
}

/** The first rows of a table, as --rows asks. Throws DataError when it has fewer. */
export function firstRows(table: Table, rows: number | undefined): Table {
  if (rows === undefined) return table;
  if (rows > table.rows) {
    throw new DataError(`${table.source} has ${table.rows} rows, --rows asks for ${rows}`);
  }
  return head(table, rows);
}

/** At most `count` of a matrix's rows, evenly spaced. */
export function spreadRows(x: Matrix, count: number): Matrix {
  if (x.rows <= count) return x;
  return takeRows(
    x,
    Array.from({ length: count }, (_, i) => Math.floor((i * x.rows) / count)),
  );
}

/** A table in the model's standard units, in two parts at random: `share` of the rows (at least one) for testing. */
export function examplesOf(
  model: Model,
  table: Table,
  share: number,
  seed: number,
): { readonly train: Examples; readonly test: Examples } {
  const x = modelInputs(model, table);
  const values = column(table, targetOf(model));
  const y = standardise.apply(model.target, { rows: values.length, cols: 1, data: values });
  if (x.rows < 4) throw new DataError(`${table.source} has ${x.rows} rows: too few to train on and to test`);
  const order = permutation(split(key(seed), "test"), x.rows);
  const held = Math.max(1, Math.round(share * x.rows));
  const part = (rows: ArrayLike<number>) => ({ x: takeRows(x, rows), y: takeRows(y, rows) });
  return { train: part(order.subarray(held)), test: part(order.subarray(0, held)) };
}

/**
 * The model as one function of the columns `names`, in the table's units: the mean of an adapted one, else the
 * network.
 */
export function functionOf({ network, inputs, target, adapted }: Model, names: readonly string[]): Fn {
  const places = inputs.names.map((name) => names.indexOf(name));
  return {
    inputs: names.length,
    outputs: 1,
    at(x) {
      const data = new Float64Array(x.data.length);
      for (let i = 0; i < x.rows; i++) {
        places.forEach((from, to) => {
          data[i * x.cols + to] = x.data[i * x.cols + from]!;
        });
      }
      const standard = standardise.apply(inputs, { ...x, data });
      const values = adapted ? adapted.adaptation.process.at(standard).mean : network.at(standard);
      return standardise.undo(target, values);
    },
  };
}

/** "3 tanh": a layer by its place and kind. */
export function layerName({ network }: Model, layer: number): string {
  return `${layer} ${network.layers[layer]!.definition.kind}`;
}
