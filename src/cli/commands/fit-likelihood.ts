import { writeAtomically } from "../../data/files.ts";
import {
  encodeModel,
  type FitLikelihoodModelOptions,
  fitLikelihoodModel,
  likelihoodKernelText,
  type Table,
} from "../../data/index.ts";
import { counted, print, short, withProgress } from "../report.ts";

/** `funspace fit --likelihood`: latent functions under anything but Gaussian noise. */
export async function fitWithLikelihood(
  table: Table,
  options: FitLikelihoodModelOptions & { readonly out: string; readonly json?: boolean },
): Promise<void> {
  const { out, json, ...fitting } = options;
  const start = performance.now();
  const { model, report } = await withProgress(fitLikelihoodModel(table, fitting));
  await writeAtomically(out, encodeModel(model));
  const seconds = (performance.now() - start) / 1000;
  const { process, classes, inputs, target, likelihoodName: likelihood } = model;
  const kernel = likelihoodKernelText(model);
  const bound = process.method === "variational";
  print(
    {
      json: {
        command: "fit",
        out,
        rows: table.rows,
        inputs,
        target,
        likelihood,
        ...(classes && { classes }),
        parameters: Object.fromEntries(
          Object.entries(process.model.likelihood.parameters).map(([name, p]) => [name, Array.from(p.value)]),
        ),
        kernel,
        method: process.method,
        logEvidence: process.logEvidence,
        agreeingStarts: report.agreeing,
        starts: report.starts.length,
        seconds,
      },
      text: [
        `Fitted ${likelihood} to ${counted(table.rows, "row")} of ${counted(inputs.length, "input")} in ${seconds.toFixed(1)} s; ${report.agreeing} of ${report.starts.length} searches agree.`,
        ...(classes ? [`Classes: ${classes.join(", ")}.`] : []),
        ...kernel.map((text, i) => `Kernel${kernel.length > 1 ? ` of latent function ${i}` : ""}: ${text}`),
        `${bound ? "Lower bound of the log marginal likelihood" : "Log marginal likelihood by Laplace"} ${short(process.logEvidence)} nats.`,
        `Model: ${out}`,
      ].join("\n"),
    },
    json,
  );
}
