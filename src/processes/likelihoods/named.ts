import { UsageError } from "../../errors/index.ts";
import { bernoulli } from "./bernoulli.ts";
import { heteroscedastic } from "./heteroscedastic.ts";
import type { Likelihood } from "./likelihood.ts";
import { ordinal } from "./ordinal.ts";
import { poisson } from "./poisson.ts";
import { softmax } from "./softmax.ts";
import { studentT } from "./student-t.ts";

const makers: Readonly<Record<string, (classes: number) => Likelihood>> = {
  bernoulli: () => bernoulli("logit"),
  "bernoulli-probit": () => bernoulli("probit"),
  softmax,
  ordinal: (classes) => ordinal(classes),
  poisson,
  "student-t": () => studentT(),
  heteroscedastic,
};

/** The likelihoods that can be asked for by name, besides the Gaussian, which exact inference is for. */
export const likelihoodNames: readonly string[] = Object.keys(makers);

/** Those whose observations are classes. */
export const classLikelihoodNames: readonly string[] = [
  "bernoulli",
  "bernoulli-probit",
  "softmax",
  "ordinal",
];

/** The likelihood of this name, of so many classes where it has any. Throws UsageError where there is none. */
export function likelihoodNamed(name: string, classes = 2): Likelihood {
  const make = makers[name];
  if (!make) throw new UsageError(`a likelihood is one of ${likelihoodNames.join(", ")}, got "${name}"`);
  if (name.startsWith("bernoulli") && classes !== 2) {
    throw new UsageError(`bernoulli is for two classes, there are ${classes}: take softmax, or ordinal`);
  }
  return make(classes);
}
