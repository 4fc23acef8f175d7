// Not png.ts: it needs Node, and comes as funspace/plot/png.
export * from "./curves.ts";
export * from "./error-by-samples.ts";
export * from "./evidence-surface.ts";
export type { Figure } from "./figure.ts";
export * from "./function-band.ts";
export * from "./gaussian-density.ts";
export * from "./gaussian-ellipse.ts";
export * from "./kernel-matrix.ts";
export * from "./parallel-coordinates.ts";
export * from "./prediction-truth.ts";
export * from "./series-parts.ts";
export * from "./tip-path.ts";
export * from "./training-curve.ts";
