import { ShapeError } from "../../errors/index.ts";
import type { Kernel } from "../../kernels/index.ts";
import { expectShape, type Matrix } from "../../linalg/index.ts";
import { kernelTerms } from "./kernel-terms.ts";
import type { Expectations, Latents } from "./latents.ts";
import { linearExpectations } from "./linear-expectations.ts";
import { rbfExpectations } from "./rbf-expectations.ts";
import { sumExpectations } from "./sum-expectations.ts";

/**
 * The expectations of an `rbf` or a `linear` kernel, one lengthscale or variance a latent dimension or one for all, or
 * of one of each added. Throws UsageError for any other kernel: its expectations have no closed form here.
 */
export function expectations(kernel: Kernel, latents: Latents, inducing: Matrix): Expectations {
  expectShape(latents.variance, "the latents' variances", latents.mean.rows, latents.mean.cols);
  expectShape(inducing, "the inducing inputs", undefined, latents.mean.cols);
  if (kernel.inputs !== undefined && kernel.inputs !== latents.mean.cols) {
    throw new ShapeError(`the kernel takes ${kernel.inputs} columns, the latents have ${latents.mean.cols}`);
  }
  const terms = kernelTerms(kernel);
  const [rbf, linear] = (["rbf", "linear"] as const).map((kind) => terms.find((term) => term.kind === kind));
  if (rbf && linear) {
    return sumExpectations([rbf.prefix, rbf.kernel], [linear.prefix, linear.kernel], latents, inducing);
  }
  const alone = terms[0]!.kernel.parameters;
  return rbf ? rbfExpectations(alone, latents, inducing) : linearExpectations(alone, latents, inducing);
}
