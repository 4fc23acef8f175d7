import { type Matrix, multiply } from "../../linalg/index.ts";
import type { Node, Tape } from "../tape.ts";

/** op(a) op(b), each transposed on request. */
export function times(
  tape: Tape,
  a: Node,
  b: Node,
  transposed: { readonly a?: boolean; readonly b?: boolean } = {},
): Node {
  const { a: ta = false, b: tb = false } = transposed;
  return tape.record(multiply(a.value, b.value, transposed), [a, b], (bar, [ofA, ofB]) => [
    ofA ? pullFirst(bar, b.value, ta, tb) : undefined,
    ofB ? pullSecond(bar, a.value, ta, tb) : undefined,
  ]);
}

/** C = op(A) op(B): Ā = C̄ op(B)ᵀ, transposed again where A was. */
function pullFirst(bar: Matrix, b: Matrix, ta: boolean, tb: boolean): Matrix {
  return ta ? multiply(b, bar, { a: tb, b: true }) : multiply(bar, b, { b: !tb });
}

/** B̄ = op(A)ᵀ C̄. */
function pullSecond(bar: Matrix, a: Matrix, ta: boolean, tb: boolean): Matrix {
  return tb ? multiply(bar, a, { a: true, b: ta }) : multiply(a, bar, { a: !ta });
}
