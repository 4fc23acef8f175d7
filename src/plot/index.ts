// Not png.ts: it needs Node, and comes as funspace/plot/png.
export * from "./error-by-samples.ts";
export type { Figure } from "./figure.ts";
export * from "./function-band.ts";
export * from "./prediction-truth.ts";
export * from "./tip-path.ts";
export * from "./training-curve.ts";
