import { freeParameters, type Parameter, type Parameters } from "../../kernels/index.ts";
import type { Matrix } from "../../linalg/index.ts";
import { type Model, modelParameters, noiseOf } from "./model.ts";
import type { ObjectiveName } from "./objectives.ts";
import { targetVariance } from "./starts.ts";

/** Where one search ended. */
export interface StartReport {
  /** What it reached: objective plus log prior, in nats; −∞ for a start that could not be evaluated. */
  readonly value: number;
  readonly iterations: number;
  readonly converged: boolean;
  /** The steepest slope left, in nats a unit of a search coordinate (a factor of e, for positive parameters). */
  readonly slope: number;
  /** Where it ended: "kernel.…", "mean.…" and "noiseVariance". */
  readonly parameters: Parameters;
}

/** How a fit went. */
export interface FitReport {
  readonly objective: ObjectiveName;
  /** Of the start whose end was kept: objective plus log prior, in nats. */
  readonly value: number;
  readonly starts: readonly StartReport[];
  /** How many starts ended within a tenth of a nat of that. */
  readonly agreeing: number;
  /** Values with gradients, of all searches together. */
  readonly evaluations: number;
  /** What a person should know before trusting the fit, each in one sentence; empty when nothing stands out. */
  readonly warnings: readonly string[];
}

/** What the report is made from. */
export interface Outcome {
  readonly objective: ObjectiveName;
  readonly model: Model;
  /** The parameters as the data alone would scale them. */
  readonly around: Model;
  readonly x: Matrix;
  readonly y: Matrix;
  readonly starts: readonly StartReport[];
  /** The place of the start whose end was kept. */
  readonly chosen: number;
  readonly models: readonly Model[];
  readonly evaluations: number;
  /** Whether the mean explains the targets to the last digit. */
  readonly nothing: boolean;
  readonly jitter: number;
  /** Names of the input columns. */
  readonly columns: readonly string[] | undefined;
}

// Differences of less than this many nats say nothing about which parameters are right.
const alike = 0.1;

export function fitReport(outcome: Outcome): FitReport {
  const { objective, starts, evaluations } = outcome;
  const { value } = starts[outcome.chosen]!;
  const agreeing = starts.filter((s) => Math.abs(s.value - value) <= alike || s.value === value).length;
  const warnings = outcome.nothing
    ? [
        `the mean alone explains all ${outcome.y.rows} target(s): nothing is left to choose the kernel by, its parameters are guesses from the data's scale`,
      ]
    : [...searchWarnings(outcome, value, agreeing), ...noiseWarnings(outcome), ...parameterWarnings(outcome)];
  return { objective, value, starts, agreeing, evaluations, warnings };
}

function searchWarnings(
  { starts, chosen, model, y, jitter }: Outcome,
  value: number,
  agreeing: number,
): string[] {
  const out: string[] = [];
  const free = freeParameters(modelParameters(model)).reduce((sum, [, p]) => sum + p.value.length, 0);
  if (y.data.length <= free) {
    out.push(
      `${free} parameters were fitted to ${y.data.length} value(s): give some of them priors or fix them`,
    );
  }
  const best = starts[chosen]!;
  // A search whose last steps drown in rounding has arrived, unless the slope it leaves says otherwise.
  if (!best.converged && best.slope > 0.5) {
    out.push(
      `the best search stopped after ${best.iterations} iterations on a slope of ${digits(best.slope)} nats: allow more iterations, fix parameters that do not matter, or raise the noise's floor`,
    );
  }
  const failed = starts.filter((s) => s.value === -Infinity).length;
  if (failed > 0) out.push(`${failed} of ${starts.length} starts could not be evaluated`);
  const ahead = Math.max(...starts.map((s) => s.value)) - value;
  if (ahead > alike) {
    out.push(
      `another start ended ${digits(ahead)} nats higher, but predicts each point from all others worse: no setting of this kernel describes the data well`,
    );
  }
  const others = starts.filter((s) => s.value > -Infinity && s.value < value - alike);
  if (agreeing === 1 && ahead <= alike && others.length > 0) {
    const next = Math.max(...others.map((s) => s.value));
    out.push(
      `only one of ${starts.length} starts reached the best value; the next ended ${digits(value - next)} nats below it, so there may be better ones: try more starts`,
    );
  }
  if (jitter > 0) {
    out.push(
      `the posterior's covariance needed ${digits(jitter)} added to its diagonal: inputs repeat or the noise is too small for the kernel`,
    );
  }
  return out;
}

function noiseWarnings({ model, y, models, starts, chosen }: Outcome): string[] {
  const noise = noiseOf(model);
  const variance = targetVariance(y);
  const gap = (other: Model) => starts[chosen]!.value - starts[models.indexOf(other)]!.value;
  if (model.noise.fixed) return [];
  if (noise > 0.9 * variance) {
    const other = models.find(
      (m, i) => noiseOf(m) < 0.5 * variance && starts[i]!.value > -Infinity && m !== model,
    );
    const rival = other
      ? `; another optimum, ${digits(Math.abs(gap(other)))} nats ${gap(other) < 0 ? "better" : "worse"}, has a noise sd of ${digits(Math.sqrt(noiseOf(other)))}`
      : "";
    return [
      `noise explains ${Math.min(100, Math.round((100 * noise) / variance))} % of the targets' variance (noise sd ${digits(Math.sqrt(noise))}): the kernel found no signal${rival}`,
    ];
  }
  const { support } = model.noise;
  if (typeof support === "object" && noise < 1.1 * support.lower) {
    return [
      `the noise went to its floor, sd ${digits(Math.sqrt(noise))}: the targets look noise-free to this kernel; predictions pass through every one of them`,
    ];
  }
  return [];
}

// Beyond these multiples of the scale that data give a parameter, the data no longer see it.
const far = 30;
const near = 1 / 100;

function parameterWarnings({ model, around, x, y, columns }: Outcome): string[] {
  const out: string[] = [];
  const scales = modelParameters(around);
  const variance = targetVariance(y);
  for (const [path, parameter] of freeParameters(modelParameters(model))) {
    if (path === "noiseVariance" || path.startsWith("mean.")) continue;
    const name = path.slice("kernel.".length);
    const named = parameter.value.length === x.cols ? columns : undefined;
    const which = (i: number) => (parameter.value.length > 1 ? `${name}[${named?.[i] ?? i}]` : name);
    const last = path.split(".").at(-1)!;
    const ratios = Array.from(parameter.value, (v, i) => v / scales[path]!.value[i]!);
    if (last === "lengthscale") {
      const long = indices(ratios, (r) => r > far);
      if (long.length > 0) {
        const list = long.slice(0, 5).map((i) => `${which(i)} = ${digits(parameter.value[i]!)}`);
        const more = long.length > 5 ? ` and ${long.length - 5} more` : "";
        out.push(
          `${list.join(", ")}${more}: over ${far} times the data's typical distance; the function hardly changes along ${long.length > 1 ? "these" : "this"}`,
        );
      }
      const short = indices(ratios, (r) => r < near);
      if (short.length > 0) {
        const list = short.slice(0, 5).map((i) => `${which(i)} = ${digits(parameter.value[i]!)}`);
        out.push(
          `${list.join(", ")}: under a hundredth of the data's typical distance; the function is noise between the points`,
        );
      }
    } else if (/variance$/i.test(last) && parameter.support === "positive") {
      const high = indices(ratios, (r) => r > 1e4);
      for (const i of high) {
        out.push(
          `${which(i)} = ${digits(parameter.value[i]!)} is ${digits(parameter.value[i]! / variance)} times the targets' variance: it runs away with a lengthscale or the mean`,
        );
      }
    }
    for (const i of atBound(parameter)) {
      out.push(`${which(i)} = ${digits(parameter.value[i]!)} lies at its bound`);
    }
  }
  return out;
}

function indices(values: readonly number[], picks: (v: number) => boolean): number[] {
  return values.flatMap((v, i) => (picks(v) ? [i] : []));
}

/** The values of a parameter that lie at a bound of its support. */
export function atBound({ value, support }: Parameter): number[] {
  if (typeof support === "string") return [];
  const { lower, upper } = support;
  const range = upper === undefined ? Math.abs(lower) || 1 : upper - lower;
  // Bounds above 0 may span decades: near the lower one is what is near it in proportion.
  const slack = 0.01 * (lower > 0 ? Math.min(lower, range) : range);
  return indices(
    Array.from(value),
    (v) => v - lower < slack || (upper !== undefined && upper - v < 0.01 * range),
  );
}

/** Three significant digits; powers of ten beyond a million and a ten-thousandth. */
export function digits(v: number): string {
  const size = Math.abs(v);
  if (v !== 0 && (size >= 1e6 || size < 1e-4)) return v.toExponential(2);
  return String(Number(v.toPrecision(size >= 1000 ? 6 : 3)));
}
