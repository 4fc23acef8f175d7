import type { Likelihood } from "../processes/index.ts";
import type { FittedLayer } from "./sparse-layer.ts";

/** A deep process with its variational posterior, and how its values are seen. */
export interface DeepModel {
  readonly layers: readonly FittedLayer[];
  readonly likelihood: Likelihood;
}
