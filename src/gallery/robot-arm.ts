import { adapt } from "../adapt/index.ts";
import {
  armExamples,
  changedArm,
  factoryArm,
  posture,
  type Standardiser,
  standardise,
  tipPositions,
} from "../data/index.ts";
import { type Matrix, matrix, rowRange, scale } from "../linalg/index.ts";
import {
  adam,
  cosineSchedule,
  dense,
  type Examples,
  type Network,
  network,
  tanh,
  train,
} from "../networks/index.ts";
import { type Figure, tipPath } from "../plot/index.ts";
import { type Key, key, split } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";

export const angleNames = ["shoulder", "elbow", "wrist"];
export const tipNames = ["tip_x", "tip_y"];

/** A network that learned the factory arm, and the units it speaks. */
export interface TrainedArm {
  readonly factory: Examples;
  readonly network: Network;
  readonly units: ArmUnits;
  /** Training loss after each epoch. */
  readonly history: readonly number[];
}

export interface ArmUnits {
  readonly angles: Standardiser;
  /** One scale for both coordinates: they share their unit and their noise. */
  readonly tip: Standardiser;
  standard(examples: Examples): Examples;
}

/** Everything about the arm that is drawn at random comes from this key. */
export function armKey(seed: number): Key {
  return split(key(seed), "robot arm");
}

/** Simulates 2,000 camera sightings of the factory arm and trains a network on them. Positions are in m. */
export function* trainArm(seed: number): Task<TrainedArm> {
  const factory = armExamples(factoryArm, split(armKey(seed), "factory"), 2000);
  const units = unitsOf(factory);
  const layers = [dense(64), tanh(), dense(64), tanh(), dense(2)];
  const trained = yield* train(network({ inputShape: [3], layers, seed }), units.standard(factory), {
    epochs: 100,
    batchSize: 64,
    optimizer: adam({ learningRate: 5e-3 }),
    schedule: cosineSchedule(),
    seed,
  });
  return { factory, network: trained.network, units, history: trained.history.map((e) => e.trainLoss) };
}

/** The first `count` sightings of the arm after it was changed. */
export function changedExamples(seed: number, count: number): Examples {
  return armExamples(changedArm, split(armKey(seed), "changed"), count);
}

function unitsOf({ x, y }: Examples): ArmUnits {
  const angles = standardise.standardiser(angleNames, x);
  const apart = standardise.standardiser(tipNames, y);
  const size = Math.sqrt((apart.scale[0]! ** 2 + apart.scale[1]! ** 2) / 2);
  const tip = { ...apart, scale: [size, size] };
  return {
    angles,
    tip,
    standard: (examples) => ({
      x: standardise.apply(angles, examples.x),
      y: standardise.apply(tip, examples.y),
    }),
  };
}

/** One sweep of the changed arm that no sample showed: where its tip goes, and where each thinks it goes, in m. */
export interface ArmPath {
  readonly truth: Matrix;
  readonly before: Matrix;
  readonly mean: Matrix;
  readonly variance: Matrix;
  readonly postures: readonly Matrix[];
}

/** What the network adapted to these sightings of the changed arm makes of the sweep. */
export function armPath({ network: net, units }: TrainedArm, seen: Examples): ArmPath {
  const steps = 240;
  const angles = matrix(steps, 3);
  for (let i = 0; i < steps; i++) {
    const t = (2 * Math.PI * i) / (steps - 1);
    angles.data.set([1.5 + 0.75 * Math.sin(t), -0.5 + 0.8 * Math.cos(t), 0.7 + 0.9 * Math.sin(2 * t)], 3 * i);
  }
  const x = standardise.apply(units.angles, angles);
  const f = adapt(net, units.standard(seen)).process.at(x);
  const metres = (m: Matrix) => standardise.undo(units.tip, m);
  return {
    truth: tipPositions(changedArm, angles),
    before: metres(net.at(x)),
    mean: metres(f.mean),
    variance: scale(f.variance, units.tip.scale[0]! ** 2),
    postures: [10, 95, 175].map((i) => posture(changedArm, angles.data.subarray(3 * i, 3 * i + 3))),
  };
}

export function armPathFigure(path: ArmPath, samples: number, width?: number): Figure {
  return tipPath({
    title: `A changed arm after ${samples} samples`,
    subtitle: "The network was trained on the arm with a shorter link and no load",
    unit: "m",
    ...(width !== undefined && { width }),
    ...path,
  });
}

export function firstRows({ x, y }: Examples, rows: number): Examples {
  return { x: rowRange(x, 0, rows), y: rowRange(y, 0, rows) };
}
