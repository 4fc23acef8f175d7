import { UsageError } from "../../errors/index.ts";
import {
  defaultsFromData,
  freeParameters,
  type Kernel,
  type Parameters,
  type Support,
} from "../../kernels/index.ts";
import { type Matrix, subtract } from "../../linalg/index.ts";
import { normalQuantile } from "../../random/index.ts";
import type { ExactPosterior } from "../exact.ts";
import type { Fit, FitReport } from "../fit/index.ts";
import { targetVariance } from "../fit/starts.ts";
import type { Mean } from "../means.ts";
import { conditionEstimate } from "./condition-estimate.ts";
import type { Health } from "./finding.ts";

/** A fit to be examined, with what every check needs. */
export interface Patient {
  readonly process: ExactPosterior;
  readonly kernel: Kernel;
  readonly mean: Mean;
  readonly noiseVariance: number;
  readonly x: Matrix;
  readonly y: Matrix;
  /** Of the fit, where the patient is one. */
  readonly report: FitReport | undefined;
  /** The kernel at the data's own scales: what "long" and "short" are measured by. */
  readonly usual: Kernel;
  /** Variance of the targets about their mean. */
  readonly spread: number;
  /** Leave-one-out errors in units of their predicted deviations, one a row. */
  readonly z: Float64Array;
  readonly health: Health;
  readonly name: (column: number) => string;
}

/** Throws UsageError for a process of several outputs. */
export function patientOf(subject: Fit | ExactPosterior, columns: readonly string[] | undefined): Patient {
  const process = "process" in subject ? subject.process : subject;
  if (process.outputs !== 1) {
    throw new UsageError(
      `diagnose is for one output, the process has ${process.outputs}: take them one by one`,
    );
  }
  const { kernel, mean } = process.prior;
  const { noiseVariance } = process;
  const { x, y } = process.solution;
  const spread = targetVariance(y);
  const { residual, variance, logDensity } = process.leaveOneOut();
  const z = residual.data.map((r, i) => r / Math.sqrt(variance.data[i]!));
  const inside = normalQuantile(0.975);
  const health: Health = {
    rows: x.rows,
    parameters: freeCount(kernel.parameters) + freeCount(mean.parameters) + 1,
    logEvidence: process.logEvidence,
    looLogDensity: logDensity,
    looRmse: rootMeanSquare(residual.data),
    looCoverage95: z.filter((v) => Math.abs(v) < inside).length / z.length,
    looCalibration: rootMeanSquare(z),
    noiseSd: Math.sqrt(noiseVariance),
    targetSd: Math.sqrt(spread),
    condition: conditionEstimate(process.solution.factor),
    jitter: process.report.jitter,
  };
  return {
    process,
    kernel,
    mean,
    noiseVariance,
    x,
    y,
    report: "process" in subject ? subject.report : undefined,
    usual: atDataScale(kernel, x, subtract(y, mean.at(x)), y),
    spread,
    z,
    health,
    name: (c) => columns?.[c] ?? `column ${c}`,
  };
}

/** The kernel as if nobody had chosen or bounded anything. */
function atDataScale(kernel: Kernel, x: Matrix, residual: Matrix, y: Matrix): Kernel {
  const free = Object.entries(kernel.parameters).map(([path, p]) => {
    const support: Support =
      p.support === "real" || (typeof p.support === "object" && p.support.lower < 0) ? "real" : "positive";
    return [path, p.fixed ? p : { ...p, support, unset: true }] as const;
  });
  const explained = residual.data.every((r) => r === 0);
  return defaultsFromData(kernel.with(Object.fromEntries(free)), x, explained ? y : residual);
}

function rootMeanSquare(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
}

function freeCount(parameters: Parameters): number {
  return freeParameters(parameters).reduce((sum, [, { value }]) => sum + value.length, 0);
}
