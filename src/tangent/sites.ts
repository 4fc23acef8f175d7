import { floats, type Matrix, matrix, rowRange, type Tensor, toTensor } from "../linalg/index.ts";
import {
  backwardPass,
  forward,
  gradientTangent,
  type Layer,
  type Network,
  type TangentSide,
  weightCount,
} from "../networks/index.ts";
import { type Span, selectSpans } from "./selection.ts";
import { traceHead } from "./trace-head.ts";

/** One layer's place in the tangent kernel of a batch of points: its tape and the cotangents that reach it. */
export interface TangentSite {
  /** The layer's position in the network. */
  readonly index: number;
  readonly layer: Pick<
    Layer,
    | "addTangentGram"
    | "addTangentDiagonal"
    | "writeJacobian"
    | "linearSide"
    | "unorderedGradients"
    | "joinTapes"
  >;
  readonly side: TangentSide<unknown>;
  /** How many of the layer's parameters move. */
  readonly parameters: number;
}

/**
 * The sites of the weights that move, all unless given: one forward pass, and one backward pass for each output. For the
 * `trace` over the outputs alone, a layer may have one cotangent that does for all of them.
 */
export function tangentSites(
  net: Network,
  x: Matrix,
  spans: readonly Span[] = selectSpans(net),
  trace = false,
): readonly TangentSite[] {
  const whole = spans.every(({ index, size }) => size === weightCount(net.weights[index]!));
  return whole ? wholeSites(net, x, spans, trace) : partialSites(net, x, spans);
}

function wholeSites(net: Network, x: Matrix, spans: readonly Span[], trace: boolean): readonly TangentSite[] {
  const { y, tapes } = forward(net, toTensor(x, net.inputShape, net.precision));
  const indices = spans.map(({ index }) => index);
  const end = trace ? traceHead(net) : undefined;
  const head = end && indices.includes(end.layer) ? end : undefined;
  const cotangents = new Map<number, Tensor[]>(indices.map((index) => [index, []]));
  const back = backwardPass(net, tapes, false, head ? [...indices, head.first] : indices);
  for (let output = 0; output < net.outputs; output++) {
    const unit: Tensor = { shape: y.shape, data: floats(net.precision, y.data.length) };
    for (let i = 0; i < x.rows; i++) unit.data[i * net.outputs + output] = 1;
    back(unit, (i, cotangent) => {
      head?.add(i, cotangent);
      if (i !== head?.layer) cotangents.get(i)?.push(cotangent);
    });
  }
  if (head && x.rows > 0) cotangents.set(head.layer, [head.cotangent(tapes)]);
  return spans.map(({ index, size }) => ({
    index,
    layer: net.layers[index]!,
    side: { tape: tapes[index], cotangents: cotangents.get(index)! },
    parameters: size,
  }));
}

// Numbers of the Jacobian written out at a time.
const blockSize = 8_000_000;

/** Where a part of a layer's weights moves, their gradients picked from the Jacobian: n × size for each output. */
function partialSites(net: Network, x: Matrix, spans: readonly Span[]): readonly TangentSite[] {
  const layers = selectSpans(
    net,
    spans.map(({ index }) => index),
  );
  const widest = Math.max(...layers.map(({ size }) => size));
  const count = Math.max(1, Math.floor(blockSize / (widest * net.outputs)));
  const picked = spans.map(({ size }) =>
    Array.from({ length: net.outputs }, () => new Float64Array(x.rows * size)),
  );
  for (let from = 0; from < x.rows; from += count) {
    const part = rowRange(x, from, Math.min(x.rows, from + count));
    wholeSites(net, part, layers, false).forEach(({ layer, side, parameters }, l) => {
      const { place, size } = spans[l]!;
      const start = place - layers[l]!.place;
      const written = matrix(part.rows * net.outputs, parameters);
      layer.writeJacobian!(side, written, 0);
      for (let r = 0; r < written.rows; r++) {
        const row = written.data.subarray(r * parameters + start, r * parameters + start + size);
        picked[l]![r % net.outputs]!.set(row, (from + Math.floor(r / net.outputs)) * size);
      }
    });
  }
  return spans.map(({ index, size }, l) => ({
    index,
    layer: gradientTangent<unknown>(
      () => size,
      (_tape, dy, i, row) => row.set(dy.data.subarray(i * size, (i + 1) * size)),
    ),
    side: { tape: undefined, cotangents: picked[l]!.map((data) => ({ shape: [x.rows, size], data })) },
    parameters: size,
  }));
}
