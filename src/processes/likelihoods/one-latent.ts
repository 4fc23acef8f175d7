import type { Gradient, Parameters } from "../../kernels/index.ts";
import { type Matrix, matrix } from "../../linalg/index.ts";
import { expectMoments } from "./check.ts";
import type { Expectation, Likelihood, Predictive } from "./likelihood.ts";
import { normalRule } from "./quadrature.ts";
import type { Site } from "./site.ts";

/** log p(y | f) of one observation of one latent, and what it does as f moves. */
export interface Local {
  readonly value: number;
  /** ∂ log p/∂f. */
  readonly slope: number;
  /** As `LatentDerivatives.curvature`. */
  readonly curvature: number;
  /** ∂ curvature/∂f. */
  readonly curvatureSlope: number;
  /** −∂² log p/∂f², where that is not `curvature`. */
  readonly hessian?: number;
}

/** The derivatives in one value of a parameter. */
export interface LocalByParameter {
  readonly value: number;
  readonly slope: number;
  readonly curvature: number;
}

/** What a likelihood of one latent says of itself; all else follows by quadrature. */
export interface OneLatent {
  readonly name: string;
  readonly parameters: Parameters;
  with(parameters: Parameters): Likelihood;
  startAt?(y: Matrix): Likelihood;
  guess(y: number): number;
  check(y: Matrix): void;
  at(f: number, y: number): Local;
  /** By parameter, one entry a value of it. */
  byParameter?(f: number, y: number): Readonly<Record<string, readonly LocalByParameter[]>>;
  predictive(mean: Matrix, variance: Matrix): Predictive;
  /** Closed forms, where there are any. */
  expected?(mean: number, variance: number, y: number): { value: number; mean: number; variance: number };
  logPredictive?(mean: number, variance: number, y: number): number;
  /** As `Likelihood.sites`. */
  site?(y: number): Site;
}

/** Nodes of Gauss–Hermite quadrature over one latent: smooth log densities to ten digits at unit variance. */
const nodes = 40;

/** A likelihood of one latent and one column from its pointwise definition. Expectations by Gauss–Hermite quadrature. */
export function oneLatent(own: OneLatent): Likelihood {
  const { name, parameters, check, predictive } = own;
  const none = (): Record<string, Float64Array> =>
    Object.fromEntries(Object.entries(parameters).map(([key, p]) => [key, new Float64Array(p.value.length)]));
  const each = (f: Matrix, y: Matrix, of: (local: Local, i: number) => number): Matrix =>
    matrix(
      f.rows,
      1,
      f.data.map((v, i) => of(own.at(v, y.data[i]!), i)),
    );
  const addUp = (
    gradient: Record<string, Float64Array>,
    f: number,
    y: number,
    of: (local: LocalByParameter) => number,
  ) => {
    for (const [key, locals] of Object.entries(own.byParameter?.(f, y) ?? {})) {
      locals.forEach((local, j) => {
        gradient[key]![j]! += of(local);
      });
    }
  };
  return {
    name,
    latents: 1,
    outputs: 1,
    parameters,
    with: own.with,
    ...(own.startAt && { startAt: own.startAt }),
    guess: (y) => matrix(y.rows, 1, y.data.map(own.guess)),
    check,
    ...(own.site && { sites: (y: Matrix) => Array.from(y.data, own.site!) }),
    logDensity: (f, y) => f.data.map((v, i) => own.at(v, y.data[i]!).value),
    derivatives(f, y) {
      const locals = Array.from(f.data, (v, i) => own.at(v, y.data[i]!));
      const column = (of: (local: Local) => number) => matrix(f.rows, 1, Float64Array.from(locals, of));
      return {
        gradient: column((l) => l.slope),
        curvature: column((l) => l.curvature),
        ...(locals[0]?.hessian !== undefined && { hessian: column((l) => l.hessian!) }),
      };
    },
    curvatureSlopes(f, y, spread) {
      const gradient = none();
      f.data.forEach((v, i) => {
        addUp(gradient, v, y.data[i]!, (l) => spread.data[i]! * l.curvature);
      });
      return { f: each(f, y, (l, i) => spread.data[i]! * l.curvatureSlope), parameters: gradient };
    },
    parameterSlopes(f, y, direction) {
      const gradient = none();
      f.data.forEach((v, i) => {
        addUp(gradient, v, y.data[i]!, (l) => l.value + (direction?.data[i] ?? 0) * l.slope);
      });
      return gradient;
    },
    expected(mean, variance, y) {
      expectMoments(mean, variance, 1);
      return own.expected
        ? closedExpectation(own, none(), mean, variance, y, addUp)
        : quadratureExpectation(own, none(), mean, variance, y, addUp);
    },
    predictive(mean, variance) {
      expectMoments(mean, variance, 1);
      return predictive(mean, variance);
    },
    logPredictive(mean, variance, y) {
      expectMoments(mean, variance, 1);
      if (own.logPredictive) {
        return mean.data.map((m, i) => own.logPredictive!(m, variance.data[i]!, y.data[i]!));
      }
      const rule = normalRule(nodes);
      return mean.data.map((m, i) => {
        const deviation = Math.sqrt(variance.data[i]!);
        return logSumExp(
          rule.nodes.map((z, k) => own.at(m + deviation * z, y.data[i]!).value + Math.log(rule.weights[k]!)),
        );
      });
    },
  };
}

type AddUp = (
  gradient: Record<string, Float64Array>,
  f: number,
  y: number,
  of: (local: LocalByParameter) => number,
) => void;

// Below this the derivative in the variance is taken at the mean: the quadrature's own would be a ratio of roundings.
const narrow = 1e-12;

function quadratureExpectation(
  own: OneLatent,
  gradient: Record<string, Float64Array>,
  mean: Matrix,
  variance: Matrix,
  y: Matrix,
  addUp: AddUp,
): Expectation {
  const rule = normalRule(nodes);
  const n = mean.rows;
  const out = { value: new Float64Array(n), mean: matrix(n, 1), variance: matrix(n, 1) };
  for (let i = 0; i < n; i++) {
    const deviation = Math.sqrt(variance.data[i]!);
    for (let k = 0; k < nodes; k++) {
      const [z, w] = [rule.nodes[k]!, rule.weights[k]!];
      const f = mean.data[i]! + deviation * z;
      const local = own.at(f, y.data[i]!);
      out.value[i]! += w * local.value;
      out.mean.data[i]! += w * local.slope;
      // The derivative of this very sum, so that searches see a function and its slope.
      out.variance.data[i]! +=
        variance.data[i]! > narrow
          ? (w * local.slope * z) / (2 * deviation)
          : -0.5 * w * (local.hessian ?? local.curvature);
      addUp(gradient, f, y.data[i]!, (l) => w * l.value);
    }
  }
  return { ...out, parameters: gradient };
}

/** Closed in mean and variance; the parameters' part by quadrature of what is then a polynomial or smooth. */
function closedExpectation(
  own: OneLatent,
  gradient: Record<string, Float64Array>,
  mean: Matrix,
  variance: Matrix,
  y: Matrix,
  addUp: AddUp,
): Expectation {
  const n = mean.rows;
  const out = { value: new Float64Array(n), mean: matrix(n, 1), variance: matrix(n, 1) };
  const rule = normalRule(nodes);
  for (let i = 0; i < n; i++) {
    const [m, v, target] = [mean.data[i]!, variance.data[i]!, y.data[i]!];
    const found = own.expected!(m, v, target);
    out.value[i] = found.value;
    out.mean.data[i] = found.mean;
    out.variance.data[i] = found.variance;
    if (!own.byParameter) continue;
    rule.nodes.forEach((z, k) => {
      addUp(gradient, m + Math.sqrt(v) * z, target, (l) => rule.weights[k]! * l.value);
    });
  }
  return { ...out, parameters: gradient satisfies Gradient };
}

/** log Σ eᵛ without overflow. */
export function logSumExp(values: Float64Array): number {
  let top = -Infinity;
  for (const v of values) top = Math.max(top, v);
  if (top === -Infinity) return top;
  let sum = 0;
  for (const v of values) sum += Math.exp(v - top);
  return top + Math.log(sum);
}
