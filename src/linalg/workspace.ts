// One array lent out again and again: pages that the system hands out anew cost more than most of what is computed
// in them. It is held weakly, so that it goes when memory is short.
let spare: WeakRef<Float64Array> | undefined;

/** An array of this length with whatever numbers are in it. Who has done with it may `giveBack` it. */
export function borrow(length: number): Float64Array {
  const kept = spare?.deref();
  spare = undefined;
  return kept?.length === length ? kept : new Float64Array(length);
}

/** Lends the array out again: nothing may refer to it any more. */
export function giveBack(array: Float64Array): void {
  spare = new WeakRef(array);
}
