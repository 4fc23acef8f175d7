import { UsageError } from "../errors/index.ts";
import { type Kernel, rbf } from "../kernels/index.ts";
import { compose, type DeepProcess } from "./compose.ts";
import { gpLayer } from "./layer.ts";

export interface StackOptions {
  /** Gaussian processes one upon the other; 1 is a sparse Gaussian process. 2 unless given. */
  readonly layers?: number;
  /** Of hidden layers. As many functions as there are inputs unless given, 30 at most. */
  readonly width?: number;
  /** 1 unless given. */
  readonly outputs?: number;
  /** Of each layer, given its columns. An RBF with a lengthscale a column unless given. */
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
  const { kernel = (columns: number) => rbf({ ard: columns }) } = options;
  if (!Number.isInteger(layers) || layers < 1) {
    throw new UsageError(`layers is a whole number of at least 1, got ${layers}`);
  }
  return compose(
    ...Array.from({ length: layers }, (_, l) => {
      const first = l === 0;
      const own = first ? inputs : width;
      const direct = skip && !first;
      return gpLayer(kernel(own + (direct ? inputs : 0)), {
        inputs: own,
        skip: direct,
        ...(l < layers - 1 ? { width, mean: "linear" } : { width: outputs }),
      });
    }),
  );
}
