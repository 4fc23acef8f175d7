import { readBytes, readTable, writeAtomically } from "../../../data/files.ts";
import { decodeModel, encodeModel, type GpModel, inputsOf, kernelText } from "../../../data/index.ts";
import { DataError } from "../../../errors/index.ts";
import { type Figure, stacked } from "../../../plot/index.ts";
import {
  type CureStep,
  cure,
  diagnose,
  type Finding,
  type Fit,
  type Health,
} from "../../../processes/index.ts";
import { bandFigure, figureBytes, leaveOneOutFigure } from "../../figures.ts";
import { counted, percent, print, short, textTable, withProgress } from "../../report.ts";
import type { DoctorOptions } from "./doctor.ts";

/** Explains a fitted process, and treats it where asked to. */
export async function examineFit(
  path: string,
  tablePath: string | undefined,
  options: DoctorOptions,
): Promise<void> {
  const { apply, out, starts, seed, figure, json } = options;
  const model = decodeModel(await readBytes(path), path);
  if (model.kind !== "gp") {
    throw new DataError(
      `${path} holds no exact Gaussian process: doctor examines those, made by \`funspace fit --method exact\` under Gaussian noise`,
    );
  }
  const table = tablePath === undefined ? undefined : await readTable(tablePath);
  const looking = {
    columns: model.inputs,
    seed,
    ...(table && { points: inputsOf(model.inputs, table) }),
    ...(starts !== undefined && { starts }),
  };
  const { findings, skipped, health } = await withProgress(diagnose(model.process, looking));
  const treating = { ...looking, ...(Array.isArray(apply) && { kinds: apply }) };
  const cured = apply === undefined ? undefined : await withProgress(cure(model.process, treating));
  const treated = cured?.fit && withFit(model, cured.fit);
  const drawn = figure === undefined ? undefined : await figureBytes(beforeAndAfter(model, treated), figure);
  if (out !== undefined) await writeAtomically(out, encodeModel(treated ?? model));
  if (drawn !== undefined) await writeAtomically(figure!, drawn);
  print(
    {
      json: {
        command: "doctor",
        health,
        findings: findings.map(findingJson),
        skipped,
        ...(cured && {
          steps: cured.steps.map(stepJson),
          left: cured.findings.map(findingJson),
          kernel: kernelText(treated ?? model),
          out,
        }),
      },
      text: [
        ...healthLines(model, health),
        ...(findings.length === 0
          ? ["Nothing was found that should worry you."]
          : findings.flatMap(findingLines)),
        ...skipped.map((what) => `Not looked for: ${what}.`),
        ...(cured ? ["", ...cureLines(cured.steps, cured.findings), `Model: ${out}`] : hint(path, findings)),
      ].join("\n"),
    },
    json,
  );
}

function withFit(model: GpModel, { kernel, mean, process }: Fit): GpModel {
  const meanName = "weight" in mean.parameters ? "linear" : model.meanName;
  return { ...model, kernel, mean, process, meanName };
}

function healthLines({ target }: GpModel, health: Health): string[] {
  const { rows, looRmse, looCoverage95, noiseSd, targetSd, logEvidence, condition } = health;
  return [
    `${counted(rows, "row")}, counted from 1 without the header; log marginal likelihood ${short(logEvidence)} nats; noise sd ${short(noiseSd)}, sd of ${target} ${short(targetSd)}.`,
    `Each row predicted from all others: RMSE ${short(looRmse)}, 95 % intervals hold ${percent(looCoverage95)}. Condition ${condition.toExponential(0)}.`,
    "",
  ];
}

function findingLines({ kind, text, advice }: Finding): string[] {
  return [`[${kind}] ${text}.`, `    What to do: ${advice}.`];
}

function hint(path: string, findings: readonly Finding[]): string[] {
  const kinds = [...new Set(findings.flatMap(({ kind, remedy }) => (remedy ? [kind] : [])))];
  if (kinds.length === 0) return [];
  return [
    "",
    `A refit can treat ${kinds.join(", ")}: funspace doctor ${path} --apply --out fixed.safetensors`,
  ];
}

function cureLines(steps: readonly CureStep[], left: readonly Finding[]): string[] {
  if (steps.length === 0) return ["Nothing that was asked for can be treated by a refit."];
  const rows = steps.map(({ finding, before, after, helped }) => [
    finding.kind,
    `${short(before.logEvidence)} → ${short(after.logEvidence)}`,
    `${short(before.looLogDensity)} → ${short(after.looLogDensity)}`,
    `${short(before.looRmse)} → ${short(after.looRmse)}`,
    `${short(before.noiseSd)} → ${short(after.noiseSd)}`,
    helped ? "kept" : "no help, undone",
  ]);
  return [
    textTable(["treated", "evidence", "leave-one-out density", "its RMSE", "noise sd", ""], rows),
    ...steps.flatMap(({ withoutRows, helped }) =>
      helped && withoutRows.length > 0
        ? [`Set aside: rows ${withoutRows.map((i) => i + 1).join(", ")}.`]
        : [],
    ),
    ...(left.length === 0 ? ["Nothing is left to be said of it."] : ["Left:", ...left.flatMap(findingLines)]),
  ];
}

function findingJson({ kind, text, numbers, advice, rows, remedy }: Finding) {
  const places = rows?.map((i) => i + 1);
  return { kind, text, numbers, advice, ...(places && { rows: places }), treatable: remedy !== undefined };
}

function stepJson({ finding, before, after, helped, withoutRows }: CureStep) {
  return { kind: finding.kind, before, after, helped, withoutRows: withoutRows.map((i) => i + 1) };
}

function beforeAndAfter(model: GpModel, treated: GpModel | undefined): Figure {
  const draw = (m: GpModel, when: string) => bandFigure(m, { when }) ?? leaveOneOutFigure(m, when);
  if (!treated) return draw(model, "as fitted");
  return stacked(
    [draw(model, "before"), draw(treated, "treated")],
    `${model.target} before and after treatment`,
  );
}
