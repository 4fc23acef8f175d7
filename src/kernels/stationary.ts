import type { KernelMap } from "../engine/index.ts";
import { expectShape, type LowerBar, type Matrix, matrix } from "../linalg/index.ts";
import type { Key } from "../random/index.ts";
import { columnsNeeded, perColumn, perValue } from "./columns.ts";
import { featurePath, waves } from "./features.ts";
import { stationaryJet, tangentsOf } from "./jet.ts";
import type { BothGradients, Kernel } from "./kernel.ts";
import { pairwise, pairwiseLower, pairwiseMultiply, pairwisePullback, pairwiseSlopes } from "./pairwise.ts";
import { type Gradient, type Parameters, positive, setUnset, unlessGiven } from "./parameters.ts";
import { typicalDistances } from "./scale-of-data.ts";

export interface StationaryOptions {
  /** In units of the inputs; one for all columns, or one a column (ARD). 1 unless given. */
  readonly lengthscale?: number | ArrayLike<number>;
  /** Prior variance of the function at any point, in squared units of the outputs. 1 unless given. */
  readonly variance?: number;
  /** As many lengthscales as this, one a column, all starting alike. */
  readonly ard?: number;
}

/**
 * variance · f(‖p(x) − p(x′)‖²): what all stationary kernels here have in common. A family says its map f, how it
 * places points, and how to draw from its spectral density.
 */
export interface Stationary {
  readonly kind: string;
  /** "variance", the placement's, and the map's own. */
  readonly parameters: Parameters;
  with(parameters: Parameters): Kernel;
  /** The engine's name for f; its α is the parameter "alpha". */
  readonly map: KernelMap;
  readonly placement: Placement;
  /** Whether functions of this kernel have no derivatives: then neither it nor its paths offer any. */
  readonly rough?: boolean;
  /** `count` rows from the spectral density of f in the space of placed points (`dims` columns). */
  frequencies(key: Key, count: number, dims: number): Matrix;
  startAt(x: Matrix, variance: number): Kernel;
}

/**
 * Where a kernel puts points before it measures distances. Each column makes coordinates of its own, all of them
 * equally many, in the columns' order.
 */
export interface Placement {
  readonly inputs: number | undefined;
  /** Points less `origin` (a row; zero when absent), placed: n × d to n × D. */
  place(x: Matrix, origin?: Float64Array): Matrix;
  /** From the derivative in the points placed with `origin` to those in the parameters and in x. */
  pullback(
    x: Matrix,
    placed: Matrix,
    bar: Matrix,
    origin: Float64Array,
  ): { readonly parameters: Gradient; readonly x: Matrix };
  /**
   * The parameters' derivatives from Σᵢⱼ barᵢⱼ f′(sᵢⱼ) (aᵢₚ − aⱼₚ)² for each placed coordinate p; where these are all
   * that it takes.
   */
  ofScales?(scales: Float64Array): Gradient;
}

export function stationary(family: Stationary): Kernel {
  const { kind, parameters, map, placement } = family;
  const variance = parameters.variance!.value[0]!;
  // Distances are measured from the first point: years or seconds since 1970 would lose digits when scaled.
  const sides = (x: Matrix, z: Matrix | undefined) => {
    if (z) expectShape(z, "z", undefined, x.cols);
    const origin = x.data.subarray(0, x.cols);
    return { origin, a: placement.place(x, origin), b: z && placement.place(z, origin) };
  };
  const gradientOf = (size: number, alpha: number, ofPlacement: Gradient): Gradient => ({
    variance: Float64Array.of(size),
    ...(map.name === "rationalQuadratic" && { alpha: Float64Array.of(alpha) }),
    ...ofPlacement,
  });
  const pullbackBoth = (x: Matrix, z: Matrix | undefined, bar: Matrix): BothGradients => {
    const { origin, a, b } = sides(x, z);
    const slopes = pairwisePullback(map, variance, a, b, bar);
    const ofX = placement.pullback(x, a, slopes.a, origin);
    const ofZ = b && slopes.b && z ? placement.pullback(z, b, slopes.b, origin) : undefined;
    const ofPlacement = Object.entries(ofX.parameters).map(([name, slope]) => [
      name,
      slope.map((v, i) => v + (ofZ?.parameters[name]?.[i] ?? 0)),
    ]);
    const parameters = gradientOf(slopes.size, slopes.alpha, Object.fromEntries(ofPlacement));
    return { parameters, inputs: ofZ ? { x: ofX.x, z: ofZ.x } : { x: ofX.x } };
  };
  const cross = (x: Matrix, z: Matrix): Matrix => {
    const { a, b } = sides(x, z === x ? undefined : z);
    return pairwise(map, variance, a, b);
  };
  const features: NonNullable<Kernel["features"]> = (key, inputs, count) => {
    const dims = placement.place(matrix(0, inputs)).cols;
    const nowhere = new Float64Array(inputs);
    const { pullbackInputs, ...values } = waves(inputs, family.frequencies(key, count, dims), variance, {
      at: (x) => placement.place(x),
      pullback: (x, bar) => placement.pullback(x, placement.place(x), bar, nowhere).x,
    });
    return family.rough || !pullbackInputs ? values : { ...values, pullbackInputs };
  };
  return {
    outputs: 1,
    inputs: placement.inputs,
    parameters,
    definition: { kind },
    with: family.with,
    gram: (x) => cross(x, x),
    cross,
    diagonal: (x) => new Float64Array(x.rows).fill(variance),
    multiply(x, z, v) {
      const { a, b } = sides(x, z === x ? undefined : z);
      return pairwiseMultiply(map, variance, a, b, v);
    },
    pullback: (x, z, bar) => pullbackBoth(x, z, bar).parameters,
    ...(placement.ofScales && {
      lower: {
        gram: (x: Matrix) => pairwiseLower(map, variance, sides(x, undefined).a),
        pullback(x: Matrix, bar: LowerBar) {
          const slopes = pairwiseSlopes(map, variance, sides(x, undefined).a, bar);
          return gradientOf(slopes.amplitude, slopes.alpha, placement.ofScales!(slopes.scales));
        },
      },
    }),
    pullbackInputs: (x, z, bar) => pullbackBoth(x, z, bar).inputs,
    pullbackBoth,
    pullbackDiagonal: (_x, bar) => ({
      parameters: { variance: Float64Array.of(bar.reduce((sum, v) => sum + v, 0)) },
    }),
    ...(!family.rough && {
      jet(x: Matrix, z: Matrix) {
        expectShape(z, "z", undefined, x.cols);
        const origin = x.data.subarray(0, x.cols);
        const side = (points: Matrix) => {
          const placed = placement.place(points, origin);
          const tangents = tangentsOf(
            placed,
            x.cols,
            (bar) => placement.pullback(points, placed, bar, origin).x,
          );
          return { x: points, placed, tangents };
        };
        return stationaryJet(map, variance, side(x), side(z));
      },
    }),
    features,
    path: (key, inputs) => featurePath(features, key, inputs),
    startAt: family.startAt,
  };
}

/** x / lengthscale, column by column. */
export function scaling(kind: string, lengthscale: Float64Array): Placement {
  return {
    inputs: columnsNeeded(lengthscale),
    place(x, origin) {
      const lengths = perColumn(kind, "lengthscale", lengthscale, x.cols);
      const out = matrix(x.rows, x.cols);
      for (let i = 0, k = 0; i < x.rows; i++) {
        for (let c = 0; c < x.cols; c++, k++) {
          out.data[k] = (x.data[k]! - (origin ? origin[c]! : 0)) / lengths[c]!;
        }
      }
      return out;
    },
    pullback(x, placed, bar) {
      const lengths = perColumn(kind, "lengthscale", lengthscale, x.cols);
      const slopes = new Float64Array(x.cols);
      const gx = matrix(x.rows, x.cols);
      for (let i = 0, k = 0; i < x.rows; i++) {
        for (let c = 0; c < x.cols; c++, k++) {
          const slope = bar.data[k]! / lengths[c]!;
          gx.data[k] = slope;
          slopes[c]! -= slope * placed.data[k]!;
        }
      }
      return { parameters: { lengthscale: perValue(slopes, lengthscale.length) }, x: gx };
    },
    ofScales(scales) {
      const lengths = perColumn(kind, "lengthscale", lengthscale, scales.length);
      const slopes = scales.map((v, c) => (-2 * v) / lengths[c]!);
      return { lengthscale: perValue(slopes, lengthscale.length) };
    },
  };
}

/** "lengthscale" and "variance", marked unset where they were not given. */
export function stationaryParameters({ lengthscale, variance, ard = 1 }: StationaryOptions) {
  return {
    lengthscale: unlessGiven(lengthscale, new Float64Array(ard).fill(1), (v) => positive("lengthscale", v)),
    variance: unlessGiven(variance, 1, (v) => positive("variance", v, 1)),
  };
}

/** Lengthscales at typical distances and this variance, where they are unset. */
export function startStationary(parameters: Parameters, x: Matrix, variance: number): Parameters {
  return setUnset(parameters, {
    variance: () => [variance],
    lengthscale: (count) => typicalDistances(x, count),
  });
}
