import { normalQuantile } from "../../random/index.ts";
import { digits } from "../fit/report.ts";
import type { Finding } from "./finding.ts";
import type { Patient } from "./patient.ts";

/** What predictions of each row from all others say: rows that do not belong, and intervals too narrow or too wide. */
export function residualFindings(patient: Patient): Finding[] {
  const found = outliers(patient);
  return found.length > 0 ? found : calibration(patient);
}

// Of healthy data one in a hundred has an error beyond the threshold.
const chance = 0.01;

// Below this share of the targets' variance the noise is that of computed values, which have no outliers: only kinks.
const exact = 1e-5;

// Outliers swell the fitted noise, and hide behind it: errors are measured by their median too, which they do not move.
// The factor covers what a median of few errors does not know.
const masked = 1.4;

/** The deviation that the median of the errors' sizes would have under a Gaussian: 1 for errors as predicted. */
function usualSize(z: Float64Array): number {
  if (z.length < 15) return 1;
  const sizes = z.map(Math.abs).sort();
  return sizes[sizes.length >> 1]! / normalQuantile(0.75);
}

function outliers({ z, y, health, noiseVariance, spread }: Patient): Finding[] {
  if (z.length < 8) return [];
  const threshold = normalQuantile(1 - chance / (2 * z.length));
  const limit = Math.min(threshold, masked * threshold * usualSize(z));
  const rows = Array.from(z.keys()).filter((i) => Math.abs(z[i]!) > limit);
  if (rows.length === 0) return [];
  rows.sort((a, b) => Math.abs(z[b]!) - Math.abs(z[a]!));
  const worst = rows[0]!;
  const computed = noiseVariance < exact * spread;
  const many = rows.length > 0.1 * z.length;
  const list = rows
    .slice(0, 5)
    .map((i) => `row ${i + 1} (${digits(y.data[i]!)}, ${digits(Math.abs(z[i]!))} sds off)`);
  return [
    {
      kind: "outliers",
      text: `${list.join(", ")}${rows.length > 5 ? ` and ${rows.length - 5} more` : ""}: ${rows.length > 1 ? "targets" : "a target"} that all other rows speak against`,
      numbers: { rows: rows.length, largestZ: Math.abs(z[worst]!), threshold, noiseSd: health.noiseSd },
      rows,
      advice: computed
        ? "values without noise are no outliers: the function has a kink or a jump there, try a rougher kernel"
        : many
          ? "so many are no accident: the noise has heavier tails than a Gaussian's (Student-t), or its size changes"
          : "look at these rows; set them aside if they are mistakes",
      ...(!many && !computed && { remedy: { withoutRows: rows } }),
    },
  ];
}

function calibration({ health, report, noiseVariance, spread }: Patient): Finding[] {
  const { rows, looCoverage95: coverage, looCalibration: size } = health;
  if (rows < 15) return [];
  const numbers = { coverage95: coverage, calibration: size };
  const advice =
    "fit by leave-one-out density, which asks for honest predictions, or try a kernel of another smoothness";
  const remedy =
    report?.objective === "leave-one-out" ? undefined : { options: { objective: "leave-one-out" as const } };
  const low = 0.95 - 4 * Math.sqrt((0.95 * 0.05) / rows);
  if (coverage < low && size > 1.3) {
    return [
      {
        kind: "overconfident",
        text: `predictions of each row from all others miss by ${digits(size)} times what they say; their 95 % intervals hold ${digits(100 * coverage)} %`,
        numbers,
        advice,
        ...(remedy && { remedy }),
      },
    ];
  }
  if (size < 0.5 && noiseVariance > exact * spread) {
    return [
      {
        kind: "underconfident",
        text: `predictions of each row from all others miss by ${digits(size)} times what they say only: the intervals are too wide`,
        numbers,
        advice,
        ...(remedy && { remedy }),
      },
    ];
  }
  return [];
}
