import { ShapeError } from "../errors/index.ts";
import type { Gradient } from "../kernels/index.ts";
import { add, type Matrix, matrix } from "../linalg/index.ts";

/** A matrix that a tape computed, or that its computation began with. */
export interface Node {
  readonly value: Matrix;
  /** Its place on the tape; −1 for a constant, into which nothing is pulled back. */
  readonly place: number;
}

/** From the derivative in a value to those in its parents, in their order; only where `wanted` says so. */
export type PullBack = (bar: Matrix, wanted: readonly boolean[]) => readonly (Matrix | undefined)[];

interface Entry {
  readonly parents: readonly Node[];
  readonly wanted: readonly boolean[];
  readonly pull: PullBack;
}

/**
 * Reverse-mode differentiation over whole matrices: what the variational bounds are made of are few and large
 * operations, each with its pull-back written by hand. Kernels and learnable functions are no matrices: derivatives in
 * their parameters are gathered beside the tape, by the object.
 */
export class Tape {
  readonly #entries: (Entry | undefined)[] = [];
  readonly #slopes = new Map<object, Record<string, Float64Array>>();
  #bars: (Matrix | undefined)[] = [];

  /** A matrix whose derivative is wanted. */
  variable(value: Matrix): Node {
    this.#entries.push(undefined);
    return { value, place: this.#entries.length - 1 };
  }

  /** A matrix whose derivative is not. */
  constant(value: Matrix): Node {
    return { value, place: -1 };
  }

  /**
   * A value computed from others. A constant if all of them are, unless the pull-back gathers derivatives of its own
   * (`gathers`), as operations with kernels do.
   */
  record(value: Matrix, parents: readonly Node[], pull: PullBack, gathers = false): Node {
    const wanted = parents.map(({ place }) => place >= 0);
    if (!gathers && !wanted.includes(true)) return this.constant(value);
    this.#entries.push({ parents, wanted, pull });
    return { value, place: this.#entries.length - 1 };
  }

  /** Adds derivatives in the parameters of an object: for pull-backs of operations with kernels and functions. */
  gather(of: object, slopes: Gradient): void {
    const sums = this.#slopes.get(of) ?? {};
    for (const [name, slope] of Object.entries(slopes)) {
      const sum = sums[name];
      if (sum) for (let i = 0; i < sum.length; i++) sum[i]! += slope[i]!;
      else sums[name] = slope.slice();
    }
    this.#slopes.set(of, sums);
  }

  /** Pulls the derivative 1 of a single number back through everything it was computed from. To be called once. */
  backward({ value, place }: Node): void {
    if (value.data.length !== 1) {
      throw new ShapeError(`only a single number is differentiated, got ${value.rows} × ${value.cols}`);
    }
    const bars: (Matrix | undefined)[] = new Array(this.#entries.length);
    // Sums are made in place once they are the tape's own: a pull-back may hand on the very matrix it was given.
    const own: boolean[] = [];
    if (place >= 0) bars[place] = matrix(1, 1, Float64Array.of(1));
    for (let at = place; at >= 0; at--) {
      const entry = this.#entries[at];
      const bar = bars[at];
      if (!entry || !bar) continue;
      const pulled = entry.pull(bar, entry.wanted);
      entry.parents.forEach((parent, p) => {
        const slope = pulled[p];
        if (!entry.wanted[p] || !slope) return;
        const before = bars[parent.place];
        if (!before) bars[parent.place] = slope;
        else if (own[parent.place]) {
          for (let k = 0; k < slope.data.length; k++) before.data[k]! += slope.data[k]!;
        } else {
          bars[parent.place] = add(before, slope);
          own[parent.place] = true;
        }
      });
      bars[at] = undefined;
    }
    this.#bars = bars;
  }

  /** The derivative in a variable, after `backward`; zeros where nothing depends on it. */
  derivative({ value, place }: Node): Matrix {
    return this.#bars[place] ?? matrix(value.rows, value.cols);
  }

  /** The derivatives in an object's parameters, after `backward`, by their names; none where nothing depends on it. */
  slopesOf(of: object): Gradient {
    return this.#slopes.get(of) ?? {};
  }
}
