import { UsageError } from "../../errors/index.ts";
import type { Kernel, Parameters } from "../../kernels/index.ts";

/** An RBF or linear kernel by itself, or in a sum: then its parameters are named "prefix.…" there. */
export interface KernelTerm {
  readonly kind: "rbf" | "linear";
  /** "" by itself. */
  readonly prefix: string;
  readonly kernel: Kernel;
}

/**
 * The terms of a kernel whose expectations have closed forms here: `rbf`, `linear`, or one of each added. Throws
 * UsageError for any other.
 */
export function kernelTerms(kernel: Kernel): readonly KernelTerm[] {
  const { kind, parts = [] } = kernel.definition ?? {};
  if (kind === "rbf" || kind === "linear") return [{ kind, prefix: "", kernel }];
  const kinds = parts.map((part) => part.definition?.kind);
  if (kind === "sum" && parts.length === 2 && kinds.includes("rbf") && kinds.includes("linear")) {
    return parts.map((part, t) => ({ kind: kinds[t] as KernelTerm["kind"], prefix: `${t}`, kernel: part }));
  }
  throw new UsageError(
    `latent variables need the kernel's expectations in closed form: rbf, linear and their sum have them, ${kind === "sum" ? `a sum of ${kinds.join(", ")}` : (kind ?? "this kernel")} does not`,
  );
}

/** The parameters that are variances: of an RBF's functions or of a plane's slopes. */
export function isVariance(name: string): boolean {
  return name === "variance" || name.endsWith(".variance");
}

/** Parameters with their variances held or as they are. */
export function withHeldVariances(parameters: Parameters): Parameters {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, parameter]) => [
      name,
      isVariance(name) ? { ...parameter, fixed: true } : parameter,
    ]),
  );
}
