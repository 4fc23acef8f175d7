import { UsageError } from "../errors/index.ts";
import { type Kernel, matern12, rbf, sum } from "../kernels/index.ts";
import { compose, type DeepProcess } from "./compose.ts";
import { gpLayer } from "./layer.ts";

export interface StackOptions {
  /** Gaussian processes one upon the other; 1 is a sparse Gaussian process. 2 unless given. */
  readonly layers?: number;
  /** Of hidden layers. As many functions as there are inputs unless given, 30 at most. */
  readonly width?: number;
  /** 1 unless given. */
  readonly outputs?: number;
  /**
   * Of each layer, given its columns. An RBF with a lengthscale a column unless given; a hidden layer of one column has a
   * Matérn 1/2 beside it, so that its warp may jump.
   */
  readonly kernel?: (columns: number) => Kernel;
  /** Whether hidden layers and the last see the input too. false unless given. */
  readonly skip?: boolean;
}

/**
 * The deep process to begin with (Salimbeni & Deisenroth 2017, section 4): hidden layers with linear means, principal
 * components where they are narrower than what they see, and a last layer of zero mean, for targets that are centred.
 */
export function deepStack(inputs: number, options: StackOptions = {}): DeepProcess {
  const { layers = 2, width = Math.min(inputs, 30), outputs = 1, skip = false } = options;
  const smooth = (columns: number) => rbf({ ard: columns });
  const { kernel: last = smooth, kernel: hidden = warping } = options;
  if (!Number.isInteger(layers) || layers < 1) {
    throw new UsageError(`layers is a whole number of at least 1, got ${layers}`);
  }
  return compose(
    ...Array.from({ length: layers }, (_, l) => {
      const first = l === 0;
      const own = first ? inputs : width;
      const direct = skip && !first;
      const columns = own + (direct ? inputs : 0);
      const seen = { inputs: own, skip: direct };
      return l < layers - 1
        ? gpLayer(hidden(columns), { ...seen, width, mean: "linear" })
        : gpLayer(last(columns), { ...seen, width: outputs });
    }),
  );
}

/**
 * Smooth kernels charge a warp for a jump, and it swings over on either side of it. Over several columns the rough part
 * gains nothing (measured on UCI sets), and costs steps to be rid of.
 */
function warping(columns: number): Kernel {
  const smooth = rbf({ ard: columns });
  return columns === 1 ? sum(smooth, matern12({ ard: columns })) : smooth;
}
