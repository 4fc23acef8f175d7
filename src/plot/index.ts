// Not png.ts: it needs Node, and comes as funspace/plot/png.
export * from "./bars.ts";
export * from "./curves.ts";
export * from "./error-by-samples.ts";
export * from "./evidence-surface.ts";
export type { Figure } from "./figure.ts";
export * from "./function-band.ts";
export * from "./function-scatter.ts";
export * from "./gaussian-density.ts";
export * from "./gaussian-ellipse.ts";
export * from "./kernel-matrix.ts";
export * from "./line-panels.ts";
export * from "./parallel-coordinates.ts";
export * from "./prediction-truth.ts";
export * from "./series-parts.ts";
export * from "./similarity-heat-map.ts";
export type { Hue } from "./theme.ts";
export * from "./tip-path.ts";
export * from "./training-curve.ts";
