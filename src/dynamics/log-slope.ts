import { UsageError } from "../errors/index.ts";

/** A power law y ∝ x^slope fitted to measurements. */
export interface LogSlope {
  readonly slope: number;
  /** Of the slope, from the scatter about the line; 0 for two points. */
  readonly standardError: number;
}

/** The least-squares slope of log y against log x; both above 0. */
export function logSlope(points: readonly { readonly x: number; readonly y: number }[]): LogSlope {
  if (points.length < 2 || points.some(({ x, y }) => !(x > 0 && y > 0 && x < Infinity && y < Infinity))) {
    throw new UsageError("logSlope: at least two points are needed, all numbers above 0");
  }
  const n = points.length;
  const xs = points.map(({ x }) => Math.log(x));
  const ys = points.map(({ y }) => Math.log(y));
  const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / n;
  const [mx, my] = [mean(xs), mean(ys)];
  const spread = xs.reduce((sum, x) => sum + (x - mx) ** 2, 0);
  if (spread === 0) throw new UsageError("logSlope: the points stand at one x");
  const slope = xs.reduce((sum, x, i) => sum + (x - mx) * (ys[i]! - my), 0) / spread;
  const scatter = xs.reduce((sum, x, i) => sum + (ys[i]! - my - slope * (x - mx)) ** 2, 0);
  return { slope, standardError: n > 2 ? Math.sqrt(scatter / (n - 2) / spread) : 0 };
}
