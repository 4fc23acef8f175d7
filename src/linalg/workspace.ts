// Arrays lent out again and again: pages that the system hands out anew cost more than most of what is computed in them.
// They are held weakly, so that they go when memory is short.
let spare: readonly WeakRef<Float64Array>[] = [];
// As many are kept as one computation has in its hands.
const most = 4;

/** An array of this length with whatever numbers are in it. Who has done with it may `giveBack` it. */
export function borrow(length: number): Float64Array {
  for (const held of spare) {
    const array = held.deref();
    if (array?.length !== length) continue;
    spare = spare.filter((other) => other !== held);
    return array;
  }
  return new Float64Array(length);
}

/** Lends the array out again: nothing may refer to it any more. */
export function giveBack(array: Float64Array): void {
  spare = [new WeakRef(array), ...spare.filter((held) => held.deref())].slice(0, most);
}
