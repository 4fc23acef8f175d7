import type { Elementwise, Floats } from "../engine/engine.ts";
import type { Checker } from "./check-engine-support.ts";

const FUNCTIONS: readonly Elementwise[] = [
  ...(["exp", "relu", "tanh", "sigmoid", "softplus", "silu", "erf", "gelu", "sin", "cos"] as const),
];

/** Arguments from tiny to where everything saturates, both signs, and what is not a number. */
function argumentsFor(of: new (n: number) => Floats): Floats {
  const values: number[] = [0, -0, Number.NaN];
  for (let e = -30; e <= 12; e++)
    for (const m of [1, 1.37, 1.71]) values.push(m * 2 ** (e / 2), -m * 2 ** (e / 2));
  for (let i = -300; i <= 300; i++) values.push(i / 29);
  const out = new of(values.length);
  for (let i = 0; i < values.length; i++) out[i] = values[i]!;
  return out;
}

/**
 * Values and slopes against the reference, which computes in f64 and rounds. exp errs by at most 2 units in the last
 * place; the others by a few roundings, relative to the value where that is how they are computed (tanh, erf and sin
 * near 0), else relative to 1, as 1 + erf and 1 − tanh² cancel; sin and cos are reduced with an error of |x| u.
 */
export function checkElementwise(check: Checker): void {
  for (const [of, u] of [
    [Float64Array, 2 ** -53],
    [Float32Array, 2 ** -24],
  ] as const) {
    const x: Floats = argumentsFor(of);
    const by = x.map((_, i) => 1 + (i % 5)) as Floats;
    for (const f of FUNCTIONS) {
      const got: Floats = new of(x.length);
      const wanted: Floats = new of(x.length);
      const compare = (what: string, absolute: (x: number) => number, relative: number): void => {
        for (let i = 0; i < x.length; i++) {
          const allowed =
            u * (relative * Math.abs(wanted[i]!) + absolute(x[i]!)) + (of === Float64Array ? 1e-307 : 1e-37);
          const same = Object.is(got[i], wanted[i]) || Math.abs(got[i]! - wanted[i]!) <= allowed;
          if (!same)
            check.fail(`${what} ${of.name}: of ${x[i]} is ${got[i]}, expected ${wanted[i]} ± ${allowed}`);
        }
      };
      check.engine.elementwise(f, x, got);
      check.reference.elementwise(f, x, wanted);
      const exact = f === "exp" || f === "relu";
      const periodic = f === "sin" || f === "cos";
      const near =
        f === "tanh" || f === "erf"
          ? (v: number) => 4 * Math.min(1, Math.abs(v))
          : (v: number) => 4 * Math.min(4, 1 + Math.abs(v));
      const absolute = exact ? () => 0 : periodic ? (v: number) => 2 + Math.abs(v) * 2 ** -20 : near;
      compare(f, absolute, exact ? 4 : 8);
      check.engine.elementwisePullback(f, x, by, got);
      check.reference.elementwisePullback(f, x, by, wanted);
      // x² in the slopes of erf and gelu errs by x² u, which the exponential turns into a relative error.
      compare(`slope of ${f}`, exact ? () => 0 : () => 60, exact ? 4 : 60);
    }
    check.engine.elementwise("exp", x.subarray(0, 0), new of(0));
  }
}
