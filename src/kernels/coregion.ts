import { ShapeError, UsageError } from "../errors/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { normal, split } from "../random/index.ts";
import { zeroInputGradient } from "./constant.ts";
import type { Kernel } from "./kernel.ts";
import { type Parameters, positive, setUnset, unlessGiven, within } from "./parameters.ts";

export interface CoregionOptions {
  /** How many outputs or tasks the index column tells apart: 0, …, levels − 1. 2 unless given. */
  readonly levels?: number;
  /** Columns of W. 1 unless given. */
  readonly rank?: number;
  /** W, levels × rank, row by row. */
  readonly weight?: number | ArrayLike<number>;
  /** κ, one a level. */
  readonly diagonal?: number | ArrayLike<number>;
}

/**
 * k(i, j) = B_ij on a column of indices, B = W Wᵀ + diag κ: how outputs vary together (the intrinsic coregionalisation
 * model, Bonilla, Chai & Williams 2007). Several outputs in one process: product(on(rbf(), [0]), on(coregion(…), [1])).
 */
export function coregion({ levels = 2, rank = 1, weight, diagonal }: CoregionOptions = {}): Kernel {
  for (const [name, value] of Object.entries({ levels, rank })) {
    if (!(Number.isInteger(value) && value >= 1)) {
      throw new UsageError(`coregion: ${name} is a whole number of at least 1, got ${value}`);
    }
  }
  return coregionOf(rank, {
    weight: unlessGiven(weight, startingWeights(levels, rank, 0.5), (v) =>
      within("weight", v, "real", levels * rank),
    ),
    diagonal: unlessGiven(diagonal, new Float64Array(levels).fill(0.5), (v) =>
      positive("diagonal", v, levels),
    ),
  });
}

/** Cosines of growing frequency, rows of about this squared length: W = 0 or equal columns are saddles of any fit. */
function startingWeights(levels: number, rank: number, square: number): Float64Array {
  const waves = Math.max(levels, rank);
  return Float64Array.from({ length: levels * rank }, (_, k) => {
    const wave = Math.cos((Math.PI * (k % rank) * (Math.floor(k / rank) + 0.5)) / waves);
    return Math.sqrt(((k % rank === 0 ? 1 : 2) * square) / rank) * wave;
  });
}

function coregionOf(rank: number, parameters: Parameters): Kernel {
  const weight = parameters.weight!.value;
  const kappa = parameters.diagonal!.value;
  const levels = kappa.length;
  const entry = (i: number, j: number) => {
    let sum = i === j ? kappa[i]! : 0;
    for (let r = 0; r < rank; r++) sum += weight[i * rank + r]! * weight[j * rank + r]!;
    return sum;
  };
  const indices = (x: Matrix): Float64Array => {
    if (x.cols !== 1) {
      throw new ShapeError(
        `coregion takes one column of indices, got ${x.cols}: choose with on(…, [column])`,
      );
    }
    x.data.forEach((v, i) => {
      if (!(Number.isInteger(v) && v >= 0 && v < levels)) {
        throw new UsageError(
          `coregion: an index is a whole number from 0 to ${levels - 1}, row ${i} has ${v}`,
        );
      }
    });
    return x.data;
  };
  const cross = (x: Matrix, z: Matrix): Matrix => {
    const a = indices(x);
    const b = indices(z);
    const out = matrix(a.length, b.length);
    for (let i = 0, k = 0; i < a.length; i++) {
      for (let j = 0; j < b.length; j++, k++) out.data[k] = entry(a[i]!, b[j]!);
    }
    return out;
  };
  /** `count` independent draws of all levels' values, one a row, from common and own parts. */
  const draws = (count: number, common: Float64Array, own: Float64Array): Matrix => {
    const out = matrix(count, levels);
    for (let f = 0, k = 0; f < count; f++) {
      for (let i = 0; i < levels; i++, k++) {
        let value = Math.sqrt(kappa[i]!) * own[k]!;
        for (let r = 0; r < rank; r++) value += weight[i * rank + r]! * common[f * rank + r]!;
        out.data[k] = value;
      }
    }
    return out;
  };
  return {
    outputs: 1,
    inputs: 1,
    parameters,
    definition: { kind: "coregion", options: { levels, rank } },
    with: (next) => coregionOf(rank, next),
    gram: (x) => cross(x, x),
    cross,
    diagonal: (x) => indices(x).map((i) => entry(i, i)),
    pullback(x, z, bar) {
      const a = indices(x);
      const b = z ? indices(z) : a;
      const ofB = new Float64Array(levels * levels);
      for (let i = 0, k = 0; i < a.length; i++) {
        for (let j = 0; j < b.length; j++, k++) ofB[a[i]! * levels + b[j]!]! += bar.data[k]!;
      }
      const ofWeight = weight.map((_, k) => {
        const i = Math.floor(k / rank);
        let sum = 0;
        for (let j = 0; j < levels; j++) {
          sum += (ofB[i * levels + j]! + ofB[j * levels + i]!) * weight[j * rank + (k % rank)]!;
        }
        return sum;
      });
      return { weight: ofWeight, diagonal: kappa.map((_, i) => ofB[i * levels + i]!) };
    },
    pullbackInputs: zeroInputGradient,
    features(key, inputs, count) {
      const values = draws(
        count,
        normal(split(key, "common"), count * rank).map(Math.sign),
        normal(split(key, "own"), count * levels).map(Math.sign),
      );
      return {
        inputs,
        outputs: 2 * count,
        at(x) {
          const out = matrix(x.rows, 2 * count);
          indices(x).forEach((level, i) => {
            for (let f = 0; f < count; f++) out.data[i * 2 * count + f] = values.data[f * levels + level]!;
          });
          return out;
        },
      };
    },
    /** Exact: a draw of all levels' values. */
    path(key, inputs) {
      const values = draws(1, normal(split(key, "common"), rank), normal(split(key, "own"), levels)).data;
      return { inputs, outputs: 1, at: (x) => ({ ...x, data: indices(x).map((level) => values[level]!) }) };
    },
    startAt: (_x, variance) =>
      coregionOf(
        rank,
        setUnset(parameters, {
          weight: () => startingWeights(levels, rank, variance / 2),
          diagonal: () => new Float64Array(levels).fill(variance / 2),
        }),
      ),
  };
}
