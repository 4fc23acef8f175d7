/**
 * The indices of the `count` largest of n scores, in no order: Hoare's selection (Knuth, The Art of Computer Programming
 * vol. 3, exercise 5.2.2–31), O(n) on average.
 */
export function largestOf(scores: Float64Array, count: number): Int32Array {
  const order = Int32Array.from(scores, (_, i) => i);
  if (count >= order.length) return order;
  let [low, high] = [0, order.length - 1];
  while (low < high) {
    const pivot = scores[order[(low + high) >> 1]!]!;
    let [i, j] = [low, high];
    while (i <= j) {
      while (scores[order[i]!]! > pivot) i++;
      while (scores[order[j]!]! < pivot) j--;
      if (i > j) break;
      [order[i], order[j]] = [order[j]!, order[i]!];
      i++;
      j--;
    }
    if (count - 1 <= j) high = j;
    else if (count - 1 >= i) low = i;
    else break;
  }
  return order.slice(0, count);
}
