import { UsageError } from "../errors/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { normal, split, uniform } from "../random/index.ts";
import { columnOf } from "./columns.ts";
import { addTo, hadamard } from "./elementwise.ts";
import { featurePath, waves } from "./features.ts";
import type { Kernel } from "./kernel.ts";
import { pairwise, pairwisePullback } from "./pairwise.ts";
import { type Gradient, type Parameters, positive, setUnset, unlessGiven, within } from "./parameters.ts";
import { ranges } from "./scale-of-data.ts";
import { type Placement, scaling } from "./stationary.ts";
import { waveGram, wavePullback } from "./wave.ts";

export interface SpectralMixtureOptions {
  /** How many waves are mixed. 1 unless given, or as many as there are weights. */
  readonly components?: number;
  /** Columns of a point. 1 unless given. */
  readonly ard?: number;
  /** Variance each component has of the function, in squared units of the outputs. */
  readonly weight?: number | ArrayLike<number>;
  /** Mean frequency of each component in each column, in turns a unit of the inputs: component by component. */
  readonly frequency?: number | ArrayLike<number>;
  /** Deviation of the frequencies about their mean, likewise. */
  readonly bandwidth?: number | ArrayLike<number>;
}

/**
 * k(x, x′) = Σ_q weight_q exp(−2π² Σ_c τ_c² bandwidth_qc²) cos(2π Σ_c τ_c frequency_qc), τ = x − x′: the kernel whose
 * spectral density is a mixture of Gaussians (Wilson & Adams 2013, equation 12).
 */
export function spectralMixture(options: SpectralMixtureOptions = {}): Kernel {
  const { weight, frequency, bandwidth } = options;
  const lengthOf = (v: number | ArrayLike<number>) => (typeof v === "number" ? 1 : v.length);
  const components = options.components ?? (weight === undefined ? 1 : lengthOf(weight));
  const given = frequency ?? bandwidth;
  const columns = options.ard ?? (given === undefined ? 1 : lengthOf(given) / components);
  if (!(Number.isInteger(components) && components >= 1 && Number.isInteger(columns))) {
    throw new UsageError(
      `spectralMixture: ${components} components do not go with ${lengthOf(given ?? 1)} frequencies`,
    );
  }
  const size = components * columns;
  return mixtureOf(columns, {
    weight: unlessGiven(weight, new Float64Array(components).fill(1 / components), (v) =>
      positive("weight", v, components),
    ),
    frequency: unlessGiven(
      frequency,
      Float64Array.from({ length: size }, (_, k) => (Math.floor(k / columns) + 0.5) / components),
      (v) => within("frequency", v, "real", size),
    ),
    bandwidth: unlessGiven(bandwidth, new Float64Array(size).fill(0.5 / components), (v) =>
      positive("bandwidth", v, size),
    ),
  });
}

interface Component {
  readonly weight: number;
  readonly bandwidth: Float64Array;
  /** 2π frequency. */
  readonly turns: Float64Array;
  /** x · 2π bandwidth. */
  readonly placement: Placement;
}

function mixtureOf(columns: number, parameters: Parameters): Kernel {
  const { weight, frequency, bandwidth } = parameters as Record<string, Parameters[string]>;
  const components: Component[] = Array.from(weight!.value, (w, q) => {
    const part = bandwidth!.value.subarray(q * columns, (q + 1) * columns);
    return {
      weight: w,
      bandwidth: part,
      turns: frequency!.value.slice(q * columns, (q + 1) * columns).map((f) => 2 * Math.PI * f),
      placement: scaling(
        "spectralMixture",
        part.map((b) => 1 / (2 * Math.PI * b)),
      ),
    };
  });
  const upTo = components.map((_, q) => components.slice(0, q + 1).reduce((sum, c) => sum + c.weight, 0));
  const total = upTo.at(-1)!;
  const cross = (x: Matrix, z: Matrix): Matrix => {
    const out = matrix(x.rows, z.rows);
    for (const { weight, turns, placement } of components) {
      const { envelope, wave } = parts(placement, turns, x, z === x ? undefined : z);
      addTo(out, hadamard(envelope, wave), weight);
    }
    return out;
  };
  const pull = (component: Component, x: Matrix, z: Matrix | undefined, bar: Matrix) => {
    const { placement, turns, weight } = component;
    const { origin, a, b, envelope, wave } = parts(placement, turns, x, z);
    const slopes = pairwisePullback({ name: "rbf" }, 1, a, b, hadamard(bar, wave));
    const ofWave = wavePullback(turns, x, z, hadamard(bar, envelope));
    const ofX = placement.pullback(x, a, slopes.a, origin);
    const ofZ = z && b && slopes.b && placement.pullback(z, b, slopes.b, origin);
    const together = (m: Matrix, n: Matrix) => ({
      ...m,
      data: m.data.map((v, k) => weight * (v + n.data[k]!)),
    });
    return {
      value: slopes.size,
      turns: ofWave.turns,
      lengths: ofX.parameters.lengthscale!.map((v, c) => v + (ofZ?.parameters.lengthscale?.[c] ?? 0)),
      x: together(ofX.x, ofWave.inputs.x),
      z: ofZ && together(ofZ.x, ofWave.inputs.z!),
    };
  };
  const features: NonNullable<Kernel["features"]> = (key, inputs, count) => {
    const picks = uniform(split(key, "component"), count);
    const signs = normal(split(key, "direction"), count).map(Math.sign);
    const rows = matrix(count, columns, normal(split(key, "frequency"), count * columns));
    for (let f = 0; f < count; f++) {
      const at = picks[f]! * total;
      const picked = components[upTo.findIndex((weight) => at < weight)] ?? components.at(-1)!; // rounding
      for (let c = 0; c < columns; c++) {
        const k = f * columns + c;
        const spread = 2 * Math.PI * picked.bandwidth[c]! * rows.data[k]!;
        rows.data[k] = signs[f]! * (picked.turns[c]! + spread);
      }
    }
    return waves(inputs, rows, total);
  };
  return {
    outputs: 1,
    inputs: columns,
    parameters,
    definition: { kind: "spectralMixture", options: { components: components.length } },
    with: (next) => mixtureOf(columns, next),
    gram: (x) => cross(x, x),
    cross,
    diagonal: (x) => new Float64Array(x.rows).fill(total),
    pullback(x, z, bar): Gradient {
      const slopes = components.map((component) => ({ component, ...pull(component, x, z, bar) }));
      return {
        weight: Float64Array.from(slopes, (s) => s.value),
        frequency: Float64Array.from(
          slopes.flatMap(({ component, turns }) =>
            Array.from(turns, (slope) => component.weight * 2 * Math.PI * slope),
          ),
        ),
        // lengthscale = 1 / (2π bandwidth)
        bandwidth: Float64Array.from(
          slopes.flatMap(({ component, lengths }) =>
            Array.from(
              lengths,
              (slope, c) => (-component.weight * slope) / (2 * Math.PI * component.bandwidth[c]! ** 2),
            ),
          ),
        ),
      };
    },
    pullbackInputs(x, z, bar) {
      const ofX = matrix(x.rows, x.cols);
      const ofZ = z && matrix(z.rows, z.cols);
      for (const component of components) {
        const slopes = pull(component, x, z, bar);
        addTo(ofX, slopes.x);
        if (ofZ && slopes.z) addTo(ofZ, slopes.z);
      }
      return ofZ ? { x: ofX, z: ofZ } : { x: ofX };
    },
    features,
    path: (key, inputs) => featurePath(features, key, inputs),
    startAt: (x, variance) =>
      mixtureOf(
        columns,
        setUnset(parameters, {
          weight: (count) => new Float64Array(count).fill(variance / count),
          frequency: (count) => octavesOf(x, count, columns),
          // Wide enough to meet its neighbours.
          bandwidth: (count) => octavesOf(x, count, columns).map((frequency) => frequency / 2),
        }),
      ),
  };
}

/** Frequencies at even ratios, from half a turn over the data up to half a turn between neighbours. */
function octavesOf(x: Matrix, count: number, columns: number): Float64Array {
  const components = count / columns;
  const lowest = ranges(x).map((range) => 0.5 / range);
  const steps = lowest.map((_, c) => Math.max(1, new Set(columnOf(x, c)).size - 1));
  return Float64Array.from({ length: count }, (_, k) => {
    const c = k % columns;
    return lowest[c]! * steps[c]! ** (Math.floor(k / columns) / components);
  });
}

function parts(placement: Placement, turns: Float64Array, x: Matrix, z: Matrix | undefined) {
  const origin = x.data.subarray(0, x.cols);
  const a = placement.place(x, origin);
  const b = z && placement.place(z, origin);
  return {
    origin,
    a,
    b,
    envelope: pairwise({ name: "rbf" }, 1, a, b),
    wave: waveGram(turns, 1, x, z),
  };
}
