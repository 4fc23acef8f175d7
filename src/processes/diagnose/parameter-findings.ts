import type { Parameter } from "../../kernels/index.ts";
import { atBound, digits } from "../fit/report.ts";
import { linearMean } from "../means.ts";
import type { Finding } from "./finding.ts";
import { forgotten, notShort, onColumns, widened } from "./kernel-changes.ts";
import type { Patient } from "./patient.ts";

// Beyond these multiples of the scale that data give a lengthscale, the data no longer see it.
export const far = 30;
export const near = 1 / 100;

/** What the fitted parameters say by themselves: lengthscales out of the data, bounds met, noise that is all or nothing. */
export function parameterFindings(patient: Patient): Finding[] {
  return [...longLengthscales(patient), ...shortLengthscales(patient), ...bounds(patient), ...noise(patient)];
}

interface Lengthscale {
  readonly path: string;
  readonly parameter: Parameter;
  /** Of each value, in units of the data's own scale. */
  readonly ratios: readonly number[];
}

export function lengthscales({ kernel, usual }: Patient): Lengthscale[] {
  return Object.entries(kernel.parameters).flatMap(([path, parameter]) => {
    const scale = usual.parameters[path]?.value;
    if (!/(^|\.)lengthscale$/.test(path) || parameter.fixed || scale?.length !== parameter.value.length)
      return [];
    return [{ path, parameter, ratios: Array.from(parameter.value, (v, i) => v / scale[i]!) }];
  });
}

function longLengthscales(patient: Patient): Finding[] {
  const { kernel, mean, x, name } = patient;
  return lengthscales(patient).flatMap(({ path, parameter, ratios }): Finding[] => {
    const long = ratios.flatMap((r, i) => (r > far ? [i] : []));
    if (long.length === 0) return [];
    const numbers = { columns: long.length, largestRatio: Math.max(...ratios) };
    if (long.length === ratios.length) {
      // A linear mean leaves the kernel nothing, as it should; and a rough kernel may be long and yet bend.
      if ("weight" in mean.parameters || !isStraight(patient)) return [];
      return [
        {
          kind: "lengthscale-long",
          text: `${path} = ${digits(parameter.value[0]!)} is ${digits(ratios[0]!)} times the data's typical distance: over the data the function is a straight line`,
          numbers,
          advice: "let a linear mean take the trend, so that the kernel is free for the rest",
          remedy: { kernel: forgotten(kernel), options: { mean: linearMean(x.cols) } },
        },
      ];
    }
    if (ratios.length !== x.cols) return [];
    const idle = long.filter((c) => isIdle(patient, c));
    if (idle.length === 0) return [];
    const kept = ratios.flatMap((_, i) => (idle.includes(i) ? [] : [i]));
    const fewer = onColumns(kernel, kept);
    const list = idle.slice(0, 5).map(name).join(", ");
    return [
      {
        kind: "lengthscale-long",
        text: `the function hardly changes along ${list}${idle.length > 5 ? ` and ${idle.length - 5} more` : ""}: ${idle.length > 1 ? "their lengthscales are" : "its lengthscale is"} over ${far} times the data's typical distance`,
        numbers,
        advice: "leave these columns out: predictions stay, and fewer parameters are to be fitted",
        ...(fewer && { remedy: { kernel: fewer } }),
      },
    ];
  });
}

/** Whether the posterior mean at the data is a plane, to a fiftieth of the targets' deviation. */
function isStraight({ process, x, spread }: Patient): boolean {
  const values = process.at(x).mean;
  const plane = linearMean(x.cols).startAt!(x, values).at(x).data;
  return meanSquare(values.data.map((v, i) => v - plane[i]!)) < 0.02 ** 2 * spread;
}

/** Whether it hardly matters what stands in this column: its values in reverse move the mean by next to nothing. */
function isIdle({ process, x, spread }: Patient, column: number): boolean {
  const turned = { ...x, data: x.data.slice() };
  for (let i = 0; i < x.rows; i++) {
    turned.data[i * x.cols + column] = x.data[(x.rows - 1 - i) * x.cols + column]!;
  }
  const [here, there] = [process.at(x).mean.data, process.at(turned).mean.data];
  return meanSquare(here.map((v, i) => v - there[i]!)) < 0.05 ** 2 * spread;
}

function meanSquare(values: Float64Array): number {
  return values.reduce((sum, v) => sum + (v * v) / values.length, 0);
}

function shortLengthscales(patient: Patient): Finding[] {
  const { kernel, usual } = patient;
  return lengthscales(patient).flatMap(({ path, parameter, ratios }): Finding[] => {
    const short = ratios.flatMap((r, i) => (r < near ? [i] : []));
    if (short.length === 0) return [];
    return [
      {
        kind: "lengthscale-short",
        text: `${path} = ${digits(parameter.value[short[0]!]!)} is under a hundredth of the data's typical distance: between the points the function is noise`,
        numbers: { columns: short.length, smallestRatio: Math.min(...ratios) },
        advice:
          "keep the lengthscale above a fiftieth of the data's distances, so that what does not fit becomes noise",
        remedy: { kernel: notShort(kernel, usual, [path]), options: { noiseVariance: {} } },
      },
    ];
  });
}

function bounds({ kernel }: Patient): Finding[] {
  const met = Object.entries(kernel.parameters).filter(([, p]) => !p.fixed && atBound(p).length > 0);
  if (met.length === 0) return [];
  const list = met.map(([path, p]) => `${path} = ${digits(p.value[atBound(p)[0]!]!)}`).join(", ");
  return [
    {
      kind: "at-bound",
      text: `${list}: at ${met.length > 1 ? "their bounds" : "its bound"}, so the data would go on from there`,
      numbers: { parameters: met.length },
      advice: "move the bounds ten times as far, or ask what the model lacks",
      remedy: {
        kernel: widened(
          kernel,
          met.map(([path]) => path),
        ),
      },
    },
  ];
}

// The floor of fitted noise, as a share of the targets' variance, with room for rounding.
const floor = 1.2e-8;

function noise({ kernel, y, noiseVariance, spread, health }: Patient): Finding[] {
  const share = noiseVariance / spread;
  const numbers = { noiseSd: health.noiseSd, targetSd: health.targetSd, share };
  if (share > 0.9 && y.rows >= 5) {
    return [
      {
        kind: "noise-swallows-signal",
        text: `the noise (sd ${digits(health.noiseSd)}) is ${digits(100 * share)} % of the targets' variance: the kernel found no signal`,
        numbers,
        advice:
          "search again from more starts; if that finds nothing, these columns say nothing of the target",
        remedy: {
          kernel: forgotten(kernel),
          options: { starts: 10, noiseVariance: { start: 0.01 * spread } },
        },
      },
    ];
  }
  if (share <= floor && y.rows > 2) {
    return [
      {
        kind: "noise-at-floor",
        text: `the noise is at its floor (sd ${digits(health.noiseSd)}): every target is taken for exact, and the function goes through all of them`,
        numbers,
        advice: "right for values that were computed; if they were measured, give the noise that you know",
        remedy: { options: { noiseVariance: { floor: 1e-6 * spread } } },
      },
    ];
  }
  return [];
}
