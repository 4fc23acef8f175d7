import { type Matrix, matrix } from "../linalg/index.ts";
import { type Key, normal, split, uniform } from "../random/index.ts";

/** A planar arm with three joints, in metres and kilograms, gravity pointing down. */
export interface RobotArm {
  /** Lengths of the links from the base to the tip, in m. */
  readonly links: readonly [number, number, number];
  /** Mass held at the tip, in kg. */
  readonly load: number;
  /** How far each joint gives way to a torque, in rad per N·m. */
  readonly compliance: number;
}

/** The arm that the network is trained on. */
export const factoryArm: RobotArm = { links: [0.5, 0.4, 0.3], load: 0, compliance: 0.01 };

/** The same arm later: its middle link was replaced by a longer one, and it has picked up a load. */
export const changedArm: RobotArm = { links: [0.5, 0.45, 0.3], load: 1, compliance: 0.01 };

const gravity = 9.81;

/** Joint angles, each relative to the link before, in rad: where the arm works. */
const range: readonly (readonly [number, number])[] = [
  [0.2, Math.PI - 0.2],
  [-2, 2],
  [-2, 2],
];

/** Positions of base, elbow, wrist and tip for commanded joint angles: 4 × 2, in m. The joints sag under the load. */
export function posture(arm: RobotArm, angles: ArrayLike<number>): Matrix {
  const stiff = chain(arm.links, angles);
  const tip = stiff.data[6]!;
  // A weight at horizontal distance d from a joint turns it by compliance · m g d, towards the ground.
  const sagged = Array.from(
    angles,
    (q, j) => q - arm.compliance * arm.load * gravity * (tip - stiff.data[2 * j]!),
  );
  return chain(arm.links, sagged);
}

function chain(links: readonly number[], angles: ArrayLike<number>): Matrix {
  const out = matrix(links.length + 1, 2);
  let direction = 0;
  links.forEach((length, j) => {
    direction += angles[j]!;
    out.data[2 * j + 2] = out.data[2 * j]! + length * Math.cos(direction);
    out.data[2 * j + 3] = out.data[2 * j + 1]! + length * Math.sin(direction);
  });
  return out;
}

/** Where the tip is for each row of joint angles (n × 3): n × 2, in m. */
export function tipPositions(arm: RobotArm, angles: Matrix): Matrix {
  const out = matrix(angles.rows, 2);
  for (let i = 0; i < angles.rows; i++) {
    out.data.set(posture(arm, angles.data.subarray(3 * i, 3 * i + 3)).data.subarray(6), 2 * i);
  }
  return out;
}

/** `count` random postures and what a camera sees of the tip, with noise of the given sd in m. */
export function armExamples(arm: RobotArm, key: Key, count: number, noise = 0.005): { x: Matrix; y: Matrix } {
  const x = matrix(count, 3, uniform(split(key, "angles"), 3 * count));
  for (let i = 0; i < x.data.length; i++) {
    const [low, high] = range[i % 3]!;
    x.data[i] = low + (high - low) * x.data[i]!;
  }
  const y = tipPositions(arm, x);
  const errors = normal(split(key, "camera"), 2 * count);
  for (let i = 0; i < y.data.length; i++) y.data[i]! += noise * errors[i]!;
  return { x, y };
}
