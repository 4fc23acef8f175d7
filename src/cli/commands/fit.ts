import { Command, Option } from "commander";
import { readTable, writeAtomically } from "../../data/files.ts";
import {
  encodeModel,
  fitModel,
  inputNames,
  kernelText,
  type MeanName,
  type Table,
} from "../../data/index.ts";
import { UsageError } from "../../errors/index.ts";
import { parseKernel } from "../../kernels/index.ts";
import {
  chooseMethod,
  type LatentMethodName,
  likelihoods,
  type MethodChoice,
  type MethodName,
  methodNames,
  type ObjectiveName,
} from "../../processes/index.ts";
import { bandFigure, figureBytes, figurePath, leaveOneOutFigure } from "../figures.ts";
import { finiteNumber, nameList, positiveNumber, wholeNumber } from "../options.ts";
import { counted, elided, print, short, withProgress } from "../report.ts";
import { directions, fitUnderConstraints } from "./fit-constrained.ts";
import { fitLarge } from "./fit-large.ts";
import { fitWithLikelihood } from "./fit-likelihood.ts";

interface Options {
  likelihood: string;
  approximation: LatentMethodName;
  target: string;
  out: string;
  ignore: string[];
  kernel: string;
  mean: MeanName;
  noiseSd?: number;
  objective: ObjectiveName;
  pick: "objective" | "leave-one-out";
  method?: MethodName;
  inducing?: number;
  steps?: number;
  tolerance?: number;
  monotone?: Record<string, "up" | "down">;
  lower?: number;
  upper?: number;
  starts: number;
  seed: number;
  figure?: string;
  json?: boolean;
}

export function fitCommand(): Command {
  return new Command("fit")
    .description("Fit a Gaussian process to a table and write it to one file.")
    .argument("<table>", "CSV file with a header row (.csv or .csv.gz)")
    .requiredOption("--target <column>", "the column to predict; all others are inputs")
    .requiredOption("--out <file>", "where the model goes (.safetensors)")
    .option("--kernel <text>", 'such as "rbf(ard) + linear * periodic(period=12)"', "rbf(ard)")
    .addOption(
      new Option("--mean <kind>", "what is expected before any data")
        .choices(["zero", "constant", "linear"])
        .default("constant"),
    )
    .addOption(
      new Option(
        "--likelihood <name>",
        "what is seen of the function: classes (any text), counts, numbers with outliers or uneven noise",
      )
        .choices(["gaussian", ...likelihoods.likelihoodNames])
        .default("gaussian"),
    )
    .addOption(
      new Option("--approximation <name>", "of the posterior, where the likelihood is not gaussian")
        .choices(["laplace", "variational", "expectation-propagation"])
        .default("laplace"),
    )
    .addOption(
      new Option("--ignore <columns>", "columns that are neither target nor input, separated by commas")
        .default([], "none")
        .argParser(nameList),
    )
    .option(
      "--noise-sd <sd>",
      "known sd of the noise, in units of the target (fitted otherwise)",
      positiveNumber,
    )
    .addOption(
      new Option("--objective <name>", "what the parameters make largest")
        .choices(["evidence", "leave-one-out"])
        .default("evidence"),
    )
    .addOption(
      new Option(
        "--pick <what>",
        "which of the searches is kept: the best objective, or the best predictions",
      )
        .choices(["objective", "leave-one-out"])
        .default("objective"),
    )
    .addOption(
      new Option("--method <name>", "how the posterior is found (default: by the number of rows)").choices(
        methodNames,
      ),
    )
    .option("--inducing <m>", "inducing points of sparse and variational fits", wholeNumber(1))
    .option("--steps <n>", "of the search over all rows, where they are many", wholeNumber(0))
    .option("--tolerance <share>", "residual at which iterative solves end", positiveNumber)
    .option(
      "--monotone <columns>",
      "the function rises or falls in these, such as age:up,price:down",
      directions,
    )
    .option("--lower <value>", "the function is at least this; noise may take a row below", finiteNumber)
    .option("--upper <value>", "the function is at most this", finiteNumber)
    .option("--starts <n>", "searches from different starts", wholeNumber(1), 3)
    .option("--seed <n>", "of the starts", wholeNumber(0), 0)
    .option("--figure <file>", "draw the function of one input, or the leave-one-out predictions", figurePath)
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      '\nExample:\n  funspace fit data.csv --target y --kernel "matern52(ard) + linear" --out gp.safetensors\n  funspace fit flowers.csv --target species --likelihood softmax --out flowers.safetensors',
    )
    .action(fitAction);
}

/** By rows, columns, kernel and noise. */
function methodFor(table: Table, { target, ignore, kernel, noiseSd }: Options): MethodChoice {
  const inputs = inputNames(table, target, ignore);
  return chooseMethod(parseKernel(kernel, { columns: inputs }), {
    rows: table.rows,
    inputs: inputs.length,
    ...(noiseSd !== undefined && { noiseVariance: noiseSd ** 2 }),
  });
}

/** Throws UsageError for options that have no use under constraints. */
function expectNoOtherWay(command: Command): void {
  for (const name of ["objective", "pick", "method", "inducing", "steps", "tolerance"]) {
    if (command.getOptionValueSource(name) === "cli") {
      throw new UsageError(
        `--${name} has no use with --monotone, --lower and --upper: these are fitted by expectation propagation`,
      );
    }
  }
}

/** Throws UsageError for options that only Gaussian noise goes with. */
function expectLatent(command: Command): void {
  for (const name of [
    "noiseSd",
    "mean",
    "objective",
    "pick",
    "figure",
    "method",
    "inducing",
    "steps",
    "tolerance",
    "monotone",
    "lower",
    "upper",
  ]) {
    if (command.getOptionValueSource(name) === "cli") {
      const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      throw new UsageError(`--${flag} is for --likelihood gaussian`);
    }
  }
}

async function fitAction(path: string, options: Options, command: Command): Promise<void> {
  if (options.likelihood !== "gaussian") {
    expectLatent(command);
    const { approximation: method, ...fitting } = options;
    await fitWithLikelihood(await readTable(path), { ...fitting, method });
    return;
  }
  const { target, out, ignore, kernel, mean, noiseSd, objective, pick, starts, seed } = options;
  const start = performance.now();
  const table = await readTable(path);
  if (options.monotone || options.lower !== undefined || options.upper !== undefined) {
    expectNoOtherWay(command);
    const { monotone, lower, upper, figure, json } = options;
    return fitUnderConstraints(table, {
      ...{ target, out, ignore, kernel, mean, starts, seed },
      ...(monotone && { monotone }),
      ...(lower !== undefined && { lower }),
      ...(upper !== undefined && { upper }),
      ...(figure !== undefined && { figure }),
      ...(json !== undefined && { json }),
      ...(noiseSd !== undefined && { noiseVariance: noiseSd ** 2 }),
    });
  }
  const chosen = options.method
    ? { method: options.method, why: "it was asked for" }
    : methodFor(table, options);
  if (chosen.method !== "exact") {
    if (objective !== "evidence") throw new UsageError(`--objective ${objective} is for --method exact`);
    return fitLarge(table, chosen.method, chosen.why, options);
  }
  const { inducing, steps, tolerance } = options;
  for (const [name, value] of Object.entries({ inducing, steps, tolerance })) {
    if (value !== undefined) throw new UsageError(`--${name} has no use in an exact fit: name a --method`);
  }
  const { model, report } = await withProgress(
    fitModel(table, {
      target,
      ignore,
      kernel,
      mean,
      objective,
      pick,
      starts,
      seed,
      ...(noiseSd !== undefined && { noiseVariance: noiseSd ** 2 }),
    }),
  );
  const { process } = model;
  const loo = process.leaveOneOut();
  const looRmse = Math.sqrt(loo.residual.data.reduce((sum, v) => sum + v * v, 0) / table.rows);
  const drawn =
    options.figure === undefined
      ? undefined
      : await figureBytes(bandFigure(model) ?? leaveOneOutFigure(model), options.figure);
  await writeAtomically(out, encodeModel(model));
  if (drawn !== undefined) await writeAtomically(options.figure!, drawn);
  const seconds = (performance.now() - start) / 1000;
  const fitted = kernelText(model);
  const noise = Math.sqrt(process.noiseVariance);
  print(
    {
      json: {
        command: "fit",
        ...chosen,
        out,
        rows: table.rows,
        inputs: model.inputs,
        target,
        kernel: fitted,
        mean,
        noiseSd: noise,
        logEvidence: process.logEvidence,
        looRmse,
        looNlpd: -loo.logDensity / table.rows,
        agreeingStarts: report.agreeing,
        starts: report.starts.length,
        warnings: report.warnings,
        engine: process.report.engine,
        jitter: process.report.jitter,
        seconds,
      },
      text: [
        `Fitted to ${counted(table.rows, "row")} of ${counted(model.inputs.length, "input")} in ${seconds.toFixed(1)} s; ${report.agreeing} of ${report.starts.length} searches agree.`,
        `Kernel: ${elided(fitted)}; noise sd ${short(noise)}.`,
        `Log marginal likelihood ${short(process.logEvidence)} nats; leave-one-out RMSE ${short(looRmse)}.`,
        ...report.warnings.map((warning) => `Note: ${warning}.`),
        `Model: ${out}`,
      ].join("\n"),
    },
    options.json,
  );
}
