import { UsageError } from "../../errors/index.ts";
import type { Kernel } from "../../kernels/index.ts";
import { expectFinite, expectShape, type Fn, type Matrix } from "../../linalg/index.ts";
import type { NoiseOptions } from "./starts.ts";

/** Values seen at points, their noise not yet known: x is n × inputs, y n × outputs. */
export interface FitData {
  readonly x: Matrix;
  readonly y: Matrix;
}

/** Throws ShapeError, NonFiniteError or UsageError for data, a mean or a noise that do not go with the kernel. */
export function expectFitData(
  caller: string,
  kernel: Kernel,
  { x, y }: FitData,
  { mean, noiseVariance }: { readonly mean?: Fn; readonly noiseVariance?: number | NoiseOptions },
): void {
  expectShape(x, "x", undefined, kernel.inputs);
  expectShape(y, "y", x.rows, kernel.outputs);
  if (x.rows === 0) throw new UsageError(`${caller}: there are no observations`);
  expectFinite(x, "x");
  expectFinite(y, "y");
  if (mean && (mean.inputs !== x.cols || mean.outputs !== y.cols)) {
    throw new UsageError(
      `the mean maps ${mean.inputs} inputs to ${mean.outputs} outputs, the data have ${x.cols} and ${y.cols}`,
    );
  }
  const given =
    typeof noiseVariance === "number"
      ? { noiseVariance }
      : { "noiseVariance.start": noiseVariance?.start, "noiseVariance.floor": noiseVariance?.floor };
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && !(value >= 0 && value < Infinity)) {
      throw new UsageError(`${name} should be finite and at least 0, got ${value}`);
    }
  }
}
