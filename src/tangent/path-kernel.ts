import { UsageError } from "../errors/index.ts";
import {
  add,
  expectFinite,
  expectShape,
  type Matrix,
  matrix,
  multiply,
  subtract,
  type Tensor,
} from "../linalg/index.ts";
import { type Examples, type Loss, mse, type Network } from "../networks/index.ts";
import type { Task } from "../tasks/index.ts";
import { movedAlong, slopeAt } from "./descent.ts";
import { selectSpans } from "./selection.ts";
import { tangentSites } from "./sites.ts";

export interface PathOptions {
  /** Full-batch steps of gradient descent. */
  readonly steps: number;
  readonly learningRate: number;
  /** Mean squared error unless given. */
  readonly loss?: Loss;
  /**
   * "euler" takes the tangent kernel at the start of each step: exact for small steps, its error proportional to the
   * learning rate. "exact" averages the left Jacobian over the step by Gauss–Legendre quadrature in four nodes, over
   * parts of the step where that is long: an identity for any learning rate, at four times the cost or more.
   */
  readonly rule?: "euler" | "exact";
}

/** A training seen as a kernel machine, at given points. */
export interface PathRecord {
  /** The trained network. */
  readonly network: Network;
  /** What the trained network says at the points, less what it said at first: points × outputs. */
  readonly change: Matrix;
  /**
   * −∫ Σ_q K_t(x, x_i)_pq L′_iq dt, points·outputs × examples: what each training example contributed to the change.
   * Rows add up to `change`, to the accuracy of the rule.
   */
  readonly contributions: Matrix;
  /** ∫ K_t dt, points·outputs × examples·outputs: the path kernel (Domingos 2020), by the same rule. */
  readonly kernel: Matrix;
}

/** Gauss–Legendre nodes and weights on [0, 1], exact for polynomials of degree 7. */
const nodes: readonly (readonly [at: number, weight: number])[] = [
  0.3399810435848563, 0.8611363115940526,
].flatMap((t, k) => {
  const weight = [0.6521451548625461, 0.3478548451374538][k]! / 2;
  return [[(1 - t) / 2, weight] as const, [(1 + t) / 2, weight] as const];
});

// Where a step's parts stop being halved: its change is then known to the rounding of the values it is a difference of.
const roundings = 1e-13;
const mostParts = 256;

/** The nodes over so many equal parts of [0, 1]. */
function composite(parts: number): readonly (readonly [at: number, weight: number])[] {
  return Array.from({ length: parts }, (_, i) =>
    nodes.map(([at, weight]) => [(i + at) / parts, weight / parts] as const),
  ).flat();
}

/** The largest entry of step + K ∂L/∂f, 0 for the exact average kernel, relative to the largest of the step or 1. */
function missed(step: Matrix, k: Matrix, { data }: Tensor): number {
  const told = multiply(k, matrix(data.length, 1, Float64Array.from(data))).data;
  const size = step.data.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
  return step.data.reduce((most, v, i) => Math.max(most, Math.abs(v + told[i]!)), 0) / size;
}

/**
 * Trains by full-batch gradient descent and records the path kernel of the points (m × inputs) and the examples: every
 * model learned by gradient descent is f_0(x) − Σ_i ∫ L′_i K_t(x, x_i) dt (Domingos 2020), K_t the tangent kernel on
 * the way. Throws ShapeError or NonFiniteError for data that do not fit.
 */
export function* pathKernel(
  net: Network,
  { x, y }: Examples,
  points: Matrix,
  { steps, learningRate, loss = mse(), rule = "euler" }: PathOptions,
): Task<PathRecord> {
  if (!Number.isInteger(steps) || steps < 1 || !(learningRate > 0)) {
    throw new UsageError(
      `pathKernel: steps from 1 and a learning rate above 0, got ${steps} and ${learningRate}`,
    );
  }
  expectShape(points, "points", undefined, net.inputs);
  expectShape(y, "y", x.rows, undefined);
  for (const [values, name] of [
    [x, "x"],
    [y, "y"],
    [points, "points"],
  ] as const)
    expectFinite(values, name);
  loss.check(net.outputs, y);
  const outputs = net.outputs;
  const contributions = matrix(points.rows * outputs, x.rows);
  const kernel = matrix(points.rows * outputs, x.rows * outputs);
  const start = net.at(points);
  let before = start;
  let current = net;
  for (let step = 0; step < steps; step++) {
    const slope = slopeAt(current, { x, y }, loss);
    const next = movedAlong(current, slope.weights, -learningRate);
    const average = (parts: number): Matrix => {
      const k = matrix(kernel.rows, kernel.cols);
      for (const [at, weight] of rule === "exact" ? composite(parts) : [[0, 1] as const]) {
        const left = at === 0 ? current : movedAlong(current, slope.weights, -learningRate * at);
        addCross(left, points, current, x, learningRate * weight, k);
      }
      return k;
    };
    let k = average(1);
    if (rule === "exact") {
      // What the step really changed is known, so the quadrature's error is: it says how finely to cut the step.
      const values = next.at(points);
      const step = subtract(values, before);
      for (let parts = 2; parts <= mostParts && missed(step, k, slope.cotangents) > roundings; parts *= 2) {
        k = average(parts);
      }
      before = values;
    }
    for (let r = 0, c = 0; r < k.rows; r++) {
      for (let j = 0; j < k.cols; j++, c++) {
        kernel.data[c]! += k.data[c]!;
        contributions.data[r * x.rows + Math.floor(j / outputs)]! -= k.data[c]! * slope.cotangents.data[j]!;
      }
    }
    current = next;
    yield { stage: "path kernel", done: step + 1, total: steps, metrics: { loss: slope.loss } };
  }
  return { network: current, change: add(current.at(points), start, -1), contributions, kernel };
}

/** Adds scale · J_a(x) J_b(z)ᵀ, the Jacobians of one structure at two sets of weights. */
function addCross(a: Network, x: Matrix, b: Network, z: Matrix, scale: number, out: Matrix): void {
  const spans = selectSpans(a);
  const right = tangentSites(b, z, spans);
  tangentSites(a, x, spans).forEach((site, l) => {
    site.layer.addTangentGram!(site.side, right[l]!.side, scale, out);
  });
}
