import { UsageError } from "../errors/index.ts";
import { eigh, type Fn, type Matrix, multiply, reshape, subtract } from "../linalg/index.ts";
import type { Network } from "../networks/index.ts";
import { tangentKernel } from "../tangent/index.ts";
import type { TrainingDynamics } from "./training-dynamics.ts";

/** One eigenvector of the first tangent kernel at the examples, and when training learned it. */
export interface LearnedMode {
  readonly eigenvalue: number;
  /** Share of the first residual's square that lies along it. */
  readonly share: number;
  /** What is left of the residual along it at each record, as a share of what there was: of the network, … */
  readonly actual: Float64Array;
  /** … and of its linearisation: (1 − η′ λ)^t, η′ the learning rate times 2 / (n·outputs). */
  readonly linearised: Float64Array;
  /** The first recorded step at which no more than half was left; undefined when there was none. */
  readonly learnedAt: number | undefined;
}

/**
 * Which eigenfunctions of the tangent kernel are learned when: the residual f_t(X) − y along each of the `count` leading
 * eigenvectors of Θ₀, largest eigenvalue first. Of squared error only. Throws UsageError where outputs and targets are
 * not numbers of one shape.
 */
export function learnedModes(
  { gram, examples, records }: TrainingDynamics,
  count = 8,
): readonly LearnedMode[] {
  const { y } = examples;
  const first = records[0];
  if (first?.step !== 0) throw new UsageError("learnedModes: step 0 should be among the records");
  if (y.data.length !== gram.rows) {
    throw new UsageError("learnedModes: squared error only, with a target for each output");
  }
  const { values, vectors } = eigh(gram);
  const n = gram.rows;
  const along = (f: Matrix) => multiply(vectors, reshape(subtract(f, y), n, 1), { a: true }).data;
  const start = along(first.actual.atExamples);
  const total = start.reduce((sum, v) => sum + v * v, 0);
  const actual = records.map((r) => along(r.actual.atExamples));
  const linearised = records.map((r) => along(r.linearised.atExamples));
  return Array.from({ length: Math.min(count, n) }, (_, i) => {
    const mode = n - 1 - i;
    const left = (steps: readonly Float64Array[]) => Float64Array.from(steps, (c) => c[mode]! / start[mode]!);
    const shares = left(actual);
    const at = shares.findIndex((s) => Math.abs(s) <= 0.5);
    return {
      eigenvalue: values[mode]!,
      share: start[mode]! ** 2 / total,
      actual: shares,
      linearised: left(linearised),
      learnedAt: records[at]?.step,
    };
  });
}

/**
 * Eigenfunctions of a network's tangent kernel over examples (n × inputs), of one output: φ_i(·) = √n k(·, X) v_i / λ_i,
 * which is √n v_i at the examples (Nyström), so that its mean square there is 1. Largest eigenvalue first.
 */
export function eigenfunctions(net: Network, x: Matrix, count: number): readonly Fn[] {
  if (net.outputs !== 1)
    throw new UsageError(`eigenfunctions: of one output, the network has ${net.outputs}`);
  const kernel = tangentKernel(net);
  const { values, vectors } = eigh(kernel.gram(x));
  const n = x.rows;
  return Array.from({ length: Math.min(count, n) }, (_, i) => {
    const mode = n - 1 - i;
    const gain = Math.sqrt(n) / values[mode]!;
    const coefficients = {
      rows: n,
      cols: 1,
      data: Float64Array.from({ length: n }, (_v, k) => gain * vectors.data[k * n + mode]!),
    };
    return {
      inputs: net.inputs,
      outputs: 1,
      at: (points) => multiply(kernel.cross(points, x), coefficients),
    };
  });
}
