import { type Kernel, matern32, sum } from "../../kernels/index.ts";
import type { Matrix } from "../../linalg/index.ts";
import { digits } from "../fit/report.ts";
import type { Finding } from "./finding.ts";
import type { Patient } from "./patient.ts";

// Chance beyond this many standard deviations, one in two thousand, is not called chance.
const certain = 3.5;

/** What rows that repeat others say of the noise, which they show without any model. */
export function repeatFindings(patient: Patient): Finding[] {
  const { x, y, noiseVariance, spread, kernel, usual } = patient;
  const groups = repeatedRows(x);
  const freedom = groups.reduce((count, group) => count + group.length - 1, 0);
  if (freedom === 0) return [];
  const rows = groups.flat();
  const { within, equal } = spreadWithin(groups, y);
  const pure = within / freedom;
  const copies = copiesAmong(groups, y);
  const numbers = {
    repeats: freedom,
    repeatSd: Math.sqrt(pure),
    noiseSd: Math.sqrt(noiseVariance),
  };
  // Targets that take few values agree by chance; noise at its floor says that all repeats agree.
  const rounded = new Set(y.data).size < 0.5 * y.rows;
  if (equal > 0.5 * freedom && !rounded) {
    return [
      {
        kind: "copied-rows",
        text: `${copies.length} row(s) are copies of others, targets and all: each counts as new evidence, though it is none`,
        numbers: { ...numbers, copies: copies.length },
        rows: copies,
        advice: "keep one of each, unless they were truly measured again",
        remedy: { withoutRows: copies },
      },
    ];
  }
  const [low, high] = ratioBounds(freedom);
  const ratio = pure / Math.max(noiseVariance, 1e-300);
  if (ratio > high && pure > 1e-16 * spread) {
    return [
      {
        kind: "noise-below-repeats",
        text: `${freedom} repeated row(s) differ by an sd of ${digits(numbers.repeatSd)}, the noise is said to have one of ${digits(numbers.noiseSd)}: the function is bent through what is noise`,
        numbers,
        rows,
        advice: `let the noise be fitted, or give it as ${digits(numbers.repeatSd)}`,
        remedy: { options: { noiseVariance: { start: pure, floor: pure / 10 } } },
      },
    ];
  }
  if (ratio < low && freedom >= 4 && !rounded) {
    return [
      {
        kind: "noise-above-repeats",
        text: `${freedom} repeated row(s) differ by an sd of ${digits(numbers.repeatSd)} only, the noise is said to have one of ${digits(numbers.noiseSd)}: the kernel takes for noise what is structure`,
        numbers,
        rows,
        advice: "add a rougher term to the kernel",
        remedy: {
          kernel: sum(kernel, roughTerm(usual)),
          options: { noiseVariance: { start: Math.max(pure, 1e-6 * spread) } },
        },
      },
    ];
  }
  return [];
}

/** A term that turns ten times as quickly as the data's scale, and is as large as the rest. */
function roughTerm(usual: Kernel): Kernel {
  const scales = Object.entries(usual.parameters).flatMap(([path, { value }]) =>
    path.endsWith("lengthscale") ? Array.from(value) : [],
  );
  const lengthscale = scales.length > 0 ? Math.min(...scales) / 10 : 1;
  const variance = Object.entries(usual.parameters).find(([path]) => path.endsWith("variance"));
  return matern32({ lengthscale, ...(variance && { variance: variance[1].value[0]! }) });
}

/** Σ of squares about the groups' means, and how many targets after the first of their group equal it. */
function spreadWithin(groups: readonly (readonly number[])[], y: Matrix) {
  let [within, equal] = [0, 0];
  for (const group of groups) {
    const mean = group.reduce((sum, i) => sum + y.data[i]! / group.length, 0);
    for (const i of group) within += (y.data[i]! - mean) ** 2;
    equal += group.slice(1).filter((i) => y.data[i] === y.data[group[0]!]).length;
  }
  return { within, equal };
}

/** The rows whose inputs and target stood in an earlier row. */
function copiesAmong(groups: readonly (readonly number[])[], y: Matrix): number[] {
  return groups.flatMap((group) =>
    group.filter((i, k) => group.slice(0, k).some((j) => y.data[j] === y.data[i])),
  );
}

/** Between which a variance of so many degrees of freedom lies of its truth, by Wilson & Hilferty (1931). */
function ratioBounds(freedom: number): readonly [number, number] {
  const a = 2 / (9 * freedom);
  const at = (z: number) => Math.max(0, 1 - a + z * Math.sqrt(a)) ** 3;
  return [at(-certain), at(certain)];
}

/** Rows with the same inputs, two or more, as their indices. */
export function repeatedRows(x: Matrix): readonly (readonly number[])[] {
  const groups = new Map<string, number[]>();
  for (let i = 0; i < x.rows; i++) {
    const place = x.data.subarray(i * x.cols, (i + 1) * x.cols).join();
    const group = groups.get(place);
    if (group) group.push(i);
    else groups.set(place, [i]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}
