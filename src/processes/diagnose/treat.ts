import { NotPositiveDefiniteError } from "../../errors/index.ts";
import type { Task } from "../../tasks/index.ts";
import type { ExactPosterior } from "../exact.ts";
import { type Fit, fit } from "../fit/index.ts";
import { type DiagnoseOptions, diagnose } from "./diagnose.ts";
import type { Finding, FindingKind, Health, Remedy } from "./finding.ts";
import { illCondition } from "./numerical-findings.ts";
import { patientOf } from "./patient.ts";

export interface TreatOptions {
  /** Names of the input columns, for the report's warnings. */
  readonly columns?: readonly string[];
  /** Of the refit's starts. 0 unless given. */
  readonly seed?: number;
}

/** A refit with a remedy, and what it changed, measured on the same rows. */
export interface Treatment {
  readonly fit: Fit;
  /** Before, on the rows that are kept. */
  readonly before: Health;
  readonly after: Health;
  /** Whether one would keep it: better, or as good and simpler; rows that were set aside are so in any case. */
  readonly helped: boolean;
}

/** Whether a refit is worth keeping: it explains or predicts better, or the same with less, or keeps more digits. */
function helps(before: Health, after: Health, cautious: boolean): boolean {
  const evidence = after.logEvidence - before.logEvidence;
  const predictions = after.looLogDensity - before.looLogDensity;
  // Nats a row that caution, or fewer parameters, may cost.
  const price = before.rows * (cautious ? 0.25 : 0.05);
  if (predictions > -price && (evidence > 0.1 || predictions > 0.1)) return true;
  const simpler = cautious || after.parameters < before.parameters;
  if (simpler && predictions > -price) return true;
  const good = Math.max(1.1 * before.looRmse, 1e-3 * before.targetSd);
  const ill = before.jitter > 0 || before.condition > illCondition;
  return ill && after.condition < 0.1 * before.condition && after.looRmse < good;
}

/** Refits with a remedy of a finding. Kernel, mean and noise start from where they are unless the remedy says more. */
export function* treat(
  subject: Fit | ExactPosterior,
  remedy: Remedy,
  options: TreatOptions = {},
): Task<Treatment> {
  const { columns, seed = 0 } = options;
  const { process, kernel, mean, noiseVariance, spread } = patientOf(subject, columns);
  const { withoutRows = [] } = remedy;
  const kept = withoutRows.length > 0 ? process.without(withoutRows) : process;
  const { x, y } = kept.solution;
  const objective = "process" in subject ? subject.report.objective : "evidence";
  const refitted = yield* fit(
    remedy.kernel ?? kernel,
    { x, y },
    {
      mean,
      objective,
      seed,
      noiseVariance: { start: Math.max(noiseVariance, 1.1e-8 * spread) },
      ...(columns && { columns }),
      ...remedy.options,
    },
  );
  const before = patientOf(kept, columns).health;
  const after = patientOf(refitted, columns).health;
  const helped = withoutRows.length > 0 || helps(before, after, remedy.cautious ?? false);
  return { fit: refitted, before, after, helped };
}

/** One finding treated, with the effect. */
export interface CureStep extends Pick<Treatment, "before" | "after" | "helped"> {
  readonly finding: Finding;
  /** Rows of the first subject, from 0, that were left out here. */
  readonly withoutRows: readonly number[];
}

export interface Cure {
  /** The last fit that helped; undefined where none did. */
  readonly fit: Fit | undefined;
  readonly steps: readonly CureStep[];
  /** What is left to be said of it. */
  readonly findings: readonly Finding[];
}

export interface CureOptions extends DiagnoseOptions {
  /** The findings to treat; all that a refit can treat unless given. */
  readonly kinds?: readonly FindingKind[];
}

/**
 * Treats one finding after the other, each diagnosed on what the last one left, and keeps what helps. No kind is
 * treated twice.
 */
export function* cure(subject: Fit | ExactPosterior, options: CureOptions = {}): Task<Cure> {
  const { kinds, ...looking } = options;
  const steps: CureStep[] = [];
  const tried = new Set<FindingKind>();
  let patient = subject;
  let best: Fit | undefined;
  let rows = Array.from({ length: patientOf(subject, looking.columns).x.rows }, (_, i) => i);
  for (;;) {
    const { findings } = yield* diagnose(patient, looking);
    const finding = findings.find(
      ({ kind, remedy }) => remedy && !tried.has(kind) && (kinds === undefined || kinds.includes(kind)),
    );
    if (!finding) return { fit: best, steps, findings };
    tried.add(finding.kind);
    const out = finding.remedy!.withoutRows ?? [];
    const treated = yield* attempt(treat(patient, finding.remedy!, looking));
    if (!treated) continue;
    const { before, after, helped } = treated;
    steps.push({ finding, before, after, helped, withoutRows: out.map((i) => rows[i]!) });
    if (!helped) continue;
    patient = best = treated.fit;
    rows = rows.filter((_, i) => !out.includes(i));
  }
}

/** The treatment; undefined where the remedy leads to no covariance that can be factored. */
function* attempt(treatment: Task<Treatment>): Task<Treatment | undefined> {
  try {
    return yield* treatment;
  } catch (error) {
    if (error instanceof NotPositiveDefiniteError) return undefined;
    throw error;
  }
}
