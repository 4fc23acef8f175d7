import { UsageError } from "../errors/index.ts";
import { type Gradient, type Kernel, type Parameters, positive } from "../kernels/index.ts";
import { dot, expectShape, type Fn, type Matrix, matrix } from "../linalg/index.ts";
import { type Network, weightCount } from "../networks/index.ts";
import { type Key, normal } from "../random/index.ts";
import { tangentFn } from "./jacobian.ts";
import { type TangentSite, tangentSites, weightedLayers } from "./sites.ts";

/** One scale for the whole tangent kernel, or one for each layer with weights. */
export type Scales = "shared" | "layer";

/**
 * The kernel of a trained network, k(x, x′) = Σ_l s_l J_l(x) J_l(x′)ᵀ, with J_l the Jacobian of the outputs in the
 * weights of layer l (Maddox et al. 2021). Each layer's share is found by contraction (Novak et al. 2022); the
 * n × p Jacobian is never formed. Its parameters are the scales: "scale", or "scale.0", "scale.2", … by position.
 */
export interface TangentKernel extends Kernel {
  readonly network: Network;
  readonly scales: Scales;
  /** Positions in the network of the layers that have weights: the order of `shares` and `layerScales`. */
  readonly layers: readonly number[];
  /** s_l of each of those layers. */
  readonly layerScales: Float64Array;
  with(parameters: Parameters): TangentKernel;
  /** J_l(x) J_l(z)ᵀ of each layer, unscaled; z is x when left out. */
  shares(x: Matrix, z?: Matrix): readonly Matrix[];
}

/** k_DNN of a network; see TangentKernel. */
export function tangentKernel(net: Network, scales: Scales = "shared"): TangentKernel {
  const layers = weightedLayers(net);
  if (layers.length === 0) throw new UsageError("tangentKernel: the network has no weights");
  const one = (name: string): [string, Parameters[string]] => [name, positive(name, 1)];
  const names = scales === "shared" ? ["scale"] : layers.map((index) => `scale.${index}`);
  return tangentKernelOf(net, scales, layers, Object.fromEntries(names.map(one)));
}

function tangentKernelOf(
  net: Network,
  scales: Scales,
  layers: readonly number[],
  parameters: Parameters,
): TangentKernel {
  const shared = scales === "shared";
  const layerScales = Float64Array.from(layers, (index) => {
    const scale = parameters[shared ? "scale" : `scale.${index}`];
    if (!scale)
      throw new UsageError(
        `a tangent kernel with ${scales} scales needs "scale${shared ? "" : `.${index}`}"`,
      );
    return scale.value[0]!;
  });
  const outputs = net.outputs;

  const sum = (a: readonly TangentSite[], b: readonly TangentSite[], rows: number, cols: number): Matrix => {
    const out = matrix(rows * outputs, cols * outputs);
    a.forEach((site, l) => {
      site.layer.addTangentGram!(site.side, b[l]!.side, layerScales[l]!, out);
    });
    return out;
  };

  const shares = (x: Matrix, z: Matrix = x): readonly Matrix[] => {
    const a = tangentSites(net, x);
    const b = z === x ? a : tangentSites(net, z);
    return a.map((site, l) => {
      const out = matrix(x.rows * outputs, z.rows * outputs);
      site.layer.addTangentGram!(site.side, b[l]!.side, 1, out);
      return out;
    });
  };

  const kernel: TangentKernel = {
    outputs,
    inputs: net.inputs,
    network: net,
    scales,
    layers,
    layerScales,
    parameters,
    with: (next) => tangentKernelOf(net, scales, layers, next),
    shares,
    gram(x) {
      const sites = tangentSites(net, x);
      return sum(sites, sites, x.rows, x.rows);
    },
    cross: (x, z) => sum(tangentSites(net, x), tangentSites(net, z), x.rows, z.rows),
    diagonal(x) {
      const out = new Float64Array(x.rows * outputs);
      tangentSites(net, x).forEach((site, l) => {
        site.layer.addTangentDiagonal!(site.side, layerScales[l]!, out);
      });
      return out;
    },
    pullback(x, z, bar): Gradient {
      expectShape(bar, "bar", x.rows * outputs, (z ?? x).rows * outputs);
      const slopes = shares(x, z).map((share) => dot(share.data, bar.data));
      if (shared) return { scale: Float64Array.of(slopes.reduce((a, b) => a + b, 0)) };
      return Object.fromEntries(layers.map((index, l) => [`scale.${index}`, Float64Array.of(slopes[l]!)]));
    },
    path(key: Key): Fn {
      // f(x) = J(x) w with w ~ N(0, s): exact, since the kernel has as many features as there are weights.
      const deviations = weightDeviations(kernel);
      return tangentFn(
        net,
        normal(key, deviations.length).map((z, i) => deviations[i]! * z),
      );
    },
  };
  return kernel;
}

/** √s of every weight, in the order of `flatten`: J scaled by it has J diag(s) Jᵀ as its Gram. */
export function weightDeviations({ network, layers, layerScales }: TangentKernel): Float64Array {
  return Float64Array.from(
    layers.flatMap((index, l) => {
      const count = weightCount(network.weights[index]!);
      return new Array<number>(count).fill(Math.sqrt(layerScales[l]!));
    }),
  );
}
