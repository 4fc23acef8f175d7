import type { Matrix } from "./matrix.ts";

/** A function: maps points (n × inputs, one row a point) to values (n × outputs). Pure: same points, same values. */
export interface Fn {
  readonly inputs: number;
  readonly outputs: number;
  at(x: Matrix): Matrix;
}
