import { ShapeError } from "../../errors/index.ts";
import type { Elementwise, Floats } from "../engine.ts";
import { type Place, useScratch } from "./machine.ts";

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

/** Elements that are worked on at once: with those on their way in and out they stay in the second cache. */
const CHUNK = 2 ** 16;

/** Operations that one element costs, about; moving it costs more than relu's. */
const cost = (f: Elementwise): number => (f === "relu" ? 1 : 30);

function run(f: Elementwise, x: Floats, by: Floats | undefined, out: Floats): void {
  if (out.length !== x.length || (by && by.length !== x.length)) {
    throw new ShapeError(
      `elementwise "${f}" needs arrays of one length, but got ${x.length}${by ? `, ${by.length}` : ""} and ${out.length}.`,
    );
  }
  const wide = x instanceof Float64Array;
  const routine = wide ? "elementwise_f64" : "elementwise_f32";
  const chunks = Math.ceil(x.length / CHUNK);
  let done = 0; // chunks written to `out`, which may be x: a job that is run again must not read these
  useScratch((job) => {
    const place = () => job.place(Math.min(CHUNK, x.length) * (wide ? 8 : 4));
    const places = [place(), place()] as const;
    const bys = by ? ([place(), place()] as const) : undefined;
    job.open();
    const part = (of: Floats, i: number): Floats => of.subarray(i * CHUNK, (i + 1) * CHUNK);
    const view = (p: Place): Floats => (wide ? job.f64(p) : job.f32(p));
    const copyIn = (i: number): void => {
      view(places[i % 2]!).set(part(x, i));
      if (by) view(bys![i % 2]!).set(part(by, i));
    };
    const copyOut = (i: number): void => {
      const to = part(out, i);
      to.set(view(places[i % 2]!).subarray(0, to.length));
      done = i + 1;
    };
    const first = done;
    if (first < chunks) copyIn(first);
    for (let i = first; i < chunks; i++) {
      const count = Math.min(CHUNK, x.length - i * CHUNK);
      const at = places[i % 2]!.address;
      const join = job.start(
        routine,
        cost(f) * count,
        ...[FUNCTIONS.indexOf(f), count, at, bys ? bys[i % 2]!.address : 0, at],
      );
      // The workers are at this chunk while its neighbours move.
      if (i > first) copyOut(i - 1);
      if (i + 1 < chunks) copyIn(i + 1);
      join();
    }
    if (first < chunks) copyOut(chunks - 1);
  });
}

export const wasmElementwise = {
  elementwise<A extends Floats>(f: Elementwise, x: A, out: A): void {
    run(f, x, undefined, out);
  },

  elementwisePullback<A extends Floats>(f: Elementwise, x: A, by: A, out: A): void {
    run(f, x, by, out);
  },
};
