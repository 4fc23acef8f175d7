import { InvalidArgumentError } from "commander";
import { writeAtomically } from "../../data/files.ts";
import {
  constrainedKernelText,
  constraintsText,
  encodeModel,
  type FitConstrainedModelOptions,
  fitConstrainedModel,
  type Table,
} from "../../data/index.ts";
import { UsageError } from "../../errors/index.ts";
import { bandFigure, figureBytes } from "../figures.ts";
import { counted, elided, print, short, withProgress } from "../report.ts";

/** "age:up,price:down" as directions by column. */
export function directions(text: string): Record<string, "up" | "down"> {
  const out: Record<string, "up" | "down"> = {};
  for (const part of text.split(",")) {
    const at = part.lastIndexOf(":");
    const [name, direction] = [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    if (at < 1 || name === "" || (direction !== "up" && direction !== "down")) {
      throw new InvalidArgumentError(`expected columns with up or down, such as age:up,price:down.`);
    }
    if (name in out) throw new InvalidArgumentError(`"${name}" stands there twice.`);
    out[name] = direction;
  }
  return out;
}

/** `funspace fit --monotone --lower --upper`: a function of which something is known beforehand. */
export async function fitUnderConstraints(
  table: Table,
  options: FitConstrainedModelOptions & {
    readonly out: string;
    readonly figure?: string;
    readonly json?: boolean;
  },
): Promise<void> {
  const { out, json, figure, ...fitting } = options;
  const start = performance.now();
  const { model, fitted } = await withProgress(fitConstrainedModel(table, fitting));
  const band = figure === undefined ? undefined : bandFigure(model);
  if (figure !== undefined && !band) {
    throw new UsageError("--figure draws the function of one input; leave-one-out is for exact fits");
  }
  const drawn = band && (await figureBytes(band, figure!));
  await writeAtomically(out, encodeModel(model));
  if (drawn !== undefined) await writeAtomically(figure!, drawn);
  const seconds = (performance.now() - start) / 1000;
  const { inputs, target, process } = model;
  const { unconstrained, virtualPoints, broken, looked } = fitted.report;
  const kernel = constrainedKernelText(model);
  const noiseSd = Math.sqrt(process.model.likelihood.parameters.noiseVariance!.value[0]!);
  const gain = process.logEvidence - unconstrained;
  print(
    {
      json: {
        ...{ command: "fit", out, method: "expectation-propagation", rows: table.rows, inputs, target },
        ...{ constraints: process.constraints, kernel, mean: model.meanName, noiseSd },
        ...{ logEvidence: process.logEvidence, unconstrained, virtualPoints, broken, looked, seconds },
      },
      text: [
        `Fitted to ${counted(table.rows, "row")} of ${counted(inputs.length, "input")} in ${seconds.toFixed(1)} s, ${constraintsText(model)}, held at ${counted(virtualPoints, "virtual point")}.`,
        `Kernel: ${elided(kernel)}; noise sd ${short(noiseSd)}.`,
        `Log marginal likelihood ${short(process.logEvidence)} nats, ${short(Math.abs(gain))} ${gain >= 0 ? "more" : "less"} than without the constraints.`,
        ...(gain < -3
          ? ["Note: the data speak against the constraints: look whether they hold, and with which sign."]
          : []),
        ...(broken > 0
          ? [
              `Note: at ${broken} of ${looked} places looked at, the mean still breaks a constraint: a smoother kernel needs fewer points to hold it.`,
            ]
          : []),
        `Model: ${out}`,
      ].join("\n"),
    },
    json,
  );
}
