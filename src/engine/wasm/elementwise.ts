import { ShapeError } from "../../errors/index.ts";
import type { Elementwise, Floats } from "../engine.ts";
import { useScratch } from "./machine.ts";

/** As numbered in assembly/elementwise.ts. */
const FUNCTIONS: readonly Elementwise[] = [
  "exp",
  "relu",
  "tanh",
  "sigmoid",
  "softplus",
  "silu",
  "erf",
  "gelu",
  "sin",
  "cos",
];

/** Elements that are in scratch at once. */
const CHUNK = 2 ** 18;

/** Operations that one element costs, about. */
const COST = 30;

function run(f: Elementwise, x: Floats, by: Floats | undefined, out: Floats): void {
  if (out.length !== x.length || (by && by.length !== x.length)) {
    throw new ShapeError(
      `elementwise "${f}" needs arrays of one length, but got ${x.length}${by ? `, ${by.length}` : ""} and ${out.length}.`,
    );
  }
  const wide = x instanceof Float64Array;
  const size = wide ? 8 : 4;
  for (let from = 0; from < x.length; from += CHUNK) {
    const count = Math.min(CHUNK, x.length - from);
    useScratch((job) => {
      const place = () => job.place(count * size);
      const [px, pb] = [place(), place()];
      job.open();
      const view = (p: typeof px): Floats => (wide ? job.f64(p) : job.f32(p));
      view(px).set(x.subarray(from, from + count));
      if (by) view(pb).set(by.subarray(from, from + count));
      job.run(
        wide ? "elementwise_f64" : "elementwise_f32",
        COST * count,
        ...[FUNCTIONS.indexOf(f), count, px.address, by ? pb.address : 0, px.address],
      );
      out.set(view(px), from);
    });
  }
}

export const wasmElementwise = {
  elementwise<A extends Floats>(f: Elementwise, x: A, out: A): void {
    run(f, x, undefined, out);
  },

  elementwisePullback<A extends Floats>(f: Elementwise, x: A, by: A, out: A): void {
    run(f, x, by, out);
  },
};
