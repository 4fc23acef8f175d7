import { FunspaceError, ShapeError, UsageError } from "../../errors/index.ts";
import type { Kernel, LearnableFn } from "../../kernels/index.ts";
import { lbfgsSteps, type Matrix } from "../../linalg/index.ts";
import { key } from "../../random/index.ts";
import type { Task } from "../../tasks/index.ts";
import { encoderInputs } from "./encoder.ts";
import { latentBound } from "./latent-bound.ts";
import { latentCoordinates } from "./latent-coordinates.ts";
import type { LatentModel } from "./latent-model.ts";
import { type LatentPosterior, latentPosterior } from "./latent-posterior.ts";
import { type SeenValues, seenValues } from "./seen-values.ts";
import { startLatent } from "./start-latent.ts";

/** One way of looking at the rows: an image of each, say. Row i of every view is the same thing seen. */
export interface View {
  /** What it is called in errors and tables. */
  readonly name: string;
  /** n × columns, of one scale: the noise is the same for all of them. */
  readonly y: Matrix;
  /** Whether NaN in y marks what was not seen; refused otherwise. */
  readonly gaps?: boolean;
}

export interface LatentFitOptions {
  /** Latent dimensions to begin with, those not needed are switched off; of a deep model the lowest level's first. */
  readonly dimensions: number | readonly number[];
  /** Inducing inputs of each mapping; at most one a row. 50 unless given. */
  readonly inducing?: number;
  /**
   * The kernel on so many latent dimensions: `rbf`, `linear` or one of each added. RBF with a lengthscale each unless
   * given.
   */
  readonly kernel?: (dimensions: number) => Kernel;
  /**
   * Back-constraints: latents are a function of the data, so that what looks alike is put alike and new rows need no
   * search. It takes all views' columns side by side and gives 2 × dimensions values, means and log variances.
   */
  readonly encoder?: LearnableFn;
  /**
   * Iterations with the kernels' variances held at the data's and the noise at 1 % of that, then with all free. 300 and
   * 500 unless given.
   */
  readonly iterations?: readonly [held: number, free: number];
  /** Fits from starts of their own, of which the one with the highest bound is kept. 1 unless given. */
  readonly starts?: number;
  /** Of the inducing inputs' first places and of further starts. */
  readonly seed?: number;
}

export interface LatentFit {
  readonly posterior: LatentPosterior;
  /** Where each start came to, in nats; the highest was kept. */
  readonly bounds: readonly number[];
  /** The bound after each iteration of the start that was kept, in nats. */
  readonly history: readonly number[];
  /** Iterations after which the scales were set free. */
  readonly held: number;
  /** Whether the bound had stopped moving. */
  readonly converged: boolean;
}

/**
 * Latent variables and the Gaussian processes from them to each view, by the collapsed variational bound and L-BFGS.
 * Throws ShapeError for views of different rows, NonFiniteError for values that are none.
 */
export function* fitLatent(views: readonly View[], options: LatentFitOptions): Task<LatentFit> {
  expectViews(views);
  const widths = [options.dimensions].flat();
  if (widths.length === 0 || !widths.every((q) => Number.isInteger(q) && q > 0)) {
    throw new UsageError(`latent dimensions are whole numbers of at least 1, got ${widths.join(", ")}`);
  }
  const { starts = 1 } = options;
  if (!Number.isInteger(starts) || starts < 1) {
    throw new UsageError(`starts is a whole number of at least 1, got ${starts}`);
  }
  const data = views.map(({ y, name, gaps = false }) => seenValues(y, name, gaps));
  let best: Search | undefined;
  const bounds: number[] = [];
  for (let start = 0; start < starts; start++) {
    const found = yield* searchFrom(data, options, start, starts);
    bounds.push(found.bound);
    if (!best || found.bound > best.bound) best = found;
  }
  const { model, history, held, converged } = best!;
  const names = views.map(({ name }) => name);
  return { posterior: latentPosterior(model, names, data), bounds, history, held, converged };
}

interface Search extends Pick<LatentFit, "history" | "held" | "converged"> {
  readonly model: LatentModel;
  readonly bound: number;
}

/** The two phases of one start's search. */
function* searchFrom(
  data: readonly SeenValues[],
  options: LatentFitOptions,
  start: number,
  starts: number,
): Task<Search> {
  const { iterations = [300, 500], seed = 0 } = options;
  const inputs = encoderInputs(data);
  let model: LatentModel = startLatent(data, options, key(seed), start);
  const history: number[] = [];
  const total = iterations[0] + iterations[1];
  const which = starts > 1 ? `, start ${start + 1} of ${starts}` : "";
  let converged = false;
  let held = 0;
  for (const [phase, scale] of (["held", "free"] as const).entries()) {
    const coordinates = latentCoordinates(model, inputs, scale);
    const search = lbfgsSteps(
      (vector) => {
        const at = coordinates.at(vector);
        const bound = whereDefined(() => latentBound(at, data));
        if (!bound) return { value: Infinity, gradient: new Float64Array(vector.length) };
        const gradient = coordinates.gradient(at, bound.slopes());
        return { value: -bound.value, gradient: gradient.map((v) => -v) };
      },
      coordinates.of(model),
      { maxIterations: iterations[phase]!, valueTolerance: 1e-8, gradientTolerance: 1e-4, memory: 20 },
    );
    let step = search.next();
    while (!step.done) {
      history.push(-step.value.value);
      yield {
        stage: `${scale === "held" ? "latents, scale held" : "latents"}${which}`,
        done: start * total + (phase === 0 ? 0 : iterations[0]) + step.value.iterations,
        total: starts * total,
        metrics: { bound: -step.value.value },
      };
      step = search.next();
    }
    model = coordinates.at(step.value.x);
    converged = step.value.converged;
    if (scale === "held") held = history.length;
  }
  return { model, bound: latentBound(model, data).value, history, held, converged };
}

/** A line search may step to where a matrix has no factor or a number overflows: nothing there. */
function whereDefined<T extends { readonly value: number }>(make: () => T): T | undefined {
  try {
    const made = make();
    return Number.isFinite(made.value) ? made : undefined;
  } catch (error) {
    const code = error instanceof FunspaceError ? error.code : undefined;
    if (code === "not-positive-definite" || code === "non-finite") return undefined;
    throw error;
  }
}

function expectViews(views: readonly View[]): void {
  const rows = views[0]?.y.rows;
  if (rows === undefined) throw new UsageError("latent variables need at least one view");
  for (const { name, y } of views) {
    if (y.rows !== rows) {
      throw new ShapeError(
        `views show the same things row by row: ${views[0]!.name} has ${rows} rows, ${name} ${y.rows}`,
      );
    }
  }
  if (rows < 2) throw new ShapeError(`latent variables need at least 2 rows, got ${rows}`);
}
