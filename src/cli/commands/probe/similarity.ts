import { Command, Option } from "commander";
import { inputsOf, modelInputs } from "../../../data/index.ts";
import { type Matrix, matrix } from "../../../linalg/index.ts";
import { similarityHeatMap } from "../../../plot/index.ts";
import {
  featureGradientKernel,
  kernelSimilarity,
  layerFeatures,
  type SimilarityIndex,
  similarityMatrix,
} from "../../../probes/index.ts";
import { wholeNumber } from "../../options.ts";
import { counted } from "../../report.ts";
import { type AnswerOptions, answer, figureOption } from "./answer.ts";
import { layerName, type NamedModel, readAll, spreadRows } from "./inputs.ts";

type Index = SimilarityIndex | "gradients";

interface Options extends AnswerOptions {
  index: Index;
  rows: number;
}

export function similarityCommand(): Command {
  return new Command("similarity")
    .description("How alike the layers of one network, or of two, see the rows of a table.")
    .argument("<files...>", "one model or two, then the table")
    .addOption(
      new Option("--index <name>", "gradients: features and the gradients that reach them (Tang et al. 2020)")
        .choices(["cka", "cca", "svcca", "procrustes", "bures", "gradients"])
        .default("cka"),
    )
    .option("--rows <n>", "compare on at most so many rows, evenly spaced", wholeNumber(2), 300)
    .addOption(figureOption("a heat map"))
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  funspace probe similarity a.safetensors b.safetensors data.csv --index cka",
    )
    .action(similarityAction);
}

/** What the indices are called in sentences. */
const titles: Readonly<Record<Index, string>> = {
  cka: "CKA",
  cca: "CCA",
  svcca: "SVCCA",
  procrustes: "Procrustes",
  bures: "normalised Bures",
  gradients: "CKA of features and gradients",
};

async function similarityAction(files: string[], { index, ...options }: Options): Promise<void> {
  const { models, table } = await readAll(files, 1, 2);
  const [first, second = models[0]!] = models as [NamedModel, NamedModel?];
  inputsOf(first.model.inputs.names, table);
  const seen = ({ model }: NamedModel) => spreadRows(modelInputs(model, table), options.rows);
  const of = ({ model }: NamedModel) =>
    model.network.layers.map((_, layer) => layerName(model, layer)).slice(0, -1);
  const [rowNames, columnNames] = [of(first), of(second)];
  const values = similarities(index, first, second, seen);
  const rows = Math.min(table.rows, options.rows);
  await answer(
    {
      json: {
        command: "probe similarity",
        index,
        rows,
        first: first.path,
        second: second.path,
        layers: [rowNames, columnNames],
        values: rowNames.map((_, i) => Array.from(rowOf(values, i))),
      },
      head: ["", ...columnNames],
      rows: rowNames.map((name, i) => [name, ...Array.from(rowOf(values, i), (v) => v.toFixed(3))]),
      notes: [
        `${titles[index]} on ${counted(rows, "row")}; rows: hidden layers of ${first.path}, columns: of ${second.path}.`,
      ],
      figure: () =>
        similarityHeatMap({
          title: `How alike layers are: ${titles[index]}`,
          subtitle: `on ${counted(rows, "row")}`,
          values,
          rowNames,
          columnNames: columnNames.length > 8 ? columnNames.map((name) => name.split(" ")[0]!) : columnNames,
          rows: `layers of ${first.name}`,
          columns: `layers of ${second.name}`,
        }),
    },
    options,
  );
}

function similarities(
  index: Index,
  first: NamedModel,
  second: NamedModel,
  seen: (of: NamedModel) => Matrix,
): Matrix {
  const views = (of: NamedModel, view: typeof layerFeatures) => {
    const x = seen(of);
    const { network } = of.model;
    return network.layers.slice(0, -1).map((_, layer) => view(network, x, layer));
  };
  const both = (view: typeof layerFeatures) => {
    const a = views(first, view);
    return [a, first === second ? a : views(second, view)] as const;
  };
  if (index !== "gradients") return similarityMatrix(index, ...both(layerFeatures));
  const [a, b] = both(featureGradientKernel);
  const out = matrix(a.length, b.length);
  a.forEach((k, i) => {
    b.forEach((l, j) => {
      out.data[i * b.length + j] = kernelSimilarity("cka", k, l);
    });
  });
  return out;
}

function rowOf({ data, cols }: Matrix, i: number): Float64Array {
  return data.subarray(i * cols, (i + 1) * cols);
}
