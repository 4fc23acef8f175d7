import type { Floats } from "../engine/index.ts";
import { UsageError } from "../errors/index.ts";
import { floatsLike, type Matrix, sizeOf, type Tensor, toTensor } from "../linalg/index.ts";
import { layerValues, type Network, tensorsOf } from "../networks/index.ts";
import { type Key, key, permutation, split } from "../random/index.ts";
import { outputWith, repeat } from "./output-with.ts";

/** What a removed unit's value is put to: 0, its mean over the points, or its value at another point. */
export type Replacement = "zero" | "mean" | "resample";

/** One unit removed: of a dense layer, a number; of a convolution, a channel. */
export interface UnitEffect {
  /** The layer whose value the unit belongs to: the activation that follows a layer with weights. */
  readonly layer: number;
  readonly unit: number;
  /** √ of the mean of ‖f − f without the unit‖² over the points: the L2 distance of the two functions. */
  readonly effect: number;
  /** ‖f − f without the unit‖² at each point: where in input space the change lies. */
  readonly changes: Float64Array;
}

export interface AblateOptions {
  /** "zero" unless given. */
  readonly replacement?: Replacement;
  /** Positions of layers whose values lose units; `unitLayers` unless given. */
  readonly layers?: readonly number[];
  /** Draws the points that `resample` takes values from. */
  readonly key?: Key;
}

// Numbers in a value of several copies of the batch: keeps the activations of a pass to a few tens of megabytes.
const numbersAtOnce = 2e6;

/**
 * The functional effect of removing each unit of each hidden layer, largest first. What comes before a layer is
 * computed once for all its units, and where a dense layer follows, its value is corrected by one outer product a unit
 * instead of being computed again.
 */
export function ablate(net: Network, x: Matrix, options: AblateOptions = {}): readonly UnitEffect[] {
  const run = new Ablation(net, x, options);
  const effects = run.layers.flatMap((layer) => run.singles(layer));
  return effects.sort((a, b) => b.effect - a.effect);
}

/** Two units of one layer removed together. */
export interface PairEffect {
  readonly layer: number;
  readonly units: readonly [number, number];
  readonly effect: number;
  /** How much of the change is not the sum of the single ones: ‖Δ_ij − Δ_i − Δ_j‖ in L2. 0 for a linear remainder. */
  readonly interaction: number;
}

/** The effects of removing pairs of units of one layer, largest interaction first. */
export function ablatePairs(
  net: Network,
  x: Matrix,
  layer: number,
  pairs: readonly (readonly [number, number])[],
  options: Omit<AblateOptions, "layers"> = {},
): readonly PairEffect[] {
  const run = new Ablation(net, x, { ...options, layers: [layer] });
  return run.pairs(layer, pairs).sort((a, b) => b.interaction - a.interaction);
}

/**
 * The layers whose values are a network's hidden units: for each layer with weights but the last, the end of the
 * activations that follow it.
 */
export function unitLayers(net: Network): readonly number[] {
  const users = net.layers.map(() => [] as number[]);
  net.sources.forEach((from, i) => {
    for (const s of from) if (s >= 0) users[s]!.push(i);
  });
  const weighted = net.weights.flatMap((record, i) => (Object.keys(record).length > 0 ? [i] : []));
  const ends = weighted.slice(0, -1).map((start) => {
    let at = start;
    while (users[at]!.length === 1) {
      const next = users[at]![0]!;
      const plain = net.sources[next]!.length === 1 && Object.keys(net.weights[next]!).length === 0;
      if (!plain || next === net.layers.length - 1) break;
      at = next;
    }
    return at;
  });
  return [...new Set(ends)];
}

class Ablation {
  readonly layers: readonly number[];
  readonly #values: readonly Tensor[];
  readonly #input: Tensor;
  readonly #others: Int32Array;

  readonly net: Network;
  readonly x: Matrix;
  readonly options: AblateOptions;

  constructor(net: Network, x: Matrix, options: AblateOptions) {
    this.net = net;
    this.x = x;
    this.options = options;
    this.layers = options.layers ?? unitLayers(net);
    const bad = this.layers.find((l) => !Number.isInteger(l) || l < 0 || l >= net.layers.length - 1);
    if (bad !== undefined) {
      throw new UsageError(
        `ablate: layer ${bad} is not one before the last of the network's ${net.layers.length} layers`,
      );
    }
    if (x.rows === 0) throw new UsageError("ablate: there are no points");
    this.#input = toTensor(x, net.inputShape, net.precision);
    this.#values = layerValues(net, this.#input);
    this.#others = permutation(split(options.key ?? key(0), "resample"), x.rows);
  }

  singles(layer: number): UnitEffect[] {
    const units = this.#values[layer]!.shape[1]!;
    const effects: UnitEffect[] = [];
    this.#eachOutput(
      layer,
      Array.from({ length: units }, (_, unit) => [unit]),
      (moved, unit) => {
        const changes = squares(moved, this.x.rows);
        effects.push({ layer, unit, effect: rootMean(changes), changes });
      },
    );
    return effects;
  }

  pairs(layer: number, pairs: readonly (readonly [number, number])[]): PairEffect[] {
    const alone = new Map<number, Float64Array>();
    const members = [...new Set(pairs.flat())];
    this.#eachOutput(
      layer,
      members.map((unit) => [unit]),
      (moved, i) => alone.set(members[i]!, moved.slice()),
    );
    const effects: PairEffect[] = [];
    this.#eachOutput(layer, pairs, (moved, i) => {
      const [a, b] = pairs[i]!;
      const [da, db] = [alone.get(a)!, alone.get(b)!];
      const rest = moved.map((v, k) => v - da[k]! - db[k]!);
      effects.push({
        layer,
        units: [a, b],
        effect: rootMean(squares(moved, this.x.rows)),
        interaction: rootMean(squares(rest, this.x.rows)),
      });
    });
    return effects;
  }

  /** Visits f without a set of units minus f, n × outputs in f64, for each of the sets. */
  #eachOutput(
    layer: number,
    sets: readonly (readonly number[])[],
    visit: (moved: Float64Array, set: number) => void,
  ): void {
    const dense = this.#denseAfter(layer);
    const width = this.#values[dense ?? layer]!.data.length;
    const output = this.#values.at(-1)!.data;
    const atOnce = Math.max(1, Math.floor(numbersAtOnce / width));
    for (let from = 0; from < sets.length; from += atOnce) {
      const some = sets.slice(from, from + atOnce);
      const value =
        dense === undefined ? this.#replaced(layer, some) : this.#correctedDense(layer, dense, some);
      const { data } = outputWith(this.net, this.#input, this.#values, dense ?? layer, value);
      some.forEach((_, s) => {
        // A plain loop: `from` and `map` call back for every number, several times slower.
        const moved = new Float64Array(output.length);
        const at = s * output.length;
        for (let k = 0; k < moved.length; k++) moved[k] = data[at + k]! - output[k]!;
        visit(moved, from + s);
      });
    }
  }

  /** The dense layer that alone takes a layer's value, if that is so. */
  #denseAfter(layer: number): number | undefined {
    const users = this.net.sources.flatMap((from, i) => (from.includes(layer) ? [i] : []));
    const [user] = users;
    const flat = this.#values[layer]!.shape.length === 2;
    return users.length === 1 && flat && this.net.layers[user!]!.definition.kind === "dense"
      ? user
      : undefined;
  }

  /** The layer's value with units replaced, one copy of the batch a set. */
  #replaced(layer: number, sets: readonly (readonly number[])[]): Tensor {
    const value = this.#values[layer]!;
    const out = repeat(value, sets.length);
    const size = sizeOf(value.shape.slice(2));
    const units = value.shape[1]!;
    sets.forEach((set, s) => {
      for (const unit of set) {
        const stand = this.#standIn(layer, unit);
        for (let i = 0; i < this.x.rows; i++) {
          const at = ((s * this.x.rows + i) * units + unit) * size;
          for (let k = 0; k < size; k++) out.data[at + k] = stand[i * size + k]!;
        }
      }
    });
    return out;
  }

  /** The value of the dense layer after: W h + b moves by W's column times the unit's move. */
  #correctedDense(layer: number, dense: number, sets: readonly (readonly number[])[]): Tensor {
    const { shape, data: h } = this.#values[layer]!;
    const units = shape[1]!;
    const base = this.#values[dense]!;
    const out = repeat(base, sets.length);
    const width = base.shape[1]!;
    const columns = this.#columnsOf(dense, units);
    sets.forEach((set, s) => {
      for (const unit of set) {
        const stand = this.#standIn(layer, unit);
        const column = columns.subarray(unit * width, (unit + 1) * width);
        for (let i = 0; i < this.x.rows; i++) {
          const move = stand[i]! - h[i * units + unit]!;
          const at = (s * this.x.rows + i) * width;
          for (let u = 0; u < width; u++) out.data[at + u]! += move * column[u]!;
        }
      }
    });
    return out;
  }

  /** What a dense layer adds for one of each unit, whatever its parametrisation: its values at the unit vectors. */
  #columnsOf(dense: number, units: number): Floats {
    const layer = this.net.layers[dense]!;
    const unitVectors = floatsLike(this.#input.data, (units + 1) * units);
    for (let u = 0; u < units; u++) unitVectors[u * units + u] = 1;
    const { y } = layer.forward(tensorsOf(this.net, dense), { shape: [units + 1, units], data: unitVectors });
    const width = y.shape[1]!;
    const atZero = y.data.slice(units * width);
    return y.data.subarray(0, units * width).map((v, k) => v - atZero[k % width]!);
  }

  /** What stands in for a unit: one number for each point and position. */
  #standIn(layer: number, unit: number): ArrayLike<number> {
    const { shape, data } = this.#values[layer]!;
    const size = sizeOf(shape.slice(2));
    const n = this.x.rows;
    const at = (i: number, k: number) => data[(i * shape[1]! + unit) * size + k]!;
    const out = floatsLike(data, n * size);
    const { replacement = "zero" } = this.options;
    for (let k = 0; replacement !== "zero" && k < size; k++) {
      let mean = 0;
      for (let i = 0; i < n; i++) mean += at(i, k) / n;
      for (let i = 0; i < n; i++) out[i * size + k] = replacement === "mean" ? mean : at(this.#others[i]!, k);
    }
    return out;
  }
}

/** Σ over the outputs of the squares, one number a point. */
function squares(moved: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n);
  const outputs = moved.length / n;
  for (let i = 0, k = 0; i < n; i++) {
    for (let p = 0; p < outputs; p++, k++) out[i]! += moved[k]! ** 2;
  }
  return out;
}

function rootMean(changes: Float64Array): number {
  return Math.sqrt(changes.reduce((a, b) => a + b, 0) / changes.length);
}

/** The points where a change lies, as a table: each input's mean where the function changed less its mean anywhere, in standard deviations. */
export function whereChanged(x: Matrix, changes: Float64Array): Float64Array {
  const total = changes.reduce((a, b) => a + b, 0);
  const out = new Float64Array(x.cols);
  for (let j = 0; j < x.cols; j++) {
    let [mean, square, there] = [0, 0, 0];
    for (let i = 0; i < x.rows; i++) {
      const v = x.data[i * x.cols + j]!;
      mean += v / x.rows;
      square += (v * v) / x.rows;
      if (total > 0) there += (v * changes[i]!) / total;
    }
    const deviation = Math.sqrt(Math.max(0, square - mean * mean));
    out[j] = total > 0 && deviation > 0 ? (there - mean) / deviation : 0;
  }
  return out;
}
