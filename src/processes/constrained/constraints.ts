import { UsageError } from "../../errors/index.ts";

/** What is known of a function beforehand. */
export type Constraint =
  /** Of its direction in one column of the inputs (from 0). */
  | { readonly kind: "increasing" | "decreasing"; readonly column: number }
  /** Of its values, in units of the targets. */
  | { readonly kind: "above" | "below"; readonly value: number };

/** Throws UsageError for constraints that name no column or contradict each other, or where there are none. */
export function expectConstraints(constraints: readonly Constraint[], inputs: number): void {
  if (constraints.length === 0) throw new UsageError("there are no constraints: name one, or fit without");
  const seen = new Set<string>();
  for (const constraint of constraints) {
    const about = isMonotone(constraint) ? `column ${constraint.column}` : constraint.kind;
    if (seen.has(about)) throw new UsageError(`there are two constraints on ${about}: name one`);
    seen.add(about);
    if (isMonotone(constraint)) {
      const { column } = constraint;
      if (!(Number.isInteger(column) && column >= 0 && column < inputs)) {
        throw new UsageError(`a monotone column is from 0 to ${inputs - 1}, got ${column}`);
      }
    } else if (!Number.isFinite(constraint.value)) {
      throw new UsageError(`a bound is a finite number, got ${constraint.value}`);
    }
  }
  const { lower, upper } = boundsOf(constraints);
  if (!(lower < upper)) throw new UsageError(`the lower bound ${lower} is not below the upper one, ${upper}`);
}

export function isMonotone(
  constraint: Constraint,
): constraint is Extract<Constraint, { readonly column: number }> {
  return "column" in constraint;
}

/** 1 where the latent, or its derivative, lies above what it is held against, else −1. */
export function sideOf({ kind }: Constraint): 1 | -1 {
  return kind === "increasing" || kind === "above" ? 1 : -1;
}

/** Between what the function lies; infinite where nothing says. */
export function boundsOf(constraints: readonly Constraint[]): {
  readonly lower: number;
  readonly upper: number;
} {
  const value = (kind: Constraint["kind"], none: number) =>
    constraints.reduce((found, c) => (c.kind === kind && !isMonotone(c) ? c.value : found), none);
  return { lower: value("above", -Infinity), upper: value("below", Infinity) };
}
