import { partOf } from "../../kernels/index.ts";
import type { Task } from "../../tasks/index.ts";
import type { ExactPosterior } from "../exact.ts";
import { type Fit, fit, type StartReport } from "../fit/index.ts";
import { digits } from "../fit/report.ts";
import { gp } from "../prior.ts";
import type { Finding } from "./finding.ts";
import { forgotten, regularised } from "./kernel-changes.ts";
import { far, lengthscales, near } from "./parameter-findings.ts";
import type { Patient } from "./patient.ts";

/** What searches from other places found. */
export interface Search {
  readonly fit: Fit;
  /** Nats of the best beyond the objective where the patient stands. */
  readonly gain: number;
}

// Gains below this many nats are of no use to anybody.
const worthwhile = 0.5;
// Explanations within so many nats are both believable: a ratio of 7.
const believable = 2;

/** Searches from where the patient is and from the data's own scales. */
export function* search(patient: Patient, starts: number, seed: number): Task<Search> {
  const { kernel, mean, noiseVariance, x, y, report, spread } = patient;
  const objective = report?.objective ?? "evidence";
  const start = Math.max(noiseVariance, 1.1e-8 * spread);
  const found = yield* fit(
    kernel,
    { x, y },
    { mean, objective, starts, seed, noiseVariance: { start, floor: Math.min(start / 1.1, 1e-8 * spread) } },
  );
  const now = report?.value ?? patient.process.logEvidence;
  return { fit: found, gain: found.report.value - now };
}

/** A better optimum than the patient's, or one as good that tells another story. */
export function searchFindings(patient: Patient, { fit: found, gain }: Search): Finding[] {
  const { kernel, health } = patient;
  if (gain > worthwhile) {
    const lost = outOfScale(patient);
    const best = found.report.starts.find((s) => s.value === found.report.value)!;
    const numbers = { gain, noiseSdThere: Math.sqrt(found.noiseVariance), noiseSd: health.noiseSd };
    const climbed = best === found.report.starts[0];
    return [
      lost && gain > 3
        ? {
            kind: "scale",
            text: `${lost}; parameters that suit these data explain them better by ${digits(gain)} nats`,
            numbers,
            advice: "fit from the data's own scales",
            remedy: { kernel: forgotten(kernel), options: { noiseVariance: {} } },
          }
        : {
            kind: "better-optimum",
            text: `${climbed ? "the search had not arrived" : "another optimum is better"}: by ${digits(gain)} nats, with a noise sd of ${digits(numbers.noiseSdThere)} in place of ${digits(health.noiseSd)}`,
            numbers,
            advice: "take the better parameters",
            remedy: {
              kernel: found.kernel,
              options: { mean: found.mean, noiseVariance: { start: found.noiseVariance } },
            },
          },
    ];
  }
  const rivals = found.report.starts.filter(({ value }) => Number.isFinite(value));
  const predictor = betterPredictor(patient, rivals, found.report.value);
  if (predictor) return [predictor];
  const rival = rivals.find(
    (other) => other.value > found.report.value - believable && differs(patient, other),
  );
  if (!rival) return [];
  const behind = found.report.value - rival.value;
  const rivalSd = Math.sqrt(rival.parameters.noiseVariance!.value[0]!);
  return [
    {
      kind: "several-optima",
      text: `another explanation is only ${digits(Math.max(0, behind))} nats behind: noise sd ${digits(rivalSd)} in place of ${digits(health.noiseSd)}, and another function; so few data cannot tell them apart`,
      numbers: { behind, noiseSd: health.noiseSd, noiseSdThere: rivalSd },
      advice: "bring rows where the two differ, give priors, or average over both (fitBayesian)",
      remedy: regularised(patient, kernel),
    },
  ];
}

/** An optimum that predicts each row from all others better, though the data as a whole speak for the patient's. */
function betterPredictor(
  patient: Patient,
  rivals: readonly StartReport[],
  value: number,
): Finding | undefined {
  const { kernel, mean, health, report } = patient;
  if (report?.objective === "leave-one-out") return undefined;
  const worth = Math.max(3, 0.03 * health.rows);
  const scored = rivals.map((start) => ({
    start,
    loo: posteriorAt(patient, start).leaveOneOut().logDensity,
  }));
  const best = scored.reduce((a, b) => (b.loo > a.loo ? b : a));
  const gain = best.loo - health.looLogDensity;
  if (gain < worth) return undefined;
  const { parameters } = best.start;
  const noise = parameters.noiseVariance!.value[0]!;
  const behind = value - best.start.value;
  return {
    kind: "better-predictor",
    text: `another optimum is ${digits(behind)} nats behind by marginal likelihood, and yet predicts each row from all others better, by ${digits(gain)} nats, with a noise sd of ${digits(Math.sqrt(noise))} in place of ${digits(health.noiseSd)}: no setting of this kernel describes the data well`,
    numbers: { behind, gain, noiseSd: health.noiseSd, noiseSdThere: Math.sqrt(noise) },
    advice: "take it if predictions are what counts, or try another kernel",
    remedy: {
      kernel: kernel.with(partOf(parameters, "kernel")),
      options: { mean: mean.with(partOf(parameters, "mean")), noiseVariance: { start: noise }, starts: 1 },
    },
  };
}

function posteriorAt({ kernel, mean, x, y }: Patient, { parameters }: StartReport): ExactPosterior {
  const prior = gp(kernel.with(partOf(parameters, "kernel")), {
    mean: mean.with(partOf(parameters, "mean")),
    inputs: x.cols,
  });
  return prior.condition({ x, y, noiseVariance: parameters.noiseVariance!.value[0]! });
}

/** Why the data cannot be seen at these lengthscales, in words; undefined where they can. */
function outOfScale(patient: Patient): string | undefined {
  for (const { path, parameter, ratios } of lengthscales(patient)) {
    const i = ratios.findIndex((r) => r > far || r < near);
    if (i < 0) continue;
    const ratio = ratios[i]!;
    const size = ratio > 1 ? `${digits(ratio)} times` : `${digits(1 / ratio)} times smaller than`;
    return `${path} = ${digits(parameter.value[i]!)} is ${size} the data's typical distance`;
  }
  const { process, spread } = patient;
  const share = process.prior.kernel.diagonal(process.solution.x)[0]! / spread;
  if (share > 1e-4 && share < 1e4) return undefined;
  return `the kernel's variance is ${digits(share)} times the targets'`;
}

/** Whether the posterior at a start's end says another thing of the data: other noise, or another function. */
function differs(patient: Patient, other: StartReport): boolean {
  const { noiseVariance, x, process, spread } = patient;
  const theirs = other.parameters.noiseVariance!.value[0]!;
  const ratio = Math.max(theirs, 1e-4 * spread) / Math.max(noiseVariance, 1e-4 * spread);
  if (ratio > 2.5 || ratio < 0.4) return true;
  const there = posteriorAt(patient, other).at(x).mean.data;
  const here = process.at(x).mean.data;
  const square = there.reduce((sum, v, i) => sum + (v - here[i]!) ** 2 / there.length, 0);
  return square > 0.25 ** 2 * spread;
}
