import type { Matrix } from "../linalg/index.ts";
import type { Network } from "../networks/index.ts";
import { pointBlocks, pointsAtOnce } from "./point-blocks.ts";
import { type Span, selectSpans } from "./selection.ts";
import { tangentSites } from "./sites.ts";

/** A layer's part in the tangent kernel's trace. */
export interface TraceShare extends Span {
  /** Σ_i Σ_p |∂f_p(x_i)/∂w|² over the layer's weights w, divided by the number of points. */
  readonly trace: number;
  /** Of the whole trace, from 0 to 1. */
  readonly share: number;
}

/** How much of the trace of J Jᵀ at points x (n × inputs) each layer with weights gives: which layers the kernel is of. */
export function traceShares(net: Network, x: Matrix): readonly TraceShare[] {
  const spans = selectSpans(net);
  const sums = spans.map(() => 0);
  for (const { points } of pointBlocks(x, pointsAtOnce(net, net.outputs))) {
    tangentSites(net, points, spans, true).forEach(({ layer, side }, l) => {
      const own = new Float64Array(points.rows);
      layer.addTangentDiagonal!(side, 1, own);
      sums[l]! += own.reduce((sum, v) => sum + v, 0);
    });
  }
  const whole = sums.reduce((a, b) => a + b, 0);
  return spans.map((span, l) => ({
    ...span,
    trace: sums[l]! / x.rows,
    share: whole > 0 ? sums[l]! / whole : 0,
  }));
}
