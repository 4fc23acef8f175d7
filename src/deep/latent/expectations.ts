import { ShapeError, UsageError } from "../../errors/index.ts";
import type { Kernel } from "../../kernels/index.ts";
import { expectShape, type Matrix } from "../../linalg/index.ts";
import type { Expectations, Latents } from "./latents.ts";
import { linearExpectations } from "./linear-expectations.ts";
import { rbfExpectations } from "./rbf-expectations.ts";

/**
 * The expectations of an `rbf` or a `linear` kernel, one lengthscale or variance a latent dimension or one for all.
 * Throws UsageError for any other kernel: its expectations have no closed form here.
 */
export function expectations(kernel: Kernel, latents: Latents, inducing: Matrix): Expectations {
  expectShape(latents.variance, "the latents' variances", latents.mean.rows, latents.mean.cols);
  expectShape(inducing, "the inducing inputs", undefined, latents.mean.cols);
  if (kernel.inputs !== undefined && kernel.inputs !== latents.mean.cols) {
    throw new ShapeError(`the kernel takes ${kernel.inputs} columns, the latents have ${latents.mean.cols}`);
  }
  const kind = kernel.definition?.kind;
  if (kind === "rbf") return rbfExpectations(kernel.parameters, latents, inducing);
  if (kind === "linear") return linearExpectations(kernel.parameters, latents, inducing);
  throw new UsageError(
    `latent variables need the kernel's expectations in closed form: rbf and linear have them, ${kind ?? "this kernel"} does not`,
  );
}
