import { UsageError } from "../errors/index.ts";
import type { Parameters } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { type Key, split } from "../random/index.ts";
import { tangentKernel } from "../tangent/index.ts";
import type { AttentionForm } from "./attention-limit.ts";
import { type Architecture, wideNetwork } from "./wide-network.ts";

export interface MonteCarloOptions {
  /** Units and channels of the hidden layers. */
  readonly width: number;
  /** Networks that are drawn. */
  readonly draws: number;
  readonly key: Key;
  /** The form of attention layers, as given to `infinite`. */
  readonly attention?: AttentionForm;
}

/** A mean over draws, entry by entry, and its standard error (NaN of a single draw, which says nothing of it). */
export interface MatrixEstimate {
  readonly mean: Matrix;
  readonly standardError: Matrix;
}

/**
 * Both kernels estimated from random finite networks: the tangent kernel is each network's own, the NNGP its last
 * layer's share of it, the covariance given all other weights. Their errors fall as 1/√width and 1/√draws; the mean over
 * ever more draws keeps a bias of order 1/width. `parameters` are the limit's.
 */
export function monteCarloKernels(
  net: Architecture,
  parameters: Parameters,
  { width, draws, key, attention }: MonteCarloOptions,
  x: Matrix,
  z?: Matrix,
): { readonly nngp: MatrixEstimate; readonly ntk: MatrixEstimate } {
  if (!(Number.isInteger(draws) && draws >= 1)) {
    throw new UsageError(`monteCarloKernels: draws is a whole number from 1, got ${draws}`);
  }
  const [nngp, ntk] = [moments(), moments()];
  for (let d = 0; d < draws; d++) {
    const wide = wideNetwork(net, parameters, width, split(key, d), attention);
    // Norms' scales and shifts are weights of finite networks alone.
    const weighted = wide.layers.flatMap(({ definition }, i) =>
      definition.kind === "dense" || definition.kind === "conv2d" ? [i] : [],
    );
    const shares = tangentKernel(wide, { layers: weighted }).shares(x, z);
    const last = shares.at(-1)!;
    nngp.add(last.data);
    const whole = new Float64Array(last.data.length);
    for (const { data } of shares) for (let k = 0; k < whole.length; k++) whole[k]! += data[k]!;
    ntk.add(whole);
  }
  const estimate = ({ mean, error }: ReturnType<typeof moments>): MatrixEstimate => ({
    mean: matrix(x.rows, (z ?? x).rows, mean()),
    standardError: matrix(x.rows, (z ?? x).rows, error()),
  });
  return { nngp: estimate(nngp), ntk: estimate(ntk) };
}

/** Means and their standard errors of arrays given one after the other (Welford 1962). */
function moments() {
  let count = 0;
  let mean = new Float64Array(0);
  let squares = new Float64Array(0);
  return {
    add(values: Float64Array): void {
      if (count++ === 0) {
        mean = new Float64Array(values.length);
        squares = new Float64Array(values.length);
      }
      for (let k = 0; k < values.length; k++) {
        const gap = values[k]! - mean[k]!;
        mean[k]! += gap / count;
        squares[k]! += gap * (values[k]! - mean[k]!);
      }
    },
    mean: (): Float64Array => mean,
    error: (): Float64Array => squares.map((v) => Math.sqrt(v / (count - 1) / count)),
  };
}
