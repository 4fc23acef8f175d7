import { writeAtomically } from "../../data/files.ts";
import { encodeModel, fitLargeModel, type LargeFit, type MeanName, type Table } from "../../data/index.ts";
import { UsageError } from "../../errors/index.ts";
import { formatKernel } from "../../kernels/index.ts";
import type { MethodName } from "../../processes/index.ts";
import { bandFigure, figureBytes } from "../figures.ts";
import { counted, elided, print, short, withProgress } from "../report.ts";

export interface LargeOptions {
  readonly target: string;
  readonly out: string;
  readonly ignore: readonly string[];
  readonly kernel: string;
  readonly mean: MeanName;
  readonly noiseSd?: number;
  readonly starts: number;
  readonly seed: number;
  readonly inducing?: number;
  readonly steps?: number;
  readonly tolerance?: number;
  readonly figure?: string;
  readonly json?: boolean;
}

/** `funspace fit` by a method for many rows, chosen for the reason given. */
export async function fitLarge(
  table: Table,
  method: Exclude<MethodName, "exact">,
  why: string,
  options: LargeOptions,
): Promise<void> {
  const { target, out, ignore, kernel, mean, noiseSd, starts, seed, inducing, steps, tolerance } = options;
  if (method !== "iterative" && tolerance !== undefined) {
    throw new UsageError(`--tolerance is for --method iterative, the method is ${method}`);
  }
  if ((method === "iterative" || method === "state-space") && inducing !== undefined) {
    throw new UsageError(`--inducing is for --method sparse and variational, the method is ${method}`);
  }
  const start = performance.now();
  const { model, fitted } = await withProgress(
    fitLargeModel(table, {
      ...{ target, ignore, kernel, mean, method, starts, seed },
      ...(inducing !== undefined && { inducing }),
      ...(steps !== undefined && { steps }),
      ...(tolerance !== undefined && { tolerance }),
      ...(noiseSd !== undefined && { noiseVariance: noiseSd ** 2 }),
    }),
  );
  const figure = options.figure === undefined ? undefined : bandFigure(model);
  if (options.figure !== undefined && !figure) {
    throw new UsageError("--figure draws the function of one input; leave-one-out is for exact fits");
  }
  const drawn = figure && (await figureBytes(figure, options.figure!));
  await writeAtomically(out, encodeModel(model));
  if (drawn !== undefined) await writeAtomically(options.figure!, drawn);
  const seconds = (performance.now() - start) / 1000;
  const text = formatKernel(model.kernel, 4, model.inputs);
  const noise = Math.sqrt(model.noiseVariance);
  const how = evidenceOf(fitted);
  print(
    {
      json: {
        ...{ command: "fit", out, method, why, rows: table.rows, inputs: model.inputs, target },
        ...{ kernel: text, mean, noiseSd: noise },
        ...how.json,
        ...{ seconds },
      },
      text: [
        `Fitted to ${counted(table.rows, "row")} of ${counted(model.inputs.length, "input")} in ${seconds.toFixed(1)} s; method: ${method} (${why}).`,
        `Kernel: ${elided(text)}; noise sd ${short(noise)}.`,
        how.text,
        ...how.notes,
        `Model: ${out}`,
      ].join("\n"),
    },
    options.json,
  );
}

/** What is known of log p(y), and how well the answer holds. */
function evidenceOf(fitted: LargeFit["fitted"]): {
  readonly json: object;
  readonly text: string;
  readonly notes: readonly string[];
} {
  if (fitted.method === "state-space") {
    const { logEvidence, report } = fitted.fit;
    const { starts, agreeing } = report;
    const converged = starts.filter((s) => s.converged).length;
    return {
      json: { logEvidence, agreeingStarts: agreeing, starts: starts.length, evaluations: report.evaluations },
      text: `Log marginal likelihood ${short(logEvidence)} nats, exact; ${agreeing} of ${starts.length} searches agree.`,
      notes:
        converged === 0
          ? [`Note: no search had settled in its ${starts[0]!.iterations} steps: give more with --steps.`]
          : [],
    };
  }
  const { value, warnings, iterations: steps } = fitted.fit.report;
  const common = { logEvidence: value, steps, warnings };
  const notes = warnings.map((warning) => `Note: ${warning}.`);
  if (fitted.method === "iterative") {
    const { evidence, process } = fitted.fit;
    const { residual, tolerance, iterations, rank } = process.report;
    return {
      notes,
      json: {
        ...common,
        evidenceStandardError: evidence.standardError,
        residual,
        tolerance,
        products: iterations,
        rank,
      },
      text: `Log marginal likelihood about ${short(evidence.value)} ± ${short(evidence.standardError)} nats; solved to a residual of ${residual.toExponential(1)} (tolerance ${tolerance.toExponential(0)}) in ${counted(iterations, "product")}.`,
    };
  }
  const { process, logEvidence } = fitted.fit;
  return {
    notes,
    json: { ...common, inducing: process.inducing.rows, jitter: process.jitter },
    text: `Log marginal likelihood at least ${short(logEvidence)} nats, through ${counted(process.inducing.rows, "inducing point")}.`,
  };
}
