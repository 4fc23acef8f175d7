/** L with L Lᵀ = A for a small positive semi-definite A, n × n: columns whose pivot is rounding are left out. */
export function semidefiniteRoot(a: Float64Array, n: number): Float64Array {
  const l = new Float64Array(n * n);
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, a[i * n + i]!);
  for (let j = 0; j < n; j++) {
    let pivot = 0;
    for (let i = j; i < n; i++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= l[i * n + k]! * l[j * n + k]!;
      if (i === j) {
        if (!(sum > 1e-13 * largest)) break;
        pivot = Math.sqrt(sum);
        l[j * n + j] = pivot;
      } else l[i * n + j] = sum / pivot;
    }
  }
  return l;
}
