import type { Kernel } from "../../kernels/index.ts";
import type { FitOptions } from "../fit/index.ts";

/** The illnesses that are looked for. */
export const findingKinds = [
  "too-few-points",
  "constant-targets",
  "column-scales",
  "copied-rows",
  "noise-below-repeats",
  "noise-above-repeats",
  "scale",
  "better-optimum",
  "several-optima",
  "better-predictor",
  "lengthscale-long",
  "lengthscale-short",
  "at-bound",
  "noise-swallows-signal",
  "noise-at-floor",
  "ill-conditioned",
  "outliers",
  "overconfident",
  "underconfident",
  "far-from-data",
] as const;

export type FindingKind = (typeof findingKinds)[number];

/** Something that a person should know about a fit, in words with the numbers behind them. */
export interface Finding {
  readonly kind: FindingKind;
  /** What was found: one or two sentences. */
  readonly text: string;
  /** What the sentences are made from, in units of the data. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Rows of the data, from 0, that it is about. */
  readonly rows?: readonly number[];
  /** What to do about it, in words. */
  readonly advice: string;
  /** The same as a change of the fit; absent where no fit would do it, but more data or another model. */
  readonly remedy?: Remedy;
}

/** What a refit does differently; all else stays as it was. */
export interface Remedy {
  readonly kernel?: Kernel;
  readonly options?: FitOptions;
  /** Rows of the data, from 0, to leave out. */
  readonly withoutRows?: readonly number[];
  /** It buys caution with some fit: priors, where data are too few to choose. */
  readonly cautious?: boolean;
}

/** What a diagnosis looked at. */
export interface Diagnosis {
  /** Empty for a fit in good health. */
  readonly findings: readonly Finding[];
  /** What was not looked for, and why. */
  readonly skipped: readonly string[];
  /** Measures of the fit as it is. */
  readonly health: Health;
}

/** How good a fit is. */
export interface Health {
  readonly rows: number;
  /** Numbers that a fit chooses, the noise's included. */
  readonly parameters: number;
  /** log p(y), in nats. */
  readonly logEvidence: number;
  /** Σ log p(y_i | all others), in nats. */
  readonly looLogDensity: number;
  /** In units of the targets. */
  readonly looRmse: number;
  /** The share of targets in their leave-one-out 95 % intervals. */
  readonly looCoverage95: number;
  /** Root mean square of leave-one-out errors in units of their predicted deviations: 1 is honest. */
  readonly looCalibration: number;
  readonly noiseSd: number;
  readonly targetSd: number;
  /** Of the covariance that is solved, noise included: its largest by its smallest eigenvalue, estimated. */
  readonly condition: number;
  /** What had to be added to its diagonal, 0 mostly. */
  readonly jitter: number;
}
