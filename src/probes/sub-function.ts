import { ShapeError, UsageError } from "../errors/index.ts";
import type { Fn } from "../linalg/index.ts";
import { type Network, networkOf } from "../networks/index.ts";

/**
 * The network cut behind the given layers into φ_k ∘ … ∘ φ_1, first part first: each is a network of its own, to be
 * called, fitted, or put together again by `composition`. A cut must not run through a branch.
 */
export function cut(net: Network, behind: readonly number[]): readonly Network[] {
  const ends = [...behind, net.layers.length - 1];
  let start = 0;
  let inputShape = net.inputShape;
  return ends.map((end, part) => {
    if (!Number.isInteger(end) || end < start || (part < behind.length && end >= net.layers.length - 1)) {
      throw new UsageError(
        `cut: expected layers from 0 to ${net.layers.length - 2}, ascending, got ${behind.join(", ")}`,
      );
    }
    const from = start;
    const sources = net.sources.slice(from, end + 1).map((of, i) =>
      of.map((s) => {
        if (s >= from) return s - from;
        if (s === from - 1) return -1;
        throw new UsageError(
          `cut: layer ${from + i} takes layer ${s}'s value past the cut behind layer ${from - 1}: the cut runs through a branch`,
        );
      }),
    );
    const piece = networkOf(
      {
        inputShape,
        precision: net.precision,
        layers: net.layers.slice(from, end + 1),
        sources,
        buffers: net.buffers.slice(from, end + 1),
      },
      net.weights.slice(from, end + 1),
    );
    start = end + 1;
    inputShape = piece.outputShape;
    return piece;
  });
}

/** x ↦ last(… second(first(x))). Throws ShapeError where one's outputs are not the next one's inputs. */
export function composition(...fns: readonly Fn[]): Fn {
  const [first] = fns;
  if (!first) throw new UsageError("composition: at least one function is needed");
  fns.slice(1).forEach((next, i) => {
    if (next.inputs !== fns[i]!.outputs) {
      throw new ShapeError(
        `composition: function ${i} has ${fns[i]!.outputs} outputs, function ${i + 1} takes ${next.inputs} inputs`,
      );
    }
  });
  return {
    inputs: first.inputs,
    outputs: fns.at(-1)!.outputs,
    at: (x) => fns.reduce((values, fn) => fn.at(values), x),
  };
}
