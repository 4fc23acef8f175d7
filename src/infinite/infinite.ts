import { engine, type Block as Place } from "../engine/index.ts";
import { type Gradient, type Kernel, type Parameters, positive } from "../kernels/index.ts";
import { expectShape, type Matrix, matrix, rowRange } from "../linalg/index.ts";
import type { AttentionForm } from "./attention-limit.ts";
import { inputState, type Side, sideOf } from "./input-state.ts";
import { barOf, type LimitPlan, planLimit } from "./limit-plan.ts";
import { type Architecture, drawnFunction } from "./wide-network.ts";

/** A network of infinite width, as two kernels that share their parameters. */
export interface InfiniteNetwork {
  /** The covariance of the outputs over random weights: the network at initialisation is a GP (Neal 1996; Lee et al. 2018). */
  readonly nngp: Kernel;
  /** The tangent kernel, which stays as it is through training (Jacot et al. 2018). */
  readonly ntk: Kernel;
  /** Both at once: k(X, Z), z left out for X itself. */
  both(x: Matrix, z?: Matrix): { readonly nngp: Matrix; readonly ntk: Matrix };
}

export interface InfiniteOptions {
  /** Variance of each layer's weights, times its fan-in; 2 unless given. An array has one for each layer with weights. */
  readonly weightVariance?: number | readonly number[];
  /** Variance of its biases; 0.01 unless given. */
  readonly biasVariance?: number | readonly number[];
  /** Of attention, the variance of its queries' weights times that of its keys'; 1 unless given. */
  readonly scoreVariance?: number;
  /** What attention layers become; without it they are refused. */
  readonly attention?: AttentionForm;
}

/**
 * The infinite-width limit of a network's own definition, in the NTK parametrisation: its widths and weights do not
 * matter (but for their proportion where branches are concatenated), its layers and their wiring do. Dense layers,
 * convolutions, average pools, attention in the forms that have a limit, sums, products and concatenations of branches,
 * layer normalisation and every activation have limits; dropout is what it is when a network is asked, nothing. Images
 * are [channels, height, width], all else has its features last. Of several outputs each has the same kernel. Parameters
 * are the variances "weight.0", "bias.0", "weight.2", … by the layer's position, and "scores.3" of attention. Throws
 * UsageError for a layer without a limit, naming it.
 */
export function infinite(net: Architecture, options: InfiniteOptions = {}): InfiniteNetwork {
  const plan = planLimit(net, options.attention);
  const { weightVariance = 2, biasVariance = 0.01, scoreVariance = 1 } = options;
  const at = (given: number | readonly number[], l: number, usual: number) =>
    typeof given === "number" ? given : (given[l] ?? usual);
  const parameters: Parameters = Object.fromEntries(
    plan.variances.flatMap(([i, names], l) =>
      names.map((name) => {
        const values = {
          weight: at(weightVariance, l, 2),
          bias: at(biasVariance, l, 0.01),
          scores: scoreVariance,
        };
        const path = `${name}.${i}`;
        return [path, positive(path, values[name as keyof typeof values])] as const;
      }),
    ),
  );
  return infiniteOf(net, plan, parameters, options.attention);
}

// Covariances that a layer holds at a time: a block of points is computed layer by layer while it is in the cache.
const covariancesAtATime = 2 ** 16;

type Wanted = "nngp" | "ntk" | "both";

function infiniteOf(
  net: Architecture,
  plan: LimitPlan,
  parameters: Parameters,
  attention: AttentionForm | undefined,
): InfiniteNetwork {
  const variance = (name: string, layer: number) => parameters[`${name}.${layer}`]?.value[0] ?? 0;
  const side = Math.max(1, Math.floor(Math.sqrt(covariancesAtATime / plan.covariancesPerPair)));
  const blocks = (x: Matrix): readonly Block[] => {
    // Blocks of nearly one size.
    const count = Math.max(1, Math.ceil(x.rows / side));
    return Array.from({ length: count }, (_, b) => {
      const [from, to] = [Math.floor((b * x.rows) / count), Math.floor(((b + 1) * x.rows) / count)];
      return { from, side: sideOf(rowRange(x, from, to), plan.input) };
    });
  };
  const inputOf = (wanted: Wanted, x: Side, z?: Side) =>
    inputState(plan.input, plan.fullInput, wanted !== "nngp", x, z);
  const eachBlock = (x: Matrix, z: Matrix, visit: (rows: Block, cols: Block) => void): void => {
    const rows = blocks(x);
    const cols = z === x ? rows : blocks(z);
    rows.forEach((row, a) => {
      cols.forEach((col, b) => {
        if (z !== x || b <= a) visit(row, col);
      });
    });
  };
  const check = (x: Matrix, z: Matrix) => {
    expectShape(x, "x", undefined, net.inputs);
    expectShape(z, "z", undefined, net.inputs);
  };
  const kernels = (wanted: Wanted, x: Matrix, z: Matrix) => {
    check(x, z);
    const nngp = matrix(x.rows, z.rows);
    const ntk = wanted === "nngp" ? nngp : matrix(x.rows, z.rows);
    if (plan.chain) {
      const rows = sideOf(x, plan.input);
      const cols = z === x ? rows : sideOf(z, plan.input);
      const onRows = plan.chain.bends(rows, variance);
      const onCols = z === x ? onRows : plan.chain.bends(cols, variance);
      const chain = plan.chain.steps(variance, onRows, onCols);
      const whole = ({ data, cols: stride }: Matrix): Place => ({ data, offset: 0, stride });
      const points = ({ points: count, ...side }: Side) => ({ count, ...side });
      engine().wideKernels(
        chain,
        points(rows),
        z === x ? undefined : points(cols),
        whole(nngp),
        wanted === "nngp" ? undefined : whole(ntk),
      );
      return { nngp, ntk };
    }
    eachBlock(x, z, (row, col) => {
      const state = plan.forward(inputOf(wanted, row.side, col.side), variance);
      place(state.nngp, row, col, nngp, z === x);
      if (state.ntk) place(state.ntk, row, col, ntk, z === x);
    });
    return { nngp, ntk };
  };
  const gradientOf = (which: "nngp" | "ntk", x: Matrix, z: Matrix, bar: Matrix): Gradient => {
    check(x, z);
    expectShape(bar, "bar", x.rows, z.rows);
    const sums = new Map<string, number>();
    eachBlock(x, z, (row, col) => {
      // Off the diagonal of a symmetric matrix a block stands for its mirror image too.
      const part = blockOf(bar, row, col, z === x && row !== col ? 2 : 1);
      const slopes = plan.backward(inputOf(which, row.side, col.side), variance, (last) =>
        barOf(last, which, part),
      );
      for (const [path, slope] of slopes) sums.set(path, (sums.get(path) ?? 0) + slope);
    });
    return Object.fromEntries(
      Object.keys(parameters).map((path) => [path, Float64Array.of(sums.get(path) ?? 0)]),
    );
  };
  const kernel = (which: "nngp" | "ntk"): Kernel => ({
    outputs: 1,
    inputs: net.inputs,
    parameters,
    with: (next) => infiniteOf(net, plan, next, attention)[which],
    gram: (x) => kernels(which, x, x)[which],
    cross: (x, z) => kernels(which, x, z)[which],
    diagonal(x) {
      check(x, x);
      const out = new Float64Array(x.rows);
      for (const { from, side: points } of blocks(x)) {
        const last = plan.forward(inputOf(which, points), variance);
        out.set(which === "nngp" ? last.nngp : last.ntk!, from);
      }
      return out;
    },
    pullback: (x, z, bar) => gradientOf(which, x, z ?? x, bar),
    path: (key) => drawnFunction(net, parameters, which, key, attention),
  });
  return {
    nngp: kernel("nngp"),
    ntk: kernel("ntk"),
    both: (x, z = x) => kernels("both", x, z),
  };
}

/** Some of the points, from a row on. */
interface Block {
  readonly from: number;
  readonly side: Side;
}

function place(values: Float64Array, row: Block, col: Block, out: Matrix, mirrored: boolean): void {
  const [rows, cols] = [row.side.points, col.side.points];
  for (let i = 0; i < rows; i++) {
    out.data.set(values.subarray(i * cols, (i + 1) * cols), (row.from + i) * out.cols + col.from);
  }
  if (!mirrored) return;
  for (let j = 0; j < cols; j++) {
    const to = (col.from + j) * out.cols + row.from;
    // Of a block on the diagonal the lower triangle is taken for both.
    for (let i = row === col ? j : 0; i < rows; i++) out.data[to + i] = values[i * cols + j]!;
  }
}

function blockOf(a: Matrix, row: Block, col: Block, factor: number): Float64Array {
  const [rows, cols] = [row.side.points, col.side.points];
  const out = new Float64Array(rows * cols);
  for (let i = 0, k = 0; i < rows; i++) {
    const from = (row.from + i) * a.cols + col.from;
    for (let j = 0; j < cols; j++, k++) out[k] = factor * a.data[from + j]!;
  }
  return out;
}
