import { digits } from "../fit/report.ts";
import { columnMeans, columnSpreads } from "../means.ts";
import type { Finding } from "./finding.ts";
import { regularised, sharedLengthscale, withArd } from "./kernel-changes.ts";
import type { Patient } from "./patient.ts";

/** What ails the data themselves, whatever the fit: too few, all alike, or columns that one lengthscale cannot serve. */
export function dataFindings(patient: Patient): Finding[] {
  return [...constantTargets(patient), ...tooFew(patient), ...columnScales(patient)];
}

function constantTargets({ y }: Patient): Finding[] {
  const [first] = y.data;
  if (!y.data.every((v) => v === first)) return [];
  return [
    {
      kind: "constant-targets",
      text: `all ${y.rows} targets are ${digits(first!)}: nothing is left to choose kernel and noise by`,
      numbers: { value: first!, rows: y.rows },
      advice: "bring rows where the target differs; till then believe the mean, not the intervals",
    },
  ];
}

function tooFew(patient: Patient): Finding[] {
  const { kernel, y, health } = patient;
  const { parameters } = health;
  if (y.rows >= 1.5 * parameters) return [];
  // Columns of unequal scales would not be seen alike by one lengthscale.
  const shared = unequalColumns(patient) ? undefined : sharedLengthscale(kernel);
  return [
    {
      kind: "too-few-points",
      text: `${parameters} parameters were chosen by ${y.rows} row(s): others would explain them as well`,
      numbers: { parameters, rows: y.rows },
      advice: shared
        ? "let all columns share one lengthscale, and keep the parameters near the data's own scales by priors"
        : "keep the parameters near the data's own scales by priors, or bring more rows",
      remedy: regularised(patient, shared ?? kernel),
    },
  ];
}

// Columns whose distances differ by more than this are not seen alike by one lengthscale.
const unequal = 20;

function columnScales(patient: Patient): Finding[] {
  const { kernel, x, name } = patient;
  const separate = x.cols > 1 ? withArd(kernel, x.cols) : undefined;
  const found = separate && unequalColumns(patient);
  if (!found) return [];
  const { spreads, large, small } = found;
  const list = small.slice(0, 5).map((c) => `${name(c)} (sd ${digits(spreads[c]!)})`);
  return [
    {
      kind: "column-scales",
      text: `one lengthscale serves all columns, and beside ${name(large)} (sd ${digits(spreads[large]!)}) it cannot see ${list.join(", ")}${small.length > 5 ? ` and ${small.length - 5} more` : ""}`,
      numbers: { largestSd: spreads[large]!, smallestSd: Math.min(...small.map((c) => spreads[c]!)) },
      advice: "give every column a lengthscale of its own (ard)",
      remedy: { kernel: separate },
    },
  ];
}

/** The columns too narrow to be seen beside the widest one, if there are any. */
function unequalColumns({ x }: Patient) {
  const constant = (c: number) => x.data.every((v, k) => k % x.cols !== c || v === x.data[c]);
  const spreads = Array.from(columnSpreads(x, columnMeans(x)), (v, c) => (constant(c) ? 0 : v));
  const large = spreads.indexOf(Math.max(...spreads));
  const small = spreads.flatMap((v, c) => (v > 0 && spreads[large]! > unequal * v ? [c] : []));
  return small.length > 0 ? { spreads, large, small } : undefined;
}
