import { UsageError } from "../errors/index.ts";
import { expectFinite, expectShape, type Matrix } from "../linalg/index.ts";
import type { Network } from "../networks/index.ts";
import { type Adaptation, type AdaptOptions, adaptBase } from "./adapt.ts";
import { type BaseOptions, baseOf } from "./base.ts";
import { type AdaptedClassifier, adaptClassifierBase, type ClassifierOptions } from "./classify.ts";

/** A network prepared for examples: what depends on x alone is computed once, for as many tasks as there are. */
export interface Prepared {
  readonly network: Network;
  readonly x: Matrix;
  /** See `adapt`. y is n × outputs. */
  adapt(y: Matrix, options?: Omit<AdaptOptions, keyof BaseOptions>): Adaptation;
  /** See `adaptClassifier`; with `fineTune: false` there is no training, of which nothing can be prepared. */
  adaptClassifier(
    labels: ArrayLike<number>,
    options?: Omit<ClassifierOptions, keyof BaseOptions>,
  ): AdaptedClassifier;
}

/**
 * Prepares a network for many tasks on the same examples x (n × inputs), the setting of multi-task adaptation (Maddox et
 * al. 2021): the tangent kernel, its eigenvectors and the network's outputs are computed when first needed and kept.
 */
export function prepare(network: Network, x: Matrix, options: BaseOptions = {}): Prepared {
  expectShape(x, "x", undefined, network.inputs);
  expectFinite(x, "x");
  if (x.rows === 0) throw new UsageError("prepare: there are no examples");
  const base = baseOf(network, x, options);
  return {
    network,
    x,
    adapt: (y, task = {}) => adaptBase(base, y, task),
    adaptClassifier: (labels, task = {}) => adaptClassifierBase(base, labels, task),
  };
}
