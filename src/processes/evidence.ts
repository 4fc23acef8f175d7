import { gradientVector, type Kernel } from "../kernels/index.ts";
import { type Matrix, traceOfBar } from "../linalg/index.ts";
import { invertGram, pullBack } from "./fit/inverted.ts";
import { type ObjectiveName, objectiveNamed } from "./fit/objectives.ts";

/** A value in nats, with its gradient in the kernel's free parameters (`gradientVector`) and, last, log noise variance. */
export interface Evidence {
  readonly value: number;
  readonly gradient: Float64Array;
}

/** The log marginal likelihood of y less its mean (n × outputs) (Rasmussen & Williams 2006, equations 5.8 and 5.9). */
export function logEvidence(kernel: Kernel, noiseVariance: number, x: Matrix, residual: Matrix): Evidence {
  return valued("evidence", kernel, noiseVariance, x, residual);
}

/** Σ_i log p(y_i | all other points), all outputs of a point left out together (equations 5.10–5.13). */
export function logLeaveOneOut(kernel: Kernel, noiseVariance: number, x: Matrix, residual: Matrix): Evidence {
  return valued("leave-one-out", kernel, noiseVariance, x, residual);
}

function valued(
  name: ObjectiveName,
  kernel: Kernel,
  noiseVariance: number,
  x: Matrix,
  residual: Matrix,
): Evidence {
  const inverted = invertGram(kernel, noiseVariance, x, residual.data);
  const { value, gram } = objectiveNamed(name)(inverted, residual.cols);
  // Before the pull-back, which may spend it.
  const trace = traceOfBar(gram);
  const inKernel = gradientVector(kernel.parameters, pullBack(kernel, x, gram));
  return { value, gradient: Float64Array.of(...inKernel, noiseVariance * trace) };
}
