import { type Gradient, type Parameters, positive } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";

export interface Likelihood {
  readonly name: string;
  readonly parameters: Parameters;
  with(parameters: Parameters): Likelihood;
  expectation(
    y: Matrix,
    mean: Matrix,
    variance: Matrix,
  ): {
    readonly value: number;
    readonly mean: Matrix;
    readonly variance: Matrix;
    readonly parameters: Gradient;
  };
}

export function gaussian(noiseVariance = 0.01): Likelihood {
  return of({ noiseVariance: positive("noiseVariance", noiseVariance) });
}

function of(parameters: Parameters): Likelihood {
  const noise = parameters.noiseVariance!.value[0]!;
  return {
    name: "gaussian",
    parameters,
    with: of,
    expectation(y, mean, variance) {
      const ofMean = matrix(y.rows, y.cols);
      const ofVariance = matrix(y.rows, y.cols);
      let squares = 0;
      for (let k = 0; k < y.data.length; k++) {
        const r = y.data[k]! - mean.data[k]!;
        squares += r * r + variance.data[k]!;
        ofMean.data[k] = r / noise;
        ofVariance.data[k] = -0.5 / noise;
      }
      const n = y.data.length;
      return {
        value: -0.5 * (n * Math.log(2 * Math.PI * noise) + squares / noise),
        mean: ofMean,
        variance: ofVariance,
        parameters: { noiseVariance: Float64Array.of((0.5 * (squares / noise - n)) / noise) },
      };
    },
  };
}
