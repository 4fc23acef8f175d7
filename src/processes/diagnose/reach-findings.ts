import { expectFinite, expectShape, type Matrix } from "../../linalg/index.ts";
import { digits } from "../fit/report.ts";
import type { Finding } from "./finding.ts";
import type { Patient } from "./patient.ts";

// A posterior deviation of this share of the prior's: the data say nothing there.
const unknown = 0.9;

/** Which of the points that predictions are wanted at lie where the data say nothing. */
export function reachFindings({ process, x, name }: Patient, points: Matrix): Finding[] {
  expectShape(points, "points", undefined, x.cols);
  expectFinite(points, "points");
  const deviation = process.at(points).standardDeviation.data;
  const prior = process.prior.kernel.diagonal(points);
  const rows = Array.from(deviation.keys()).filter((i) => deviation[i]! > unknown * Math.sqrt(prior[i]!));
  if (rows.length === 0) return [];
  const outside = Array.from({ length: x.cols }, (_, c) => c).flatMap((c) => {
    const seen = Array.from({ length: x.rows }, (_, i) => x.data[i * x.cols + c]!);
    const [low, high] = [seen.reduce((a, b) => Math.min(a, b)), seen.reduce((a, b) => Math.max(a, b))];
    const margin = 0.1 * (high - low);
    const beyond = rows.filter((i) => {
      const v = points.data[i * x.cols + c]!;
      return v < low - margin || v > high + margin;
    }).length;
    return beyond > 0 ? [`${name(c)} beyond ${digits(low)} to ${digits(high)} in ${beyond}`] : [];
  });
  return [
    {
      kind: "far-from-data",
      text: `${rows.length} of ${points.rows} row(s) to predict lie where the data say nothing, and get the mean with the prior's sd${outside.length > 0 ? `: ${outside.slice(0, 4).join(", ")}` : ""}`,
      numbers: { rows: rows.length, share: rows.length / points.rows },
      rows,
      advice: "bring data from there, or let a linear mean carry a trend there that you believe in",
    },
  ];
}
