import {
  bound,
  families,
  isProduct,
  isSum,
  type Kernel,
  on,
  type Parameter,
  type Parameters,
  type Prior,
  product,
  sum,
} from "../../kernels/index.ts";
import type { Remedy } from "./finding.ts";
import type { Patient } from "./patient.ts";

// Families whose lengthscale may be one for all columns or one a column.
const stationary = new Set(["rbf", "matern12", "matern32", "matern52", "rationalQuadratic"]);

/**
 * The kernel with its free parameters to be chosen from the data's scales by the next fit; those that a person bounded
 * stay, as the data's scale may lie outside.
 */
export function forgotten(kernel: Kernel): Kernel {
  return changed(kernel, (parameter) =>
    typeof parameter.support === "string" ? { ...parameter, unset: true } : parameter,
  );
}

function changed(kernel: Kernel, change: (parameter: Parameter, path: string) => Parameter): Kernel {
  const next: Parameters = Object.fromEntries(
    Object.entries(kernel.parameters).map(([path, p]) => [path, p.fixed ? p : change(p, path)]),
  );
  return kernel.with(next);
}

/** The kernel with one lengthscale a column where there was one for all; undefined where that changes nothing. */
export function withArd(kernel: Kernel, columns: number): Kernel | undefined {
  return remade(kernel, (lengthscale) => (lengthscale.value.length === 1 ? { ard: columns } : undefined));
}

/** The kernel with one lengthscale for all columns where there was one a column; undefined where there was none. */
export function sharedLengthscale(kernel: Kernel): Kernel | undefined {
  return remade(kernel, (lengthscale) => (lengthscale.value.length > 1 ? {} : undefined));
}

/** A plain stationary kernel on these columns only, its parameters unset; undefined for any other kernel. */
export function onColumns(kernel: Kernel, columns: readonly number[]): Kernel | undefined {
  const kind = kernel.definition?.kind ?? "";
  if (!stationary.has(kind) || columns.length === 0) return undefined;
  return on(families[kind]!.make({ ard: columns.length }), columns);
}

/** Stationary parts of sums and products made anew, where `options` says how; what a person fixed stays. */
function remade(
  kernel: Kernel,
  options: (lengthscale: Parameter) => Readonly<Record<string, number>> | undefined,
): Kernel | undefined {
  if (isSum(kernel) || isProduct(kernel)) {
    const parts = isSum(kernel) ? kernel.terms : kernel.factors;
    const next = parts.map((part) => remade(part, options));
    if (next.every((part) => part === undefined)) return undefined;
    return (isSum(kernel) ? sum : product)(...next.map((part, i) => part ?? parts[i]!));
  }
  const kind = kernel.definition?.kind ?? "";
  const { lengthscale } = kernel.parameters;
  if (!stationary.has(kind) || !lengthscale || lengthscale.fixed || lengthscale.prior) return undefined;
  const how = options(lengthscale);
  return how && families[kind]!.make(how);
}

/** The kernel and its noise with priors about the data's own scales, wide enough for a factor of 7 either way. */
export function regularised({ usual, spread }: Patient, kernel: Kernel): Remedy {
  const free = changed(kernel, (parameter, path) => {
    const scale = usual.parameters[path]?.value;
    if (parameter.prior || !scale || parameter.support !== "positive") return parameter;
    return { ...parameter, unset: true, prior: about(scale) };
  });
  const noise: Prior = { kind: "log-normal", mean: Math.log(0.01 * spread), deviation: 2 };
  return { kernel: free, options: { noiseVariance: { prior: noise } }, cautious: true };
}

/** One prior for values of several scales is as wide as they are. */
function about(scales: Float64Array): Prior {
  const logs = Array.from(scales, Math.log);
  const mean = logs.reduce((sum, v) => sum + v / logs.length, 0);
  const square = logs.reduce((sum, v) => sum + (v - mean) ** 2 / logs.length, 0);
  return { kind: "log-normal", mean, deviation: Math.sqrt(1 + 2 * square) };
}

/** The kernel with lengthscales that may not fall below a fiftieth of the data's own scale, to be chosen anew. */
export function notShort(kernel: Kernel, usual: Kernel, paths: readonly string[]): Kernel {
  const lower = (path: string) => Math.min(...usual.parameters[path]!.value) / 50;
  const safe = changed(kernel, (parameter, path) => ({
    ...parameter,
    ...(paths.includes(path) && { value: usual.parameters[path]!.value }),
  }));
  return forgotten(paths.reduce((k, path) => bound(k, path, { lower: lower(path) }), safe));
}

/** The kernel with the bounds of these parameters ten times as far off. */
export function widened(kernel: Kernel, paths: readonly string[]): Kernel {
  return changed(kernel, (parameter, path) => {
    const { support } = parameter;
    if (!paths.includes(path) || typeof support === "string") return parameter;
    const { lower, upper } = support;
    const width = upper === undefined ? Math.abs(lower) : upper - lower;
    return {
      ...parameter,
      support: {
        lower: lower > 0 ? lower / 10 : lower - 10 * width,
        ...(upper !== undefined && { upper: upper > 0 ? 10 * upper : upper + 10 * width }),
      },
    };
  });
}
