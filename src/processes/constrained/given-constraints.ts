import type { Gradient } from "../../kernels/index.ts";
import { takeRows } from "../../linalg/index.ts";
import type { LatentMethod } from "../latent/approximation.ts";
import { expectationPropagation } from "../latent/expectation-propagation.ts";

/**
 * Expectation propagation whose evidence is log p(y | constraints) = log p(y, constraints) − log p(constraints), for a
 * likelihood made by `constrained`: of the prior that knows the constraints, as that is the one which stands (constrained
 * maximum likelihood: Bachoc, Lagnoux & López-Lopera 2019). The first term alone prefers priors of which the constraints
 * are likely by themselves, smooth ones, and smoothes too much.
 */
export const givenConstraints: LatentMethod = (model, x, y) => {
  const all = expectationPropagation(model, x, y);
  const virtual = Array.from({ length: y.rows }, (_, i) => i).filter((i) => y.data[i * y.cols + 1] !== 0);
  if (virtual.length === 0) return all;
  const alone = expectationPropagation(model, takeRows(x, virtual), takeRows(y, virtual));
  return {
    ...all,
    logEvidence: all.logEvidence - alone.logEvidence,
    gradient() {
      const [both, before] = [all.gradient(), alone.gradient()];
      return {
        kernel: difference(both.kernel, before.kernel),
        mean: difference(both.mean, before.mean),
        likelihood: difference(both.likelihood, before.likelihood),
      };
    },
  };
};

function difference(a: Gradient, b: Gradient): Gradient {
  return Object.fromEntries(
    Object.entries(a).map(([path, values]) => [path, values.map((v, i) => v - (b[path]?.[i] ?? 0))]),
  );
}
