import { arcCosine } from "./arc-cosine.ts";
import { brownian } from "./brownian.ts";
import { categorical } from "./categorical.ts";
import { constant } from "./constant.ts";
import { coregion } from "./coregion.ts";
import { cosine } from "./cosine.ts";
import { gibbs } from "./gibbs.ts";
import type { Kernel } from "./kernel.ts";
import { linear } from "./linear.ts";
import { matern12, matern32, matern52 } from "./matern.ts";
import { periodic } from "./periodic.ts";
import { polynomial } from "./polynomial.ts";
import { rationalQuadratic } from "./rational-quadratic.ts";
import { rbf } from "./rbf.ts";
import { spectralMixture } from "./spectral-mixture.ts";
import { white } from "./white.ts";

export type { ArcCosineOptions } from "./arc-cosine.ts";
export type { BrownianOptions } from "./brownian.ts";
export type { ConstantOptions } from "./constant.ts";
export type { CoregionOptions } from "./coregion.ts";
export type { CosineOptions } from "./cosine.ts";
export type { GibbsOptions } from "./gibbs.ts";
export type { LinearOptions } from "./linear.ts";
export type { PeriodicOptions } from "./periodic.ts";
export type { PolynomialOptions } from "./polynomial.ts";
export type { RationalQuadraticOptions } from "./rational-quadratic.ts";
export type { SpectralMixtureOptions } from "./spectral-mixture.ts";
export type { StationaryOptions } from "./stationary.ts";
export type { WhiteOptions } from "./white.ts";
export {
  arcCosine,
  brownian,
  categorical,
  constant,
  coregion,
  cosine,
  gibbs,
  linear,
  matern12,
  matern32,
  matern52,
  periodic,
  polynomial,
  rationalQuadratic,
  rbf,
  spectralMixture,
  white,
};

/** One family in the text form: what makes it, and the options that may be written. */
export interface Family {
  make(options: Readonly<Record<string, number | readonly number[]>>): Kernel;
  readonly options: readonly string[];
}

function family<O extends object>(
  make: (options?: O) => Kernel,
  ...options: readonly (keyof O & string)[]
): Family {
  return { make: (given) => make(given as O), options };
}

const stationary = ["lengthscale", "variance", "ard"] as const;

/** Every family by its name in the text form. */
export const families: Readonly<Record<string, Family>> = {
  rbf: family(rbf, ...stationary),
  matern12: family(matern12, ...stationary),
  matern32: family(matern32, ...stationary),
  matern52: family(matern52, ...stationary),
  rationalQuadratic: family(rationalQuadratic, ...stationary, "alpha"),
  periodic: family(periodic, ...stationary, "period"),
  cosine: family(cosine, "period", "variance", "ard"),
  spectralMixture: family(spectralMixture, "components", "weight", "frequency", "bandwidth", "ard"),
  linear: family(linear, "variance", "ard"),
  polynomial: family(polynomial, "degree", "variance", "offset", "ard"),
  arcCosine: family(arcCosine, "order", "weightVariance", "biasVariance", "variance", "ard"),
  constant: family(constant, "variance"),
  white: family(white, "variance"),
  brownian: family(brownian, "variance"),
  gibbs: family(gibbs, "variance", "weight", "bias", "centre", "ard"),
  coregion: family(coregion, "levels", "rank", "weight", "diagonal"),
  categorical: family(categorical, ...stationary),
};
