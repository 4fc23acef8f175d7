import { UsageError } from "../errors/index.ts";
import { positive } from "../kernels/index.ts";
import { type Fn, type Matrix, matrix, reshape, subtract } from "../linalg/index.ts";
import { type Network, parameterCount, weightCount } from "../networks/index.ts";
import { columnMeans, constantMean, expectObservations, gp, type Posterior } from "../processes/index.ts";
import { type Scales, type TangentKernel, tangentKernel } from "../tangent/index.ts";
import { evidenceOfFeatures, evidenceOfShares } from "./layer-scales.ts";
import { type FittedScales, noiseSearch, searchScales } from "./scale-search.ts";
import { fitSharedScale, spectrumOfFeatures, spectrumOfGram } from "./shared-scale.ts";
import { conditionInWeightSpace, featureMoments } from "./weight-space.ts";

/** Where the algebra is done: n·outputs square, or parameters square. The answer is the same. */
export type Space = "function" | "weight";

/**
 * What the adapted process falls back to far from the new data: the network, for new data of the task it was trained
 * on; or a constant, for data of another task, where only the network's kernel is worth keeping.
 */
export type MeanChoice = "network" | "constant";

export interface AdaptOptions {
  /** The network unless given; the constant is the mean of y. */
  readonly mean?: MeanChoice;
  /** One scale for the whole kernel, or one a layer. */
  readonly scales?: Scales;
  /** Chosen by size unless given: function space when there are fewer values than parameters. */
  readonly space?: Space;
  /** Known noise variance, in squared units of y; fitted unless given. */
  readonly noiseVariance?: number;
}

/** A trained network that has met new data: a Gaussian process with the network as mean and s · k_DNN as kernel. */
export interface Adaptation {
  readonly network: Network;
  readonly mean: MeanChoice;
  /** k_DNN with the scales that the marginal likelihood chose. */
  readonly kernel: TangentKernel;
  readonly space: Space;
  readonly noiseVariance: number;
  /** log p(y), in nats. */
  readonly logEvidence: number;
  /** p(f | new data). */
  readonly process: Posterior;
}

// Beyond this the dense factorisation would need more than 3 GB.
const largest = 20_000;

/**
 * Adapts a trained network to new data in function space (Maddox, Tang, Moreno, Wilson & Damianou 2021): encodes
 * the trained function as the kernel J(x; w) J(x′; w)ᵀ, chooses its scale (or one a layer) and the noise by
 * marginal likelihood, and conditions the Gaussian process with that kernel and the network as its mean.
 * x is n × inputs, y is n × outputs. Throws ShapeError, NonFiniteError or UsageError for data that do not fit.
 */
export function adapt(
  network: Network,
  data: { readonly x: Matrix; readonly y: Matrix },
  options: AdaptOptions = {},
): Adaptation {
  const { x, y } = data;
  const { scales = "shared", mean = "network", noiseVariance: fixed } = options;
  expectObservations({ x, y, noiseVariance: fixed ?? 1 }, network.inputs, network.outputs);
  if (fixed === 0) throw new UsageError("adapt: noiseVariance should be above 0, or left out to be fitted");
  const space = options.space ?? (y.data.length <= parameterCount(network) ? "function" : "weight");
  const kernel = tangentKernel(network, { scales });
  const fitted = fitScales(kernel, data, meanFn(mean, network, y), space, fixed);
  const parameters = Object.fromEntries(
    Object.keys(kernel.parameters).map((name, l) => [name, positive(name, fitted.scales[l]!)]),
  );
  return conditionTangent(
    kernel.with(parameters),
    { ...data, noiseVariance: fitted.noiseVariance },
    { space, mean },
  );
}

/** The adaptation for scales and noise that are already known: what a saved one is made from again. */
export function conditionTangent(
  kernel: TangentKernel,
  data: { readonly x: Matrix; readonly y: Matrix; readonly noiseVariance: number },
  { space, mean = "network" }: { readonly space: Space; readonly mean?: MeanChoice },
): Adaptation {
  const { network } = kernel;
  const base = meanFn(mean, network, data.y);
  const process =
    space === "function"
      ? gp(kernel, { mean: base }).condition(data)
      : conditionInWeightSpace(kernel, base, [data]);
  const { noiseVariance, logEvidence } = process;
  return { network, mean, kernel, space, noiseVariance, logEvidence, process };
}

function meanFn(mean: MeanChoice, network: Network, y: Matrix): Fn {
  return mean === "network" ? network : constantMean(network.inputs, columnMeans(y));
}

function fitScales(
  kernel: TangentKernel,
  { x, y }: { x: Matrix; y: Matrix },
  mean: Fn,
  space: Space,
  fixed: number | undefined,
): FittedScales {
  const { network } = kernel;
  const residual = subtract(y, mean.at(x));
  const r = reshape(residual, residual.data.length, 1);
  const noise = noiseSearch(r, y, fixed);
  const size = space === "function" ? r.rows : parameterCount(network);
  if (size > largest) {
    throw new UsageError(
      `adapting in ${space} space needs a ${size} × ${size} factorisation, more than ${largest}: give fewer rows or a smaller network`,
    );
  }
  if (space === "function") {
    const shares = kernel.shares(x);
    const shared = fitSharedScale(spectrumOfGram(sum(shares), r), noise);
    if (kernel.scales === "shared") return shared;
    return searchScales(evidenceOfShares(shares, r), layerStarts(shared, shares.length), noise);
  }
  const moments = featureMoments(network, mean, { x, y });
  const shared = fitSharedScale(spectrumOfFeatures(moments.squares, moments.projected, r), noise);
  if (kernel.scales === "shared") return shared;
  const sizes = kernel.layers.map((index) => weightCount(network.weights[index]!));
  return searchScales(evidenceOfFeatures(moments, sizes), layerStarts(shared, sizes.length), noise);
}

function sum(shares: readonly Matrix[]): Matrix {
  const first = shares[0]!;
  const out = matrix(first.rows, first.cols);
  for (const share of shares) {
    for (let i = 0; i < out.data.length; i++) out.data[i]! += share.data[i]!;
  }
  return out;
}

/** The search for one scale a layer starts where one scale for all is best: it can only get better from there. */
function layerStarts(shared: FittedScales, layers: number) {
  return [{ scales: new Float64Array(layers).fill(shared.scales[0]!), noiseVariance: shared.noiseVariance }];
}
