import type { Floats } from "../engine/index.ts";
import { UsageError } from "../errors/index.ts";
import { floatsLike, type Matrix, sizeOf, type Tensor, toTensor } from "../linalg/index.ts";
import { layerValues, type Network, tensorsOf } from "../networks/index.ts";
import { type Key, key, permutation, split } from "../random/index.ts";
import { outputWith, takeExamples } from "./output-with.ts";
import { type Change, changeOf, type Replacement, standIn } from "./replacement.ts";

/**
 * One unit removed: of a dense layer, a number (at every position, where there are positions); of a convolution, a
 * channel.
 */
export interface UnitEffect extends Change {
  /** The layer whose value the unit belongs to: the activation that follows a layer with weights. */
  readonly layer: number;
  readonly unit: number;
}

export interface AblateOptions {
  /** "zero" unless given. */
  readonly replacement?: Replacement;
  /** Positions of layers whose values lose units; `unitLayers` unless given. */
  readonly layers?: readonly number[];
  /** Draws the points that `resample` takes values from. */
  readonly key?: Key;
}

// Numbers in the values of a pass: activations that stay in a processor's second cache.
const numbersAtOnce = 2e5;

/**
 * The functional effect of removing each unit of each hidden layer, largest first. What comes before a layer is
 * computed once for all its units; where a dense layer follows, its value is corrected by one outer product a unit
 * instead of being computed again; and what comes after is computed only at points where the unit's value changes.
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
    const { units } = unitsOf(this.#values[layer]!);
    const effects: UnitEffect[] = [];
    this.#eachOutput(
      layer,
      Array.from({ length: units }, (_, unit) => [unit]),
      (moved, unit) => effects.push({ layer, unit, ...changeOf(moved, this.x.rows) }),
    );
    return effects;
  }

  pairs(layer: number, pairs: readonly (readonly [number, number])[]): PairEffect[] {
    const alone = new Map<number, Float64Array>();
    const members = [...new Set(pairs.flat())];
    this.#eachOutput(
      layer,
      members.map((unit) => [unit]),
      (moved, i) => alone.set(members[i]!, moved),
    );
    const effects: PairEffect[] = [];
    this.#eachOutput(layer, pairs, (moved, i) => {
      const [a, b] = pairs[i]!;
      const [da, db] = [alone.get(a)!, alone.get(b)!];
      const rest = moved.map((v, k) => v - da[k]! - db[k]!);
      effects.push({
        layer,
        units: [a, b],
        effect: changeOf(moved, this.x.rows).effect,
        interaction: changeOf(rest, this.x.rows).effect,
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
    const base = this.#values[dense ?? layer]!;
    const stand = standIn(this.#values[layer]!, this.options.replacement ?? "zero", this.#others);
    const most = Math.max(1, Math.floor((numbersAtOnce * this.x.rows) / base.data.length));
    const columns = dense === undefined ? undefined : this.#columnsOf(dense);
    let waiting: Moved[] = [];
    let count = 0;
    const flush = () => {
      const rows = new Int32Array(count);
      let at = 0;
      for (const { points } of waiting) {
        rows.set(points, at);
        at += points.length;
      }
      const value = takeExamples(base, rows);
      at = 0;
      for (const { set, points } of waiting) {
        for (const unit of sets[set]!) {
          if (columns) this.#correctDense(value, at, points, layer, unit, stand, columns);
          else this.#replace(value, at, points, unit, stand);
        }
        at += points.length;
      }
      const { data } = outputWith(this.net, this.#input, this.#values, dense ?? layer, value, rows);
      at = 0;
      for (const { set, points } of waiting) {
        visit(this.#difference(data, at, points), set);
        at += points.length;
      }
      waiting = [];
      count = 0;
    };
    sets.forEach((set, s) => {
      const points = this.#pointsMoved(layer, set, stand);
      if (count > 0 && count + points.length > most) flush();
      waiting.push({ set: s, points });
      count += points.length;
    });
    flush();
  }

  /** The points where what stands in for some units is not their value. */
  #pointsMoved(layer: number, set: readonly number[], stand: Tensor): Int32Array {
    const value = this.#values[layer]!;
    const { units, before, after } = unitsOf(value);
    const moves = (i: number, unit: number) => {
      for (let b = 0; b < before; b++) {
        const from = ((i * before + b) * units + unit) * after;
        for (let k = from; k < from + after; k++) if (value.data[k] !== stand.data[k]) return true;
      }
      return false;
    };
    const points = new Int32Array(this.x.rows);
    let count = 0;
    for (let i = 0; i < this.x.rows; i++) if (set.some((unit) => moves(i, unit))) points[count++] = i;
    return points.subarray(0, count);
  }

  /** f with rows of its output changed, minus f. */
  #difference(data: Floats, from: number, points: Int32Array): Float64Array {
    const output = this.#values.at(-1)!.data;
    const size = output.length / this.x.rows;
    const moved = new Float64Array(output.length);
    for (let r = 0; r < points.length; r++) {
      const [to, at] = [points[r]! * size, (from + r) * size];
      for (let p = 0; p < size; p++) moved[to + p] = data[at + p]! - output[to + p]!;
    }
    return moved;
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

  /** Puts a unit's stand-in into rows of the layer's value. */
  #replace(value: Tensor, from: number, points: Int32Array, unit: number, stand: Tensor): void {
    const { units, before, after } = unitsOf(value);
    points.forEach((i, r) => {
      for (let b = 0; b < before; b++) {
        const to = (((from + r) * before + b) * units + unit) * after;
        const at = ((i * before + b) * units + unit) * after;
        for (let k = 0; k < after; k++) value.data[to + k] = stand.data[at + k]!;
      }
    });
  }

  /** Moves rows of the value of the dense layer after, W h + b, by W's column times the unit's move. */
  #correctDense(
    { shape, data }: Tensor,
    from: number,
    points: Int32Array,
    layer: number,
    unit: number,
    stand: Tensor,
    columns: Floats,
  ): void {
    const { shape: hidden, data: h } = this.#values[layer]!;
    const [units, width] = [hidden[1]!, shape[1]!];
    const column = columns.subarray(unit * width, (unit + 1) * width);
    for (let r = 0; r < points.length; r++) {
      const k = points[r]! * units + unit;
      const move = stand.data[k]! - h[k]!;
      const at = (from + r) * width;
      for (let u = 0; u < width; u++) data[at + u]! += move * column[u]!;
    }
  }

  /** What a dense layer adds for one of each unit, whatever its parametrisation: its values at the unit vectors. */
  #columnsOf(dense: number): Floats {
    const layer = this.net.layers[dense]!;
    const units = this.#values[this.net.sources[dense]![0]!]!.shape[1]!;
    const unitVectors = floatsLike(this.#input.data, (units + 1) * units);
    for (let u = 0; u < units; u++) unitVectors[u * units + u] = 1;
    const { y } = layer.forward(tensorsOf(this.net, dense), { shape: [units + 1, units], data: unitVectors });
    const width = y.shape[1]!;
    const atZero = y.data.slice(units * width);
    return y.data.subarray(0, units * width).map((v, k) => v - atZero[k % width]!);
  }
}

/** A set of units and the points at which its removal moves anything. */
interface Moved {
  readonly set: number;
  readonly points: Int32Array;
}

/**
 * Where a value's units lie, [n, before, units, after]: on the last axis of [n, positions, features], else on the
 * first one after the examples.
 */
function unitsOf({ shape }: Tensor): {
  readonly units: number;
  readonly before: number;
  readonly after: number;
} {
  return shape.length === 3
    ? { units: shape[2]!, before: shape[1]!, after: 1 }
    : { units: shape[1]!, before: 1, after: sizeOf(shape.slice(2)) };
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
