import type { Layer } from "../layer.ts";
import { ofFunction } from "./elementwise.ts";

/** x to a constant power: ½ is the square root, −1 the reciprocal. */
export function powerLayer(exponent: number): Layer {
  return ofFunction(
    { kind: "power", exponent },
    (x) => x ** exponent,
    (x) => exponent * x ** (exponent - 1),
  );
}

/** The natural logarithm. */
export function logLayer(): Layer {
  return ofFunction({ kind: "log" }, Math.log, (x) => 1 / x);
}
