import { UsageError } from "../../errors/index.ts";
import { type Gradient, joinParts, type Kernel } from "../../kernels/index.ts";
import { type Matrix, matrix } from "../../linalg/index.ts";
import { scaledBessel } from "./scaled-bessel.ts";

/**
 * A stationary process of one input as a linear stochastic differential equation (Hartikainen & Särkkä 2010): a state of
 * `size` numbers with f = observe · state, covariance `stationary` at any time, and E[state(t + s) | state(t)] =
 * exp(s · generator) state(t).
 */
export interface StateSpace {
  readonly size: number;
  readonly observe: Float64Array;
  readonly stationary: Matrix;
  readonly generator: Matrix;
  /** exp(step · generator), row by row. */
  transition(step: number): Float64Array;
  /**
   * Derivatives in the kernel's parameters from those in generator and stationary covariance. Parameters move the
   * generator along matrices that commute with it, so that ∂exp(sF) = s ∂F exp(sF).
   */
  pullback(generator: Matrix, stationary: Matrix): Gradient;
}

/**
 * The state space of a kernel on one column: Matérn 1/2, 3/2 and 5/2, cosine, constant, periodic (its Fourier series up to
 * what is below 1e-14 of the variance: Solin & Särkkä 2014), and multiples, sums and products of those. Throws
 * UsageError for others.
 */
export function stateSpace(kernel: Kernel): StateSpace {
  const { kind, parts = [] } = kernel.definition ?? { kind: "without a text form" };
  switch (kind) {
    case "matern12":
    case "matern32":
    case "matern52":
      return matern(kind, kernel);
    case "cosine":
      return cosine(kernel);
    case "constant":
      return constant(kernel);
    case "periodic":
      return periodic(kernel);
    case "scaled":
      return scaled(kernel, stateSpace(parts[0]!));
    case "sum":
      return sum(parts.map(stateSpace));
    case "product":
      return parts.map(stateSpace).reduce((a, b, t) => product(a, b, t));
    default:
      throw new UsageError(
        `the kernel ${kind} has no state space: matern12, matern32, matern52, periodic, cosine, constant, and their sums, products and multiples have; use exact inference for others`,
      );
  }
}

const leaves: readonly string[] = ["matern12", "matern32", "matern52", "cosine", "constant", "periodic"];

/** Whether `stateSpace` takes this kernel, set or not. */
export function hasStateSpace({ definition, inputs, parameters }: Kernel): boolean {
  const { kind, parts = [] } = definition ?? { kind: "" };
  if ((inputs ?? 1) !== 1) return false;
  if (leaves.includes(kind)) return Object.values(parameters).every(({ value: v }) => v.length === 1);
  return ["scaled", "sum", "product"].includes(kind) && parts.every(hasStateSpace);
}

function value(kernel: Kernel, name: string): number {
  const { value: values } = kernel.parameters[name]!;
  if (values.length !== 1) {
    throw new UsageError(`a state space has one input, but ${name} has ${values.length} values`);
  }
  return values[0]!;
}

function inner(a: Matrix, b: Matrix): number {
  let total = 0;
  for (let k = 0; k < a.data.length; k++) total += a.data[k]! * b.data[k]!;
  return total;
}

function square(size: number, entries: readonly number[], factor: number): Matrix {
  return matrix(
    size,
    size,
    Float64Array.from(entries, (v) => factor * v),
  );
}

// States are f, f′/λ, f″/λ², so that all but λ and the variance is the same for every kernel of a family.
const families = {
  matern12: { size: 1, rate: 1, generator: [-1], stationary: [1] },
  matern32: { size: 2, rate: Math.sqrt(3), generator: [0, 1, -1, -2], stationary: [1, 0, 0, 1] },
  matern52: {
    size: 3,
    rate: Math.sqrt(5),
    generator: [0, 1, 0, 0, 0, 1, -1, -3, -3],
    stationary: [1, 0, -1 / 3, 0, 1 / 3, 0, -1 / 3, 0, 1],
  },
} as const;

function matern(kind: keyof typeof families, kernel: Kernel): StateSpace {
  const { size, rate, generator, stationary } = families[kind];
  const lengthscale = value(kernel, "lengthscale");
  const variance = value(kernel, "variance");
  const lambda = rate / lengthscale;
  const own = square(size, generator, lambda);
  const spread = square(size, stationary, variance);
  return {
    size,
    observe: Float64Array.from({ length: size }, (_, i) => (i === 0 ? 1 : 0)),
    stationary: spread,
    generator: own,
    transition(step) {
      const u = lambda * step;
      const e = Math.exp(-u);
      if (size === 1) return Float64Array.of(e);
      if (size === 2) return Float64Array.of(e * (1 + u), e * u, -e * u, e * (1 - u));
      const h = 0.5 * u * u;
      return Float64Array.of(
        e * (1 + u + h),
        e * u * (1 + u),
        e * h,
        -e * h,
        e * (1 + u - u * u),
        e * (u - h),
        e * (h - u),
        e * u * (u - 3),
        e * (1 - 2 * u + h),
      );
    },
    pullback: (generatorBar, stationaryBar) => ({
      lengthscale: Float64Array.of(-inner(generatorBar, own) / lengthscale),
      variance: Float64Array.of(inner(stationaryBar, spread) / variance),
    }),
  };
}

/** Pairs of states that turn at multiples of one speed, the first perhaps a constant. */
function turning(
  speeds: readonly number[],
  weights: ArrayLike<number>,
  pullback: StateSpace["pullback"],
): StateSpace {
  const sizes = speeds.map((s) => (s === 0 ? 1 : 2));
  const size = sizes.reduce((a, b) => a + b, 0);
  const generator = matrix(size, size);
  const stationary = matrix(size, size);
  const observe = new Float64Array(size);
  const places: number[] = [];
  let at = 0;
  speeds.forEach((speed, j) => {
    places.push(at);
    observe[at] = 1;
    for (let a = 0; a < sizes[j]!; a++) stationary.data[(at + a) * (size + 1)] = weights[j]!;
    if (speed !== 0) {
      generator.data[at * size + at + 1] = -speed;
      generator.data[(at + 1) * size + at] = speed;
    }
    at += sizes[j]!;
  });
  return {
    size,
    observe,
    stationary,
    generator,
    transition(step) {
      const out = new Float64Array(size * size);
      speeds.forEach((speed, j) => {
        const p = places[j]!;
        if (speed === 0) {
          out[p * (size + 1)] = 1;
          return;
        }
        const [c, s] = [Math.cos(speed * step), Math.sin(speed * step)];
        out[p * size + p] = c;
        out[p * size + p + 1] = -s;
        out[(p + 1) * size + p] = s;
        out[(p + 1) * size + p + 1] = c;
      });
      return out;
    },
    pullback,
  };
}

function constant(kernel: Kernel): StateSpace {
  return turning([0], [value(kernel, "variance")], (_, bar) => ({ variance: Float64Array.of(bar.data[0]!) }));
}

function cosine(kernel: Kernel): StateSpace {
  const [period, variance] = [value(kernel, "period"), value(kernel, "variance")];
  const own = turning([(2 * Math.PI) / period], [variance], (generator, stationary) => ({
    period: Float64Array.of(-inner(generator, own.generator) / period),
    variance: Float64Array.of(inner(stationary, own.stationary) / variance),
  }));
  return own;
}

// The Fourier series ends where what is left is below this part of the variance.
const leftOut = 1e-14;

function periodic(kernel: Kernel): StateSpace {
  const [period, variance] = [value(kernel, "period"), value(kernel, "variance")];
  const lengthscale = value(kernel, "lengthscale");
  const z = 1 / lengthscale ** 2;
  // One more than is kept, for the derivatives.
  const bessel = scaledBessel(z, 400);
  let terms = 1;
  for (let left = 1 - bessel[0]!; left > leftOut && terms < 200; terms++) left -= 2 * bessel[terms]!;
  const double = (j: number) => (j === 0 ? 1 : 2);
  const own = turning(
    Array.from({ length: terms }, (_, j) => (2 * Math.PI * j) / period),
    Float64Array.from({ length: terms }, (_, j) => variance * double(j) * bessel[j]!),
    (generator, stationary) => {
      // d(e^−z I_j)/dz = e^−z ((I_{j−1} + I_{j+1})/2 − I_j), dz/dℓ = −2/ℓ³
      let ofLength = 0;
      for (let j = 0, at = 0; j < terms; j++) {
        const slope = (bessel[Math.abs(j - 1)]! + bessel[j + 1]!) / 2 - bessel[j]!;
        for (let a = 0; a < (j === 0 ? 1 : 2); a++, at++) {
          ofLength += stationary.data[at * (own.size + 1)]! * variance * double(j) * slope;
        }
      }
      return {
        lengthscale: Float64Array.of((-2 * ofLength) / lengthscale ** 3),
        variance: Float64Array.of(inner(stationary, own.stationary) / variance),
        period: Float64Array.of(-inner(generator, own.generator) / period),
      };
    },
  );
  return own;
}

function scaled(kernel: Kernel, part: StateSpace): StateSpace {
  const factor = value(kernel, "factor");
  const times = (a: Matrix) => ({ ...a, data: a.data.map((v) => factor * v) });
  return {
    ...part,
    stationary: times(part.stationary),
    pullback: (generator, stationary) => ({
      factor: Float64Array.of(inner(stationary, part.stationary)),
      ...joinParts({ kernel: part.pullback(generator, times(stationary)) }),
    }),
  };
}

/** States beside each other. */
function sum(parts: readonly StateSpace[]): StateSpace {
  const size = parts.reduce((total, p) => total + p.size, 0);
  const starts = parts.map((_, t) => parts.slice(0, t).reduce((total, p) => total + p.size, 0));
  const beside = (of: (p: StateSpace) => Float64Array) => {
    const out = new Float64Array(size * size);
    parts.forEach((p, t) => {
      const own = of(p);
      for (let i = 0; i < p.size; i++) {
        out.set(own.subarray(i * p.size, (i + 1) * p.size), (starts[t]! + i) * size + starts[t]!);
      }
    });
    return out;
  };
  const block = (a: Matrix, t: number) => {
    const own = parts[t]!.size;
    const out = matrix(own, own);
    for (let i = 0; i < own; i++) {
      const from = (starts[t]! + i) * size + starts[t]!;
      out.data.set(a.data.subarray(from, from + own), i * own);
    }
    return out;
  };
  return {
    size,
    observe: Float64Array.from(parts.flatMap((p) => Array.from(p.observe))),
    stationary: matrix(
      size,
      size,
      beside((p) => p.stationary.data),
    ),
    generator: matrix(
      size,
      size,
      beside((p) => p.generator.data),
    ),
    transition: (step) => beside((p) => p.transition(step)),
    pullback: (generator, stationary) =>
      joinParts(
        Object.fromEntries(parts.map((p, t) => [t, p.pullback(block(generator, t), block(stationary, t))])),
      ),
  };
}

/** The Kronecker product of states; `b` is factor t + 1 of the whole, `a` all factors before. */
function product(a: StateSpace, b: StateSpace, t: number): StateSpace {
  const [p, q] = [a.size, b.size];
  const size = p * q;
  const kron = (u: Float64Array, v: Float64Array) => {
    const out = new Float64Array(size * size);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        out[i * size + j] = u[Math.floor(i / q) * p + Math.floor(j / q)]! * v[(i % q) * q + (j % q)]!;
      }
    }
    return out;
  };
  const one = (n: number) => Float64Array.from({ length: n * n }, (_, k) => (k % (n + 1) === 0 ? 1 : 0));
  const fast = kron(one(p), b.generator.data);
  const generator = matrix(
    size,
    size,
    kron(a.generator.data, one(q)).map((v, k) => v + fast[k]!),
  );
  /** Derivatives in the left and right factor of u ⊗ v. */
  const parts = (bar: Matrix, u: Float64Array, v: Float64Array) => {
    const left = matrix(p, p);
    const right = matrix(q, q);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const w = bar.data[i * size + j]!;
        const l = Math.floor(i / q) * p + Math.floor(j / q);
        const r = (i % q) * q + (j % q);
        left.data[l]! += w * v[r]!;
        right.data[r]! += w * u[l]!;
      }
    }
    return { left, right };
  };
  return {
    size,
    observe: Float64Array.from({ length: size }, (_, i) => a.observe[Math.floor(i / q)]! * b.observe[i % q]!),
    stationary: matrix(size, size, kron(a.stationary.data, b.stationary.data)),
    generator,
    transition: (step) => kron(a.transition(step), b.transition(step)),
    pullback(generatorBar, stationaryBar) {
      const ofGenerator = parts(generatorBar, one(p), one(q));
      const ofStationary = parts(stationaryBar, a.stationary.data, b.stationary.data);
      const left = a.pullback(ofGenerator.left, ofStationary.left);
      const right = b.pullback(ofGenerator.right, ofStationary.right);
      return { ...(t === 1 ? joinParts({ 0: left }) : left), ...joinParts({ [t]: right }) };
    },
  };
}
