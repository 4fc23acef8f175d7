import { isLearnable, type PathFn } from "../kernels/index.ts";
import { type Fn, floats, type Matrix, matrix, toMatrix, toTensor } from "../linalg/index.ts";
import { backward, forward, isNetwork, type Network } from "../networks/index.ts";

/**
 * ∂f/∂x at points: one n × inputs matrix for each output. Exact for networks and for whatever carries its own
 * pull-back (sampled paths, learnable functions); by central differences, accurate to about 1e-8 of f's scale, for
 * other functions.
 */
export function inputGradients(fn: Fn, x: Matrix): readonly Matrix[] {
  if (isNetwork(fn)) return networkGradients(fn, x);
  const back = inputPullback(fn);
  if (!back) return differences(fn, x);
  return Array.from({ length: fn.outputs }, (_, p) => {
    const bar = matrix(x.rows, fn.outputs);
    for (let i = 0; i < x.rows; i++) bar.data[i * fn.outputs + p] = 1;
    return back(x, bar);
  });
}

function inputPullback(fn: PathFn): ((x: Matrix, bar: Matrix) => Matrix) | undefined {
  if (isLearnable(fn)) return (x, bar) => fn.pullback(x, bar).x;
  return fn.pullbackInputs && ((x, bar) => fn.pullbackInputs!(x, bar));
}

function networkGradients(net: Network, x: Matrix): readonly Matrix[] {
  const { y, tapes } = forward(net, toTensor(x, net.inputShape, net.precision));
  return Array.from({ length: net.outputs }, (_, p) => {
    const unit = { shape: y.shape, data: floats(net.precision, y.data.length) };
    for (let i = 0; i < x.rows; i++) unit.data[i * net.outputs + p] = 1;
    return toMatrix(backward(net, tapes, unit, () => {}, true)!);
  });
}

function differences(fn: Fn, x: Matrix): readonly Matrix[] {
  const out = Array.from({ length: fn.outputs }, () => matrix(x.rows, x.cols));
  for (let j = 0; j < x.cols; j++) {
    const moved = [1, -1].map((sign) => {
      const data = x.data.slice();
      const steps = new Float64Array(x.rows);
      for (let i = 0; i < x.rows; i++) {
        const at = i * x.cols + j;
        // The step that balances rounding against the third derivative: the cube root of the unit of rounding.
        data[at] = x.data[at]! + sign * 6e-6 * Math.max(1, Math.abs(x.data[at]!));
        steps[i] = data[at]!;
      }
      return { values: fn.at({ ...x, data }), steps };
    });
    const [up, down] = [moved[0]!, moved[1]!];
    for (let i = 0; i < x.rows; i++) {
      for (let p = 0; p < fn.outputs; p++) {
        const k = i * fn.outputs + p;
        out[p]!.data[i * x.cols + j] =
          (up.values.data[k]! - down.values.data[k]!) / (up.steps[i]! - down.steps[i]!);
      }
    }
  }
  return out;
}
