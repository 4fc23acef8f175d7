import type { SparseMap, WideChain, WideStep } from "../engine/index.ts";
import { inputState, type Side } from "./input-state.ts";
import { type LayerLimit, positionsOf, type Values } from "./layer-limit.ts";
import { formsOf, type Variance } from "./limit-plan.ts";
import { matchedLayout, variancesOf } from "./limit-state.ts";
import { mixedLimit } from "./linear-limit.ts";
import { restriction } from "./position-maps.ts";
import type { Architecture } from "./wide-network.ts";

/** A network whose layers follow one another, each of a kind that the engine knows. */
export interface ChainPlan {
  /** The variances that each activation meets at the points of one side, positions × points, in order. */
  bends(side: Side, variance: Variance): readonly Float64Array[];
  /** The engine's chain for the variances of both sides. */
  steps(variance: Variance, rows: readonly Float64Array[], cols: readonly Float64Array[]): WideChain;
}

// States of one pair of points beyond which a tile of them is too large for a thread's scratch memory.
const mostStates = 2 ** 15;

/** Undefined where the layers are no such chain. */
export function chainOf(
  input: Values,
  limits: readonly LayerLimit[],
  sources: Architecture["sources"],
): ChainPlan | undefined {
  const links = limits.flatMap(({ link }) => (link ? [link] : []));
  const inRow = sources.every((from, i) => from.length === 1 && from[0] === i - 1);
  if (!inRow || links.length < limits.length) return undefined;
  const last = limits.length - 1;
  const { full, fullInput } = formsOf(input, limits, sources, last);
  const valuesBefore = (i: number): Values => (i === 0 ? input : limits[i - 1]!.values);
  const isFull = (i: number): boolean => (i < 0 ? fullInput : full[i]!);
  const statesAfter = limits.map(({ values }, i) => positionsOf(values) ** (full[i] ? 2 : 1));
  if (Math.max(positionsOf(input) ** (fullInput ? 2 : 1), ...statesAfter) > mostStates) return undefined;

  // The maps are made when first used: a plan may never be computed.
  let made: readonly (readonly SparseMap[])[] | undefined;
  const maps = () => {
    made ??= limits.map((limit, i) => {
      const positions = positionsOf(valuesBefore(i));
      const narrowed = isFull(i - 1) && !limit.needsFull(full[i]!);
      const given = isFull(i - 1) && !narrowed;
      return [
        ...(narrowed ? restriction.sparse(positions, true) : []),
        ...(links[i]!.map?.sparse(positions, given && positions > 1) ?? []),
      ];
    });
    return made;
  };

  // Of a point with itself less may be wanted than of pairs: only what leads to a variance.
  const lastBend = links.findLastIndex(({ bend }) => bend);
  const own = formsOf(input, limits, sources, lastBend);
  return {
    bends(side, variance) {
      const out: Float64Array[] = [];
      let state = inputState(input, own.fullInput, false, side, undefined);
      for (let i = 0; i <= lastBend; i++) {
        const limit = limits[i]!;
        if (state.layout.full && !limit.needsFull(own.full[i]!)) state = mixedLimit(state, restriction).state;
        if (links[i]!.bend) out.push(variancesOf(state.rowSelf, matchedLayout(state.layout, "rows")).slice());
        state = limit.step([state], (name) => variance(name, i), false).state;
      }
      return out;
    },
    steps(variance, rows, cols) {
      let bends = 0;
      const steps = limits.flatMap((_, i): readonly WideStep[] => {
        const { linear, bend } = links[i]!;
        const out: WideStep[] = maps()[i]!.map((map) => ({ name: "mix", map }));
        if (linear) out.push({ name: "linear", weight: variance("weight", i), bias: variance("bias", i) });
        if (bend) {
          const [rowVariances, colVariances] = [rows[bends]!, cols[bends]!];
          bends++;
          out.push({ name: "bend", ...bend, full: isFull(i), rowVariances, colVariances });
        }
        return out;
      });
      return { positions: positionsOf(input), full: fullInput, steps };
    },
  };
}
