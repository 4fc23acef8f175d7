import { floatsLike, type Tensor } from "../linalg/index.ts";

/** What a removed part's value is put to: 0, its mean over the points, or its value at another point. */
export type Replacement = "zero" | "mean" | "resample";

/** How far a function moves when a part of its network is removed. */
export interface Change {
  /** √ of the mean of ‖f − f without the part‖² over the points: the L2 distance of the two functions. */
  readonly effect: number;
  /** ‖f − f without the part‖² at each point: where in input space the change lies. */
  readonly changes: Float64Array;
}

/** The change of a function that moves by `moved`, n × outputs. */
export function changeOf(moved: Float64Array, n: number): Change {
  const changes = new Float64Array(n);
  const outputs = moved.length / n;
  let sum = 0;
  for (let i = 0, k = 0; i < n; i++) {
    for (let p = 0; p < outputs; p++, k++) changes[i]! += moved[k]! ** 2;
    sum += changes[i]!;
  }
  return { effect: Math.sqrt(sum / n), changes };
}

/** What stands in for a value, [n, …]; `others[i]` is the point whose value point i gets by `resample`. */
export function standIn({ shape, data }: Tensor, replacement: Replacement, others: Int32Array): Tensor {
  const out = floatsLike(data, data.length);
  const n = shape[0]!;
  const size = data.length / n;
  if (replacement === "resample") {
    for (let i = 0; i < n; i++) {
      const from = others[i]! * size;
      for (let k = 0; k < size; k++) out[i * size + k] = data[from + k]!;
    }
  }
  if (replacement === "mean") {
    // Summed in f64, whatever the network's precision.
    const mean = new Float64Array(size);
    for (let i = 0; i < n; i++) for (let k = 0; k < size; k++) mean[k]! += data[i * size + k]! / n;
    for (let i = 0; i < n; i++) out.set(mean, i * size);
  }
  return { shape, data: out };
}
