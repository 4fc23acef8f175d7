import { UsageError } from "../errors/index.ts";
import { dot, type Matrix, subtract } from "../linalg/index.ts";
import { type Examples, type Network, type Training, type TrainOptions, train } from "../networks/index.ts";
import { tangentKernel } from "../tangent/index.ts";
import type { Task } from "../tasks/index.ts";
import { type DistanceOptions, distance } from "./distance.ts";
import { linearisation, weightDistance } from "./interpolate.ts";
import type { Measure } from "./measure.ts";
import { kernelSimilarity } from "./similarity.ts";

/** The network after an epoch of training; epoch 0 is before it. */
export interface Checkpoint {
  readonly epoch: number;
  readonly network: Network;
}

/** A training whose functions were kept on the way. */
export interface Trajectory {
  readonly training: Training;
  readonly checkpoints: readonly Checkpoint[];
}

/** Trains and keeps the networks of the given epochs (0 is the start); of every epoch unless given. */
export function* trainTrajectory(
  net: Network,
  examples: Examples,
  options: TrainOptions & { readonly keep?: readonly number[] } = {},
): Task<Trajectory> {
  const { keep, onEpoch, ...rest } = options;
  const wanted = (epoch: number) => keep?.includes(epoch) ?? true;
  const checkpoints: Checkpoint[] = wanted(0) ? [{ epoch: 0, network: net }] : [];
  const training = yield* train(net, examples, {
    ...rest,
    onEpoch(epoch, network) {
      if (wanted(epoch.epoch)) checkpoints.push({ epoch: epoch.epoch, network });
      return onEpoch?.(epoch, network);
    },
  });
  return { training, checkpoints };
}

/** How a network changed between two checkpoints, as a function, as weights and as a kernel machine. */
export interface Drift {
  readonly from: number;
  readonly to: number;
  /** L2 distance of the functions over the measure, or another kind if asked for. */
  readonly functionDistance: number;
  readonly weightDistance: number;
  /** ‖K′ − K‖ / ‖K‖ of the tangent kernels at the kernel points: 0 where the network is a kernel machine. */
  readonly kernelChange: number;
  /** Centred alignment of the two kernels: 1 where only the scale moved. */
  readonly kernelAlignment: number;
  /** Distance from the true later function to that of the linearisation at the earlier one, over their distance. */
  readonly linearisationGap: number;
}

/** The drift from each checkpoint to the next. `kernelPoints` are few: the kernel's matrix is formed there. */
export function drifts(
  checkpoints: readonly Checkpoint[],
  measure: Measure,
  kernelPoints: Matrix,
  options: DistanceOptions = {},
): readonly Drift[] {
  if (checkpoints.length < 2) throw new UsageError("drifts: at least two checkpoints are needed");
  return checkpoints
    .slice(1)
    .map((later, i) => driftBetween(checkpoints[i]!, later, measure, kernelPoints, options));
}

/** The drift between any two checkpoints. */
export function driftBetween(
  earlier: Checkpoint,
  later: Checkpoint,
  measure: Measure,
  kernelPoints: Matrix,
  options: DistanceOptions = {},
): Drift {
  const before = tangentKernel(earlier.network).gram(kernelPoints);
  const after = tangentKernel(later.network).gram(kernelPoints);
  const moved = subtract(after, before);
  const functionDistance = distance(earlier.network, later.network, measure, options).value;
  const linear = linearisation(earlier.network, later.network);
  const gap = distance(later.network, linear, measure, options).value;
  return {
    from: earlier.epoch,
    to: later.epoch,
    functionDistance,
    weightDistance: weightDistance(earlier.network, later.network),
    kernelChange: Math.sqrt(dot(moved.data, moved.data) / dot(before.data, before.data)),
    kernelAlignment: kernelSimilarity("cka", before, after),
    linearisationGap: functionDistance > 0 ? gap / functionDistance : 0,
  };
}
