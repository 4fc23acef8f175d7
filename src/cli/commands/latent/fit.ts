import { Command, Option } from "commander";
import { writeAtomically } from "../../../data/files.ts";
import {
  encodeLatentModel,
  fitViews,
  formatTable,
  type LatentTableModel,
  relevanceTable,
} from "../../../data/index.ts";
import { UsageError } from "../../../errors/index.ts";
import { linear, rbf, sum } from "../../../kernels/index.ts";
import { type Matrix, matrix } from "../../../linalg/index.ts";
import { bars, type Figure, latentSpace, stacked } from "../../../plot/index.ts";
import { figureBytes, figurePath } from "../../figures.ts";
import { nameList, unitsList, wholeNumber } from "../../options.ts";
import { counted, print, short, textTable, withProgress } from "../../report.ts";
import { readViews } from "./views.ts";

interface Options {
  dimensions: number[];
  inducing: number;
  kernel: "rbf" | "linear" | "rbf+linear";
  ignore: string[];
  scale: "own" | "common";
  iterations: number;
  starts: number;
  seed: number;
  out: string;
  latents?: string;
  figure?: string;
  json?: boolean;
}

const kernels = {
  rbf: (q: number) => rbf({ ard: q }),
  linear: (q: number) => linear({ ard: q }),
  "rbf+linear": (q: number) => sum(rbf({ ard: q }), linear({ ard: q })),
} as const;

export function fitLatentCommand(): Command {
  return new Command("fit")
    .description(
      "Fit latent variables to tables with matching rows; says which dimensions they share. An empty cell is a value not seen.",
    )
    .argument("<views...>", "CSV files with a header row (.csv or .csv.gz), or name=file")
    .requiredOption("--out <file>", "where the model goes (.safetensors)")
    .option(
      "--dimensions <list>",
      "latent dimensions to begin with; several numbers, from the data up, for a deep model",
      unitsList,
      [6],
    )
    .option("--inducing <n>", "inducing inputs of each mapping", wholeNumber(1), 40)
    .addOption(
      new Option("--kernel <name>", "of the mappings, a weight each dimension")
        .choices(["rbf", "linear", "rbf+linear"])
        .default("rbf"),
    )
    .addOption(
      new Option("--ignore <columns>", "columns that are no part of a view, separated by commas")
        .default([], "none")
        .argParser(nameList),
    )
    .addOption(
      new Option(
        "--scale <kind>",
        "columns divided by their own spread, or all of a view by one number, as pixels should be",
      )
        .choices(["own", "common"])
        .default("own"),
    )
    .option(
      "--iterations <n>",
      "at most so many, with the noise held for the first 3 of 8",
      wholeNumber(1),
      800,
    )
    .option("--starts <n>", "searches from different starts: the highest bound is kept", wholeNumber(1), 1)
    .option("--seed <n>", "of the inducing inputs and of further starts", wholeNumber(0), 0)
    .option("--latents <file>", "write the rows' latent coordinates and their sds (.csv)")
    .option("--figure <file>", "draw relevances and the latent space (.svg or .png)", figurePath)
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  funspace latent angles.csv pixels.csv --out views.safetensors --figure views.png",
    )
    .action(fitAction);
}

async function fitAction(places: string[], options: Options): Promise<void> {
  const { dimensions, inducing, ignore, scale, seed, out, iterations } = options;
  const start = performance.now();
  const held = Math.round((3 / 8) * iterations);
  const { model, fit } = await withProgress(
    fitViews(await readViews(places), {
      ignore,
      scale,
      dimensions,
      inducing,
      seed,
      iterations: [held, iterations - held],
      starts: options.starts,
      kernel: kernels[options.kernel],
    }),
  );
  const { posterior } = model;
  const drawn = options.figure === undefined ? undefined : await figureBytes(figure(model), options.figure);
  await writeAtomically(out, encodeLatentModel(model));
  if (options.latents !== undefined) await writeAtomically(options.latents, latentTable(posterior.latents));
  if (drawn !== undefined) await writeAtomically(options.figure!, drawn);
  const seconds = (performance.now() - start) / 1000;
  const table = relevanceTable(model);
  const names = posterior.views.map(({ name }) => name);
  // Noise in standard units: the share of the columns' spread that the latents leave.
  const noiseSd = posterior.views.map(({ mapping }) => Math.sqrt(mapping.noiseVariance));
  print(
    {
      json: {
        command: "latent fit",
        out,
        rows: posterior.latents.mean.rows,
        views: posterior.views.map(({ name, centre }, v) => ({
          name,
          columns: centre.length,
          noiseSd: noiseSd[v],
        })),
        dimensions: table,
        bound: posterior.bound,
        bounds: fit.bounds,
        iterations: fit.history.length,
        converged: fit.converged,
        seconds,
      },
      text: [
        `Fitted latent variables to ${counted(posterior.latents.mean.rows, "row")} of ${counted(names.length, "view")} in ${seconds.toFixed(1)} s, ${counted(fit.history.length, "iteration")}${fit.converged ? "" : " (the bound was still rising: --iterations)"}.`,
        textTable(
          ["dimension", ...names, "role"],
          table.map(({ dimension, relevance, role }) => [String(dimension), ...relevance.map(short), role]),
        ),
        ...(fit.bounds.length > 1
          ? [`${fit.bounds.length} starts reached ${fit.bounds.map(short).join(", ")}; the highest is kept.`]
          : []),
        `Bound on the log evidence ${short(posterior.bound)} nats; noise sd ${noiseSd.map((sd, v) => `${short(sd)} of ${names[v]}`).join(", ")} (in units of the columns' spread).`,
        `Model: ${out}`,
      ].join("\n"),
    },
    options.json,
  );
}

/** Latent coordinates and their standard deviations, a column each. */
export function latentTable({
  mean,
  variance,
}: {
  readonly mean: Matrix;
  readonly variance: Matrix;
}): string {
  const { rows, cols: q } = mean;
  const columns = Array.from({ length: 2 * q }, (_, c) => (c < q ? `latent${c + 1}` : `sd${c - q + 1}`));
  const out = matrix(rows, 2 * q);
  for (let i = 0; i < rows; i++) {
    for (let c = 0; c < q; c++) {
      out.data[2 * i * q + c] = mean.data[i * q + c]!;
      out.data[(2 * i + 1) * q + c] = Math.sqrt(variance.data[i * q + c]!);
    }
  }
  return formatTable(columns, out);
}

/** Relevances of each view above the two dimensions that are used most. */
function figure(model: LatentTableModel): Figure {
  const { posterior } = model;
  const table = relevanceTable(model);
  const relevance = bars({
    title: "How much each view uses each latent dimension",
    names: table.map(({ dimension }) => `dimension ${dimension}`),
    groups: table.map(({ role }) => role),
    panels: posterior.views.map(({ name }, v) => ({
      label: `${name}: relevance (largest 1)`,
      values: table.map((row) => row.relevance[v]!),
    })),
  });
  const [a, b] = table
    .map(({ dimension, relevance }) => ({ q: dimension - 1, total: relevance.reduce((x, y) => x + y, 0) }))
    .sort((x, y) => y.total - x.total)
    .map(({ q }) => q);
  if (a === undefined) throw new UsageError("there is no latent dimension to draw");
  if (b === undefined) return relevance;
  const space = latentSpace({
    title: "The latent space, in its two most relevant dimensions",
    across: `dimension ${a + 1}`,
    up: `dimension ${b + 1}`,
    mean: columnsOf(posterior.latents.mean, a, b),
    variance: columnsOf(posterior.latents.variance, a, b),
  });
  return stacked([relevance, space], "Relevances and latent space");
}

function columnsOf({ rows, cols, data }: Matrix, a: number, b: number): Matrix {
  const out = matrix(rows, 2);
  for (let i = 0; i < rows; i++) out.data.set([data[i * cols + a]!, data[i * cols + b]!], 2 * i);
  return out;
}
