import { type AdaptOptions, type BaseOptions, compare } from "../../../adapt/index.ts";
import { readRows } from "../../../data/files.ts";
import {
  type AdaptModelOptions,
  adaptToExamples,
  isTable,
  type RegressionModel,
  type Rows,
  standardise,
  standardNoise,
} from "../../../data/index.ts";
import { column } from "../../../data/table.ts";
import { DataError, UsageError } from "../../../errors/index.ts";
import { takeRows } from "../../../linalg/index.ts";
import type { Examples } from "../../../networks/index.ts";
import { bars, type Figure, predictionTruth, stacked } from "../../../plot/index.ts";
import { targeted } from "../../answers.ts";
import { bandFigure } from "../../figures.ts";
import { nameList } from "../../options.ts";
import { counted, percent, short, textTable, withProgress } from "../../report.ts";
import type { Options } from "./adapt.ts";
import { movedLayers } from "./moved.ts";
import { type Found, needed, partsOf } from "./parts.ts";

/** Adapts to numbers, or compares ways of meeting them. */
export async function adaptNumbers(
  model: RegressionModel,
  rows: Rows,
  options: Options,
  path: string,
): Promise<Found<RegressionModel>> {
  expectTarget(model, rows, options, path);
  const all = await targeted(model, rows, options.target, needed(rows, options));
  const parts = partsOf(all.x.rows, rows.source, options);
  const take = (indices: readonly number[]): Examples => ({
    x: takeRows(all.x, indices),
    y: takeRows(all.y, indices),
  });
  const fresh = take(parts.fresh);
  if (!options.fineTuning) throw new UsageError("--no-fine-tuning is for classes, and these are numbers");
  const noise = noiseOf(options.noiseSd, rows);
  const noiseSd = noise instanceof Float64Array ? Float64Array.from(parts.fresh, (i) => noise[i]!) : noise;
  const { scales, mean, approximation, rank, layers, space } = options;
  const chosen = {
    ...(scales && { scales }),
    ...(mean && { mean }),
    ...(approximation && { approximation }),
    ...(rank !== undefined && { rank }),
    ...(layers && { layers }),
    ...(space && { space }),
  };
  const known: AdaptModelOptions = { ...chosen, ...(noiseSd !== undefined && { noiseSd }) };
  if (!options.compare) return adapted(adaptToExamples(model, fresh, known), chosen);
  const test = parts.test ? take(parts.test) : await testExamples(model, options);
  return await compared(model, fresh, test, known);
}

/** The target named must be the model's, unless it names a file of values. */
function expectTarget(model: RegressionModel, rows: Rows, { target }: Options, path: string): void {
  if (target === undefined || !isTable(rows)) return;
  const names = nameList(target);
  const own = model.target.names;
  if (names.length === own.length && names.every((name, i) => name === own[i])) return;
  for (const name of names) column(rows, name);
  throw new DataError(`${path} was trained to predict "${own.join(", ")}", not "${target}"`);
}

/** One number for all rows, or a column of them. */
function noiseOf(text: string | undefined, rows: Rows): number | Float64Array | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (value > 0 && value < Infinity) return value;
  if (isTable(rows)) return column(rows, text);
  throw new UsageError(`--noise-sd should be a number above 0 (or a table's column), got "${text}"`);
}

async function testExamples(
  model: RegressionModel,
  { test, target, testTarget }: Options,
): Promise<Examples> {
  const rows = await readRows(test!);
  return await targeted(model, rows, testTarget ?? target);
}

/** One number, or with several targets each one's by name. */
function each(model: RegressionModel, of: (target: number) => number): number | Record<string, number> {
  const { names } = model.target;
  return names.length === 1 ? of(0) : Object.fromEntries(names.map((name, t) => [name, of(t)]));
}

function told(values: number | Record<string, number>): string {
  if (typeof values === "number") return short(values);
  return Object.entries(values)
    .map(([name, value]) => `${name} ${short(value)}`)
    .join(", ");
}

function adapted(model: RegressionModel, asked: BaseOptions): Found<RegressionModel> {
  const { target, network } = model;
  const { adaptation, x, y } = model.adapted!;
  const size = (values: Float64Array) =>
    each(model, (t) => {
      const own = values.filter((_, k) => k % y.cols === t);
      return Math.sqrt(own.reduce((sum, v) => sum + v * v, 0) / own.length) * target.scale[t]!;
    });
  const before = network.at(x).data.map((v, i) => y.data[i]! - v);
  const { process, kernel, space, approximation, fineTuned } = adaptation;
  const scales = Object.fromEntries(
    Object.entries(kernel.parameters).map(([name, { value }]) => [name, value[0]!]),
  );
  // A density in the target's units: each value's is divided by the scale.
  const logEvidence = adaptation.logEvidence - x.rows * target.scale.reduce((sum, s) => sum + Math.log(s), 0);
  const noiseSd = each(model, (t) => Math.sqrt(adaptation.noiseVariance) * target.scale[t]!);
  // The cheaper covariances do not say what leaving one out would.
  const exact = approximation === "full" || approximation === "last-layer";
  const looRmse = exact ? size(process.leaveOneOut().residual.data) : undefined;
  const beforeRmse = size(before);
  const { engine, jitter } = process.report;
  const names = target.names.join(", ");
  return {
    model: () => model,
    json: {
      ...{ rows: x.rows, target: names, space, approximation, scales, noiseSd },
      ...(kernel.options.layers !== "all" && { layers: kernel.layers }),
      ...(fineTuned && { fineTunedShare: fineTuned.share }),
      ...{ logEvidence, ...(looRmse !== undefined && { looRmse }), beforeRmse, engine, jitter },
    },
    text: (seconds) =>
      [
        `Adapted to ${counted(x.rows, "row")} in ${space} space${approximation === "full" ? "" : ` (${approximation})`}, ${seconds.toFixed(1)} s.`,
        ...movedLayers(kernel, x.rows, asked),
        ...(fineTuned
          ? [
              `Mean: ${percent(fineTuned.share)} of the way from the network to the one trained on with these rows.`,
            ]
          : []),
        `Log marginal likelihood of ${names}: ${short(logEvidence)} nats; ${Object.entries(scales)
          .map(([name, s]) => `${name} ${short(s)}`)
          .join(", ")}; noise sd ${told(noiseSd)}${model.adapted!.noise ? " (mean)" : ""}.`,
        looRmse === undefined
          ? `RMSE of the network as it was on these rows: ${told(beforeRmse)}.`
          : `Leave-one-out RMSE on these rows: ${told(looRmse)}; of the network as it was: ${told(beforeRmse)}.`,
        ...(jitter > 0 ? [`Jitter added to the diagonal: ${short(jitter)} (in standardised units).`] : []),
      ].join("\n"),
    figure() {
      const band = model.kind === "network" ? bandFigure(model) : undefined;
      if (!band && !exact) {
        throw new UsageError(
          `--figure draws leave-one-out predictions, which --approximation ${approximation} does not have: use --compare, or predict --figure`,
        );
      }
      return band ?? leaveOneOutFigure(model);
    },
  };
}

function leaveOneOutFigure(model: RegressionModel): Figure {
  const { adaptation, y } = model.adapted!;
  const { mean, variance } = adaptation.process.leaveOneOut();
  const units = (values: Float64Array) => standardise.undo(model.target, { ...y, data: values }).data;
  const end = (sign: number) =>
    units(mean.data.map((m, i) => m + sign * 1.959964 * Math.sqrt(variance.data[i]!)));
  const [truth, means, lower, upper] = [units(y.data), units(mean.data), end(-1), end(1)];
  const { names } = model.target;
  const figures = names.map((target, t) => {
    const own = (values: Float64Array) => values.filter((_, k) => k % names.length === t);
    return predictionTruth({
      title: `Leave-one-out predictions of ${target}`,
      target,
      truth: own(truth),
      mean: own(means),
      interval: { lower: own(lower), upper: own(upper) },
    });
  });
  return figures.length === 1 ? figures[0]! : stacked(figures, "Leave-one-out predictions");
}

/** Ways of meeting new numbers side by side, in the target's units where it is one. */
async function compared(
  model: RegressionModel,
  fresh: Examples,
  test: Examples,
  known: AdaptModelOptions,
): Promise<Found<RegressionModel>> {
  if (model.adapted)
    throw new UsageError("--compare starts from the network: give the model before it was adapted");
  const { network, target } = model;
  const { noiseSd, ...options } = known;
  const noiseVariance = noiseSd === undefined ? undefined : standardNoise(noiseSd, fresh, target);
  const given: AdaptOptions = { ...options, ...(noiseVariance !== undefined && { noiseVariance }) };
  const scale = target.scale.length === 1 ? target.scale[0]! : 1;
  const unit = target.scale.every((s) => s === scale) ? "" : " (in standard deviations of the targets)";
  const found = await withProgress(compare(network, fresh, test, given));
  const contenders = found.map(({ name, rmse, scores, milliseconds }) => ({
    name,
    rmse: scale * rmse,
    nlpd: scores.nlpd + Math.log(scale),
    coverage95: scores.coverage95,
    seconds: milliseconds / 1000,
  }));
  const names = target.names.join(", ");
  const title = `${names}: ways of meeting ${counted(fresh.x.rows, "row")}, tested on ${counted(test.x.rows, "other")}`;
  return {
    model: () => adaptToExamples(model, fresh, known),
    json: { rows: fresh.x.rows, testRows: test.x.rows, target: names, contenders },
    text: (seconds) =>
      [
        `Adapted to ${counted(fresh.x.rows, "row")}, tested on ${counted(test.x.rows, "other")}${unit}, ${seconds.toFixed(1)} s:`,
        textTable(
          ["", `RMSE of ${names}`, "NLPD (nats)", "95 % interval covers", "seconds"],
          contenders.map((c) => [
            c.name,
            short(c.rmse),
            short(c.nlpd),
            percent(c.coverage95),
            c.seconds.toFixed(2),
          ]),
        ),
        "Ways that give points alone have the noise that their residuals on the rows adapted to show.",
      ].join("\n"),
    figure: () =>
      bars({
        title,
        names: contenders.map(({ name }) => name),
        groups: contenders.map(({ name }) => (name.startsWith("adapted") ? "adapted" : "others")),
        panels: [
          { label: `test RMSE of ${names}${unit}`, values: contenders.map(({ rmse }) => rmse) },
          {
            label: "share of the truths inside the 95 % interval",
            values: contenders.map(({ coverage95 }) => coverage95),
          },
        ],
      }),
  };
}
