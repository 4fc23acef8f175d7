import { type Anchor, anchor, type Beside } from "../kernels/index.ts";
import type { Matrix } from "../linalg/index.ts";
import type { AnchoredParts, TangentKernel } from "../tangent/index.ts";
import { type Base, lazy, ownOf } from "./base.ts";
import { weightedSum } from "./shares.ts";

// Numbers of the parts beside other points that are remembered: 240 MB.
const rememberedNumbers = 3e7;

/**
 * The base with a kernel that remembers its parts between the examples and the points asked for last, whatever its
 * scales: for several ways of meeting the same labels, which ask one by one. Sums of parts differ in the last digit from
 * the kernel's own.
 */
export function rememberingBeside(base: Base): Base {
  const parts = lazy(() => base.kernel.anchoredShares?.(base.x));
  return { ...base, kernel: remembering(base.kernel, base.x, parts, {}) };
}

function remembering(
  kernel: TangentKernel,
  x: Matrix,
  parts: () => AnchoredParts | undefined,
  seen: { last?: { readonly points: Matrix; readonly parts: readonly Beside[] } },
): TangentKernel {
  const values = Object.values(kernel.parameters).map(({ value }) => value[0]!);
  const summed = (own: AnchoredParts, plain: Anchor): Anchor => ({
    at(points, kind) {
      const numbers = values.length * points.rows * x.rows * kernel.outputs ** 2;
      if (points === x || numbers > rememberedNumbers) return plain.at(points, kind);
      if (seen.last?.points !== points) seen.last = { points, parts: own.at(points, "blocks") };
      const sum = (part: (beside: Beside) => Matrix) => weightedSum(seen.last!.parts.map(part), values);
      const blocks = sum(({ own }) => own);
      return { cross: sum(({ cross }) => cross), own: kind === "blocks" ? blocks : ownOf(blocks, 1) };
    },
  });
  return {
    ...kernel,
    with: (next) => remembering(kernel.with(next), x, parts, seen),
    anchored(z) {
      if (z !== x) return kernel.anchored?.(z);
      const [own, plain] = [parts(), anchor(kernel, x)];
      return own ? summed(own, plain) : plain;
    },
  };
}
