import type { Matrix } from "../../linalg/index.ts";
import type { Task } from "../../tasks/index.ts";
import type { ExactPosterior } from "../exact.ts";
import type { Fit } from "../fit/index.ts";
import { dataFindings } from "./data-findings.ts";
import type { Diagnosis, Finding, FindingKind } from "./finding.ts";
import { numericalFindings } from "./numerical-findings.ts";
import { parameterFindings } from "./parameter-findings.ts";
import { type Patient, patientOf } from "./patient.ts";
import { reachFindings } from "./reach-findings.ts";
import { repeatFindings } from "./repeats.ts";
import { residualFindings } from "./residual-findings.ts";
import { search, searchFindings } from "./search-findings.ts";

export interface DiagnoseOptions {
  /** Names of the input columns; "column 0", … unless given. */
  readonly columns?: readonly string[];
  /** Where predictions are wanted, m × inputs: are there data to say anything of them? */
  readonly points?: Matrix;
  /**
   * Searches for other optima, the first from the fit's own parameters; 0 to look for none. 4 unless given, and 0
   * beyond 1,000 rows.
   */
  readonly starts?: number;
  /** Of the starts. 0 unless given. */
  readonly seed?: number;
}

// Searches take minutes beyond this many rows.
const most = 1000;

/**
 * Explains a fit in words with the numbers behind them: what ails the data, the parameters, the algebra and the
 * predictions, and what to do about each (`treat` does it). A healthy fit has no findings. The subject is a `Fit`, or
 * any exact posterior of one output: one that was never fitted, or was loaded from a file. Throws UsageError for
 * several outputs.
 */
export function* diagnose(subject: Fit | ExactPosterior, options: DiagnoseOptions = {}): Task<Diagnosis> {
  const patient = patientOf(subject, options.columns);
  const { y } = patient;
  const starts = options.starts ?? (y.rows > most ? 0 : 4);
  const points = options.points ? reachFindings(patient, options.points) : [];
  const skipped: string[] = [];
  const data = dataFindings(patient);
  if (data.some(({ kind }) => kind === "constant-targets")) {
    return { findings: [...data, ...points], skipped, health: patient.health };
  }
  let searched: Finding[] = [];
  if (starts === 0) skipped.push(`other optima (${y.rows} rows: ask with starts)`);
  else {
    searched = searchFindings(patient, yield* search(patient, starts, options.seed ?? 0));
  }
  const findings = [
    ...data,
    ...repeatFindings(patient),
    ...searched,
    ...parameterFindings(patient),
    ...numericalFindings(patient),
    ...residualFindings(patient),
    ...points,
  ];
  return { findings: withoutEchoes(findings, patient), skipped, health: patient.health };
}

/** One illness has many signs: those that another finding already explains are left out. */
function withoutEchoes(findings: readonly Finding[], { health }: Patient): Finding[] {
  const kinds = new Set(findings.map(({ kind }) => kind));
  const explained = (kind: FindingKind, ...by: FindingKind[]) => (by.some((k) => kinds.has(k)) ? [kind] : []);
  const echoes = new Set<FindingKind>([
    // Parameters that do not suit the data say nothing of their own.
    ...explained("lengthscale-long", "scale"),
    ...explained("lengthscale-short", "scale", "noise-below-repeats"),
    ...explained("noise-swallows-signal", "scale", "column-scales"),
    ...explained("overconfident", "scale", "better-optimum", "noise-below-repeats"),
    ...explained("underconfident", "scale", "better-optimum", "noise-below-repeats"),
    ...explained("outliers", "scale"),
    ...explained("better-optimum", "noise-below-repeats", "column-scales", "copied-rows"),
    ...explained("better-predictor", "noise-below-repeats", "column-scales", "copied-rows"),
    ...explained("noise-at-floor", "ill-conditioned"),
    ...(health.rows < 8 ? explained("several-optima", "too-few-points") : []),
  ]);
  return findings.filter(({ kind }) => !echoes.has(kind));
}
