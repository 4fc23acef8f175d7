import type { LearnableFn, PathFn } from "../kernels/index.ts";
import { add, type Matrix } from "../linalg/index.ts";
import { columns, sideBySide } from "./ops/elementwise.ts";

/** A function that is a layer of another: with `skip` it sees the whole's input beside the values before it. */
export interface Link {
  readonly fn: PathFn;
  readonly skip: boolean;
}

/** The values of each layer in turn, the last one's last. */
export function through(links: readonly Link[], x: Matrix): readonly Matrix[] {
  const values: Matrix[] = [];
  let h = x;
  for (const { fn, skip } of links) {
    h = fn.at(skip ? sideBySide(h, x) : h);
    values.push(h);
  }
  return values;
}

/** The composition f_L ∘ … ∘ f_1 as one function; with derivatives in its inputs where every layer has them. */
export function chained(links: readonly Link[]): PathFn {
  const inputs = links[0]!.fn.inputs - (links[0]!.skip ? links[0]!.fn.inputs / 2 : 0);
  const { outputs } = links.at(-1)!.fn;
  const differentiable = links.every(({ fn }) => fn.pullbackInputs);
  return {
    inputs,
    outputs,
    at: (x) => through(links, x).at(-1)!,
    ...(differentiable && {
      pullbackInputs(x: Matrix, bar: Matrix) {
        const values = [x, ...through(links, x)];
        let slope = bar;
        let ofInput: Matrix | undefined;
        for (let l = links.length - 1; l >= 0; l--) {
          const { fn, skip } = links[l]!;
          const h = values[l]!;
          const pulled = fn.pullbackInputs!(skip ? sideBySide(h, x) : h, slope);
          if (!skip) slope = pulled;
          else {
            slope = columns(pulled, 0, h.cols);
            const direct = columns(pulled, h.cols, pulled.cols);
            ofInput = ofInput ? add(ofInput, direct) : direct;
          }
        }
        return ofInput ? add(slope, ofInput) : slope;
      },
    }),
  };
}

/** A learnable function as a path: the same function in every draw. */
export function pathOf(fn: LearnableFn): PathFn {
  return {
    inputs: fn.inputs,
    outputs: fn.outputs,
    at: (x) => fn.at(x),
    pullbackInputs: (x, bar) => fn.pullback(x, bar).x,
  };
}
