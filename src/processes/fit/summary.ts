import { UsageError } from "../../errors/index.ts";
import { formatKernel, type Kernel, type Parameters } from "../../kernels/index.ts";
import type { Fit } from "./fit.ts";
import { modelParameters } from "./model.ts";
import { digits } from "./report.ts";
import { targetVariance } from "./starts.ts";

export interface SummaryNames {
  /** One an input column; "column 0", … unless given. */
  readonly columns?: readonly string[];
  /** "the target" unless given. */
  readonly target?: string;
}

/** A fit as lines of text, in the units of its data: what was fitted, how it went, what it found, what to beware of. */
export function fitSummary(
  { process, report, kernel, mean, noiseVariance }: Fit,
  names: SummaryNames = {},
): string {
  const { columns, target = "the target" } = names;
  const rows = process.data.reduce((sum, d) => sum + d.x.rows, 0);
  const inputs = process.inputs;
  const spread = Math.sqrt(targetVariance(process.data[0]!.y));
  const noise = Math.sqrt(noiseVariance);
  const objective = report.objective === "evidence" ? "log marginal likelihood" : "leave-one-out log density";
  const { noiseVariance: _, ...parameters } = modelParameters({
    kernel,
    mean,
    noise: { value: Float64Array.of(noiseVariance), support: "positive" },
  });
  const lines = [
    `Gaussian process of ${rows} point(s) in ${inputs} column(s)${written(kernel, columns)}`,
    `${objective} ${digits(report.value)} nats; ${report.agreeing} of ${report.starts.length} start(s) agree; ${report.evaluations} evaluations`,
    `noise sd ${digits(noise)} (${digits((100 * noise) / spread)} % of the sd of ${target}, ${digits(spread)})`,
    ...parameterLines(parameters, inputs, columns),
    ...report.warnings.map((warning) => `Beware: ${warning}.`),
  ];
  return lines.join("\n");
}

/** The kernel's text where it has one: kernels on the features of a function have not. */
function written(kernel: Kernel, columns?: readonly string[]): string {
  try {
    return `: ${formatKernel(kernel, 3, columns)}`;
  } catch (error) {
    if (error instanceof UsageError) return "";
    throw error;
  }
}

function parameterLines(
  parameters: Parameters,
  inputs: number,
  columns: readonly string[] | undefined,
): string[] {
  return Object.entries(parameters).map(([path, { value, fixed }]) => {
    const name = path.startsWith("kernel.") ? path.slice("kernel.".length) : path;
    const perColumn = value.length === inputs && inputs > 1;
    const parts = Array.from(value, (v, i) =>
      perColumn ? `${columns?.[i] ?? `column ${i}`} ${digits(v)}` : digits(v),
    );
    const shown = parts.length > 20 ? [...parts.slice(0, 20), `and ${parts.length - 20} more`] : parts;
    return `${name}: ${shown.join(", ")}${fixed ? " (fixed)" : ""}`;
  });
}
