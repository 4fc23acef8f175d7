import type { Weights } from "../../layer.ts";
import type { Writer, WrittenValue } from "../writer.ts";

/** A layer whose tangent is to be written. */
export interface Moved extends WrittenValue {
  /** The tangents of its inputs; undefined where an input does not move. */
  readonly tangents: readonly (string | undefined)[];
  /** The move of its parameters; none where they stay. */
  readonly move: Weights;
}

/** How the tangent of a kind of layer becomes nodes; returns its name, or undefined where nothing moves. */
export type TangentWriter = (to: Writer, layer: Moved) => string | undefined;

/** The sum of those that there are. */
export function plus(to: Writer, ...terms: readonly (string | undefined)[]): string | undefined {
  const there = terms.filter((t) => t !== undefined);
  return there.reduce<string | undefined>(
    (sum, t) => (sum === undefined ? t : to.node("Add", [sum, t])),
    undefined,
  );
}
