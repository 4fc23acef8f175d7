import { ShapeError, UsageError } from "../errors/index.ts";
import { cholesky, gramOf, type Matrix, matrix, multiply, solve } from "../linalg/index.ts";
import { dense, network as freshNetwork, type Network, networkOf } from "../networks/index.ts";
import { cut } from "./sub-function.ts";

/** The network `to` with the weights and buffers of some of its layers taken from `from`: f(x; [w, w′]). */
export function copyLayers(from: Network, to: Network, layers: readonly number[]): Network {
  const unlike = layers.find((i) => {
    const [a, b] = [from.layers[i], to.layers[i]];
    return !a || !b || JSON.stringify(a.definition) !== JSON.stringify(b.definition);
  });
  if (unlike !== undefined) {
    const kind = (net: Network) => net.layers[unlike]?.definition.kind ?? "nothing";
    throw new ShapeError(
      `copyLayers: layer ${unlike} is ${kind(from)} in one network and ${kind(to)} in the other`,
    );
  }
  const chosen = <T>(a: readonly T[], b: readonly T[]) =>
    b.map((own, i) => (layers.includes(i) ? a[i]! : own));
  return networkOf({ ...to, buffers: chosen(from.buffers, to.buffers) }, chosen(from.weights, to.weights));
}

/**
 * The lower layers of one network, up to and with `layer`, under the upper layers of another, joined by an affine map
 * that is fitted by least squares from the lower one's values to the upper one's own at the points x (Lenc & Vedaldi
 * 2015; Bansal et al. 2021). Both values must be flat; directions in which the lower one does not vary get the jitter
 * of `cholesky`.
 */
export function stitch(lower: Network, upper: Network, layer: number, x: Matrix): Network {
  const [bottom] = cut(lower, [layer]);
  const [replaced, top] = cut(upper, [layer]);
  if (bottom!.outputShape.length !== 1 || replaced!.outputShape.length !== 1) {
    throw new UsageError(
      `stitch: layer ${layer}'s value has shape ${bottom!.outputShape.join(" × ")}: cut where values are flat`,
    );
  }
  const map = affineFit(bottom!.at(x), replaced!.at(x));
  const joint = freshNetwork({
    inputShape: bottom!.outputShape,
    layers: [dense(top!.inputs)],
    precision: lower.precision,
  });
  const convert = (values: Float64Array) => (lower.precision === "f32" ? Float32Array.from(values) : values);
  const affine = {
    weight: { shape: [map.weight.rows, map.weight.cols], data: convert(map.weight.data) },
    bias: { shape: [map.bias.length], data: convert(map.bias) },
  };
  return inTurn([bottom!, networkOf(joint, [affine]), top!]);
}

/** Networks one after another, as one network. */
export function inTurn(parts: readonly Network[]): Network {
  const [first] = parts;
  if (!first) throw new UsageError("inTurn: at least one network is needed");
  const offsets = parts.map((_, p) => parts.slice(0, p).reduce((s, n) => s + n.layers.length, 0));
  return networkOf(
    {
      inputShape: first.inputShape,
      precision: first.precision,
      layers: parts.flatMap((n) => n.layers),
      sources: parts.flatMap((n, p) => n.sources.map((from) => from.map((s) => s + offsets[p]!))),
      buffers: parts.flatMap((n) => n.buffers),
    },
    parts.flatMap((n) => n.weights),
  );
}

/** The affine map with the least mean squared error from rows of a to rows of b. */
function affineFit(a: Matrix, b: Matrix): { readonly weight: Matrix; readonly bias: Float64Array } {
  const extended = matrix(a.rows, a.cols + 1);
  for (let i = 0; i < a.rows; i++) {
    extended.data.set(a.data.subarray(i * a.cols, (i + 1) * a.cols), i * extended.cols);
    extended.data[i * extended.cols + a.cols] = 1;
  }
  const solution = solve(cholesky(gramOf(extended, true)), multiply(extended, b, { a: true }));
  const weight = matrix(b.cols, a.cols);
  for (let u = 0; u < b.cols; u++) {
    for (let j = 0; j < a.cols; j++) weight.data[u * a.cols + j] = solution.data[j * b.cols + u]!;
  }
  return { weight, bias: solution.data.slice(a.cols * b.cols) };
}
