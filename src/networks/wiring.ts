import { UsageError } from "../errors/index.ts";
import type { Layer } from "./layer.ts";

/** Branches that start from the same value; `join`, a layer of several inputs, makes one of their ends. */
export interface Parallel {
  readonly branches: readonly (readonly NetworkPart[])[];
  readonly join: Layer;
}

/** What a network is written with: layers, and branches of layers. */
export type NetworkPart = Layer | Parallel;

/** Layers in an order in which they can be computed, and what feeds each. */
export interface Wiring {
  readonly layers: readonly Layer[];
  /** For each layer the positions of the layers whose outputs it takes; −1 is the network's input. */
  readonly sources: readonly (readonly number[])[];
}

/** The branches side by side, from the same value; an empty branch hands it on as it is. */
export function parallel(branches: readonly (readonly NetworkPart[])[], join: Layer): Parallel {
  if (branches.length === 0) throw new UsageError("parallel: at least one branch is needed");
  return { branches, join };
}

/** Lays parts that follow one another out as layers with their sources. */
export function wire(parts: readonly NetworkPart[]): Wiring {
  const layers: Layer[] = [];
  const sources: (readonly number[])[] = [];
  const place = (layer: Layer, from: readonly number[]): number => {
    sources.push(from);
    return layers.push(layer) - 1;
  };
  const follow = (chain: readonly NetworkPart[], from: number): number =>
    chain.reduce<number>(
      (at, part) =>
        "branches" in part
          ? place(
              part.join,
              part.branches.map((branch) => follow(branch, at)),
            )
          : place(part, [at]),
      from,
    );
  follow(parts, -1);
  return { layers, sources };
}

/** The sources of layers that simply follow one another. */
export function inSequence(count: number): readonly (readonly number[])[] {
  return Array.from({ length: count }, (_, i) => [i - 1]);
}
