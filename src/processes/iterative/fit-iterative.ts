import { freeParameters, joinParts, type Kernel } from "../../kernels/index.ts";
import { adam } from "../../linalg/optimizers.ts";
import { key, split } from "../../random/index.ts";
import { runSync, type Task } from "../../tasks/index.ts";
import { beginWithRows, type LargeFitReport, type StartRowsOptions } from "../fit/begin-with-rows.ts";
import { expectFitData, type FitData } from "../fit/data.ts";
import { modelParameters, modelWith, noiseOf, reach } from "../fit/model.ts";
import { targetVariance } from "../fit/starts.ts";
import { searchOf } from "../fit/target.ts";
import type { Mean } from "../means.ts";
import { type GaussianProcess, gp } from "../prior.ts";
import { type StochasticEvidence, solveProbed, stochasticEvidence, stochasticGradient } from "./evidence.ts";
import {
  conditionWithEvidence,
  type IterativePosterior,
  type IterativePosteriorOptions,
} from "./posterior.ts";
import { kernelSystem } from "./system.ts";

export interface FitIterativelyOptions extends StartRowsOptions, IterativePosteriorOptions {
  /** Steps of Adam over all data, from the exact fit to some rows. 10 unless given. */
  readonly steps?: number;
  /** Of those steps, in logarithms of positive parameters; it falls to a tenth by the last. 0.1 unless given. */
  readonly learningRate?: number;
  /** Residual at which a step's solves end, relative to each right-hand side: gradients need few digits. 0.01 unless given. */
  readonly stepTolerance?: number;
}

/** A Gaussian process fitted without forming its matrix. */
export interface IterativeFit {
  readonly kernel: Kernel;
  readonly mean: Mean;
  readonly noiseVariance: number;
  readonly prior: GaussianProcess;
  readonly process: IterativePosterior;
  readonly evidence: StochasticEvidence;
  readonly report: LargeFitReport;
}

/**
 * Fits kernel, mean and noise to all data by Adam on the evidence's gradient as fixed random probes show it (Gardner et
 * al. 2018), from an exact fit to some rows (Wang et al. 2019). Memory is O(n). Throws like `fit`. Yields one report a step.
 */
export function* fitIteratively(
  kernel: Kernel,
  data: FitData,
  options: FitIterativelyOptions = {},
): Task<IterativeFit> {
  const { steps = 10, learningRate = 0.1, stepTolerance = 0.01, probes = 10, seed = 0 } = options;
  const { x, y } = data;
  expectFitData("fitIteratively", kernel, data, options);
  const root = key(seed);
  const begun = yield* beginWithRows(kernel, data, options, root);
  const scales = reach(begun, x, Math.sqrt(targetVariance(y)), split(root, "reach"));
  const origin = modelParameters(begun);
  let missed = 0;
  let products = 0;
  const on = searchOf(
    origin,
    (parameters) => {
      const model = modelWith(begun, parameters);
      const noise = new Float64Array(y.data.length).fill(noiseOf(model));
      const system = kernelSystem(model.kernel, x, noise, { ...options, tolerance: stepTolerance });
      const expected = model.mean.at(x).data;
      const residual = y.data.map((v, i) => v - expected[i]!);
      const solved = runSync(solveProbed(system, residual, split(root, "probes"), probes, "step"));
      if (!solved.report.converged) missed++;
      products += solved.report.iterations;
      const slopes = stochasticGradient(system, solved);
      const hasMean = freeParameters(model.mean.parameters).length > 0;
      return {
        value: stochasticEvidence(system, residual, solved).value,
        gradient: {
          ...joinParts({
            kernel: slopes.kernel,
            mean: hasMean ? model.mean.pullback(x, { ...y, data: solved.alpha.data }).parameters : {},
          }),
          noiseVariance: Float64Array.of(slopes.noiseVariance),
        },
      };
    },
    { reach: scales },
  );
  const w = on.coordinates(origin);
  const state = adam({ learningRate }).start([w.length]);
  let moved = 0;
  let step = 0;
  for (; step < steps && w.length > 0; step++) {
    const { value, gradient } = on.at(w);
    if (!Number.isFinite(value)) break;
    const before = w.slice();
    const rate = learningRate * 0.1 ** (step / Math.max(1, steps - 1));
    state.step([w], [gradient.map((g) => -g)], rate);
    moved = w.reduce((most, v, i) => Math.max(most, Math.abs(v - before[i]!)), 0);
    yield {
      stage: "fit: all rows",
      done: step + 1,
      total: steps,
      metrics: { logEvidence: value, products },
    };
  }
  const model = modelWith(begun, on.parameters(w));
  const prior = gp(model.kernel, { mean: model.mean, inputs: x.cols });
  const noiseVariance = noiseOf(model);
  const process = yield* conditionWithEvidence(prior, { x, y, noiseVariance }, options);
  const evidence = process.evidence();
  // Parameters that still move by more than this share of themselves are not where the evidence is highest.
  const converged = moved <= 0.02;
  return {
    kernel: model.kernel,
    mean: model.mean,
    noiseVariance,
    prior,
    process,
    evidence,
    report: {
      value: evidence.value,
      iterations: step,
      converged,
      warnings: [
        ...process.report.warnings,
        ...(missed > 0
          ? [`${missed} of ${step} steps missed their tolerance of ${stepTolerance}: raise the rank`]
          : []),
        ...(converged
          ? []
          : [
              `parameters still moved by up to ${(100 * moved).toFixed(0)} % in the last of ${step} steps: allow more`,
            ]),
      ],
    },
  };
}
