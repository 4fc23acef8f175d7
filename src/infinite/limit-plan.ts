import { UsageError } from "../errors/index.ts";
import type { Layer } from "../networks/index.ts";
import type { AttentionForm } from "./attention-limit.ts";
import { type LayerLimit, layerLimit, positionsOf, type Values } from "./layer-limit.ts";
import { blankBar, combine, type LimitBar, type LimitState, type LimitStep } from "./limit-state.ts";
import { mixedLimit } from "./linear-limit.ts";
import { restriction } from "./position-maps.ts";
import { type ChainPlan, chainOf } from "./wide-chain.ts";
import type { Architecture } from "./wide-network.ts";

/** A network's limit, layer by layer, before any point is seen. */
export interface LimitPlan {
  readonly input: Values;
  /** Whether the input's covariances are wanted between all positions. */
  readonly fullInput: boolean;
  /** The layers with weights and the names of their variances. */
  readonly variances: readonly (readonly [layer: number, names: readonly string[]])[];
  /** The most covariances that any layer holds of a pair of points. */
  readonly covariancesPerPair: number;
  /** The same computation as one that the engine does at once, where the layers are such a chain. */
  readonly chain: ChainPlan | undefined;
  /** The state after the last layer for one of the input. */
  forward(input: LimitState, variance: Variance): LimitState;
  /** The derivatives in the variances, by "name.layer", for one in the last layer's state. */
  backward(input: LimitState, variance: Variance, bar: (last: LimitState) => LimitBar): Map<string, number>;
}

/** A layer's variance by its name; 0 where it has none. */
export type Variance = (name: string, layer: number) => number;

// Layers that read [channels, height, width].
const imageKinds = ["conv2d", "averagePool2d", "globalAveragePool"];

/** Throws UsageError for a layer without a limit, naming it. */
export function planLimit(
  { layers, sources, inputShape }: Architecture,
  attention: AttentionForm | undefined,
): LimitPlan {
  const ofImages = layers.some(({ definition }) => imageKinds.includes(definition.kind));
  const channelAxis = ofImages ? 0 : inputShape.length - 1;
  const input: Values = { shape: inputShape, channelAxis, gaussian: false, roots: new Set([-1]) };
  const limits: LayerLimit[] = [];
  layers.forEach((layer: Layer, i) => {
    const from = sources[i]!.map((s) => (s < 0 ? input : limits[s]!.values));
    limits.push(layerLimit(layer, i, from, attention));
  });
  const last = layers.length - 1;
  if (layers[last]?.definition.kind !== "dense" || positionsOf(limits[last]!.values) > 1) {
    throw new UsageError(
      "infinite: the last layer should be dense, on units without positions: it is what is summed over the width",
    );
  }

  const { full, fullInput } = formsOf(input, limits, sources, last);
  const held = (values: Values, all: boolean) => positionsOf(values) ** (all ? 2 : 1);

  // A value that one layer alone reads may be overwritten by it.
  const readers = limits.map((_, i) => sources.filter((from) => from.includes(i)).length);
  const inputReaders = sources.filter((from) => from.includes(-1)).length;
  const owned = (s: number): boolean => {
    if (s < 0) return inputReaders === 1;
    return readers[s] === 1 && (!limits[s]!.same || sources[s]!.every(owned));
  };
  const spendable = sources.map((from) => from.every(owned));

  interface Done {
    readonly step: LimitStep;
    /** What brought an input from the full form to the diagonal one, where that was needed. */
    readonly restricted: readonly (LimitStep | undefined)[];
  }
  const run = (state: LimitState, variance: Variance, keep: boolean): readonly Done[] => {
    const done: Done[] = [];
    const lastUse = sources.map((_, i) => sources.findLastIndex((from) => from.includes(i)));
    limits.forEach((limit, i) => {
      const restricted: (LimitStep | undefined)[] = [];
      const inputs = sources[i]!.map((s, k) => {
        const from = s < 0 ? state : done[s]!.step.state;
        if (!from.layout.full || limit.needsFull(full[i]!)) return from;
        restricted[k] = mixedLimit(from, restriction);
        return restricted[k].state;
      });
      const spend = !keep && spendable[i]!;
      done.push({ step: limit.step(inputs, (name) => variance(name, i), spend), restricted });
      if (keep) return;
      // What nobody will ask for any more need not be held.
      for (const s of sources[i]!) if (s >= 0 && lastUse[s] === i) delete done[s];
    });
    return done;
  };
  return {
    input,
    fullInput,
    variances: limits.flatMap(({ parameters }, i) =>
      parameters.length > 0 ? [[i, parameters] as const] : [],
    ),
    covariancesPerPair: Math.max(
      held(input, fullInput),
      ...limits.map(({ values }, i) => held(values, full[i]!)),
    ),
    chain: chainOf(input, limits, sources),
    forward: (state, variance) => run(state, variance, false).at(-1)!.step.state,
    backward(state, variance, bar) {
      const done = run(state, variance, true);
      const bars: (LimitBar | undefined)[] = limits.map(() => undefined);
      bars[last] = bar(done[last]!.step.state);
      const out = new Map<string, number>();
      for (let i = last; i >= 0; i--) {
        const own = bars[i];
        if (!own) continue;
        const { step, restricted } = done[i]!;
        const { inputs, parameters } = step.pullback(own);
        for (const [name, slope] of Object.entries(parameters)) out.set(`${name}.${i}`, slope);
        sources[i]!.forEach((s, k) => {
          if (s < 0) return;
          const narrowed = restricted[k];
          const back = narrowed ? narrowed.pullback(inputs[k]!).inputs[0]! : inputs[k]!;
          const before = bars[s];
          bars[s] = before ? combine([before, back], [1, 1]) : back;
        });
        bars[i] = undefined;
      }
      return out;
    },
  };
}

/** Which values up to a layer are wanted in the full form: those of which somebody after mixes positions. */
export function formsOf(
  input: Values,
  limits: readonly LayerLimit[],
  sources: Architecture["sources"],
  last: number,
): { readonly full: readonly boolean[]; readonly fullInput: boolean } {
  const full = limits.map(() => false);
  let fullInput = false;
  for (let i = last; i >= 0; i--) {
    for (const s of sources[i]!) {
      const from = s < 0 ? input : limits[s]!.values;
      const wanted = limits[i]!.needsFull(full[i]!) && positionsOf(from) > 1;
      if (s < 0) fullInput ||= wanted;
      else full[s] ||= wanted;
    }
  }
  return { full, fullInput };
}

/** The derivative in a state of ⟨bar, its NNGP⟩ or ⟨bar, its NTK⟩. */
export function barOf(last: LimitState, which: "nngp" | "ntk", bar: Float64Array): LimitBar {
  const blank = blankBar(last);
  return which === "nngp" ? { ...blank, nngp: bar } : { ...blank, ntk: bar };
}
