import { UsageError } from "../errors/index.ts";
import { type Gradient, type Kernel, type Parameters, positive } from "../kernels/index.ts";
import { dot, expectShape, type Fn, type Matrix, matrix } from "../linalg/index.ts";
import { type Network, parameterCount } from "../networks/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import { type AnchoredParts, anchoredParts, anchoredTangent } from "./anchored.ts";
import { contract, contractDiagonal } from "./contraction.ts";
import { contraction, type TangentOutputs } from "./contraction-sides.ts";
import { tangentFn } from "./jacobian.ts";
import { type Span, selectSpans, type TangentLayers } from "./selection.ts";

/** One scale for the whole tangent kernel, or one for each layer whose weights move. */
export type Scales = "shared" | "layer";

export interface TangentKernelOptions {
  /**
   * "full" unless given: the outputs with all their covariances. "trace": their sum Σ_p k_pp, a kernel of one output
   * that costs little more than a single output's. "independent": k_pp for each output and 0 between outputs.
   */
  readonly outputs?: TangentOutputs;
  /** Which weights move: "all" unless given. */
  readonly layers?: TangentLayers;
  /** "shared" unless given. */
  readonly scales?: Scales;
}

/**
 * The kernel of a trained network, k(x, x′) = Σ_l s_l J_l(x) J_l(x′)ᵀ, with J_l the Jacobian of the outputs in the
 * weights of layer l (Maddox et al. 2021). Each layer's share is found by contraction (Novak et al. 2022); the
 * n × p Jacobian is never formed. Its parameters are the scales: "scale", or "scale.0", "scale.2", … by position.
 */
export interface TangentKernel extends Kernel {
  readonly network: Network;
  readonly options: Required<TangentKernelOptions>;
  readonly scales: Scales;
  /** The weights that move, layer by layer: the order of `layers`, `shares` and `layerScales`. */
  readonly spans: readonly Span[];
  /** Positions in the network of those layers. */
  readonly layers: readonly number[];
  /** s_l of each of those layers. */
  readonly layerScales: Float64Array;
  with(parameters: Parameters): TangentKernel;
  /** J_l(x) J_l(z)ᵀ of each layer, unscaled; z is x when left out. */
  shares(x: Matrix, z?: Matrix): readonly Matrix[];
  /** Beside points z the part of each of its parameters, with scale 1; see `Kernel.anchored`. Of "full" outputs alone. */
  anchoredShares?(z: Matrix): AnchoredParts | undefined;
  /** The part of the Gram, or cross matrix, that can differ from 0: one n × m matrix for each independent output. */
  grams(x: Matrix, z?: Matrix): readonly Matrix[];
}

/** k_DNN of a network; see TangentKernel. Throws UsageError where no weights would move. */
export function tangentKernel(net: Network, options: TangentKernelOptions = {}): TangentKernel {
  const { outputs = "full", layers = "all", scales = "shared" } = options;
  const spans = selectSpans(net, layers);
  const one = (name: string): [string, Parameters[string]] => [name, positive(name, 1)];
  const names = scales === "shared" ? ["scale"] : spans.map(({ index }) => `scale.${index}`);
  return tangentKernelOf(net, { outputs, layers, scales }, spans, Object.fromEntries(names.map(one)));
}

function tangentKernelOf(
  net: Network,
  options: Required<TangentKernelOptions>,
  spans: readonly Span[],
  parameters: Parameters,
): TangentKernel {
  const { outputs: kind, scales } = options;
  const shared = scales === "shared";
  const layerScales = Float64Array.from(spans, ({ index }) => {
    const scale = parameters[shared ? "scale" : `scale.${index}`];
    if (!scale)
      throw new UsageError(
        `a tangent kernel with ${scales} scales needs "scale${shared ? "" : `.${index}`}"`,
      );
    return scale.value[0]!;
  });
  const outputs = kind === "trace" ? 1 : net.outputs;
  const perPoint = kind === "full" ? outputs : 1;
  const plan = contraction(net, spans, kind);

  const blank = (x: Matrix, z: Matrix) =>
    Array.from({ length: kind === "independent" ? outputs : 1 }, () =>
      matrix(x.rows * perPoint, z.rows * perPoint),
    );
  const grams = (x: Matrix, z?: Matrix): readonly Matrix[] => {
    const outs = blank(x, z ?? x);
    contract(plan, x, z, (l) => ({ scale: layerScales[l]!, outs }));
    return outs;
  };
  const shares = (x: Matrix, z?: Matrix): readonly Matrix[] => {
    const parts = spans.map(() => blank(x, z ?? x));
    contract(plan, x, z === x ? undefined : z, (l) => ({ scale: 1, outs: parts[l]! }));
    return parts.map(assemble);
  };

  const kernel: TangentKernel = {
    outputs,
    inputs: net.inputs,
    network: net,
    options,
    scales,
    spans,
    layers: spans.map(({ index }) => index),
    layerScales,
    parameters,
    with: (next) => tangentKernelOf(net, options, spans, next),
    shares,
    grams,
    gram: (x) => assemble(grams(x)),
    cross: (x, z) => assemble(grams(x, z)),
    ...(kind === "full" && {
      anchored: (z: Matrix) => anchoredTangent(plan, layerScales, z),
      anchoredShares: (z: Matrix) =>
        anchoredParts(plan, z, shared ? 1 : spans.length, (l) => ({ part: shared ? 0 : l, scale: 1 })),
    }),
    diagonal: (x) => contractDiagonal(plan, x, layerScales),
    pullback(x, z, bar): Gradient {
      expectShape(bar, "bar", x.rows * outputs, (z ?? x).rows * outputs);
      const slopes = shares(x, z).map((share) => dot(share.data, bar.data));
      if (shared) return { scale: Float64Array.of(slopes.reduce((a, b) => a + b, 0)) };
      return Object.fromEntries(spans.map(({ index }, l) => [`scale.${index}`, Float64Array.of(slopes[l]!)]));
    },
    path(key: Key): Fn {
      // f(x) = J(x) w with w ~ N(0, s): exact, since the kernel has as many features as there are weights.
      const deviations = weightDeviations(kernel);
      const draw = (k: Key) =>
        tangentFn(
          net,
          normal(k, deviations.length).map((z, i) => deviations[i]! * z),
        );
      if (kind === "full") return draw(key);
      // Outputs that move with weights of their own; for the trace their sum.
      const draws = Array.from({ length: net.outputs }, (_, p) => draw(split(key, p)));
      return {
        inputs: net.inputs,
        outputs,
        at(x) {
          const out = matrix(x.rows, outputs);
          draws.forEach((f, p) => {
            const values = f.at(x).data;
            for (let i = 0; i < x.rows; i++) {
              out.data[i * outputs + (outputs === 1 ? 0 : p)]! += values[i * net.outputs + p]!;
            }
          });
          return out;
        },
      };
    },
  };
  return kernel;
}

/** Matrices of independent outputs as one, point-major, zero between outputs; a single matrix as it is. */
function assemble(grams: readonly Matrix[]): Matrix {
  const o = grams.length;
  const first = grams[0]!;
  if (o === 1) return first;
  const out = matrix(first.rows * o, first.cols * o);
  grams.forEach(({ data, rows, cols }, p) => {
    for (let i = 0, k = 0; i < rows; i++) {
      for (let j = 0; j < cols; j++, k++) out.data[(i * o + p) * out.cols + j * o + p] = data[k]!;
    }
  });
  return out;
}

/** √s of every weight of the network, 0 where it does not move, in the order of `flatten`. */
export function weightDeviations({ network, spans, layerScales }: TangentKernel): Float64Array {
  const out = new Float64Array(parameterCount(network));
  spans.forEach(({ place, size }, l) => {
    out.fill(Math.sqrt(layerScales[l]!), place, place + size);
  });
  return out;
}
