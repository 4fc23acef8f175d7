export * from "./bernoulli.ts";
export * from "./gaussian.ts";
export { heteroscedastic } from "./heteroscedastic.ts";
export * from "./likelihood.ts";
export { classLikelihoodNames, likelihoodNamed, likelihoodNames } from "./named.ts";
export { ordinal } from "./ordinal.ts";
export { poisson } from "./poisson.ts";
export { softmax } from "./softmax.ts";
export { studentT } from "./student-t.ts";
