import { UsageError } from "../errors/index.ts";
import type { Tensor } from "../linalg/index.ts";
import {
  drawWeights,
  type Examples,
  type Network,
  networkOf,
  type Training,
  type TrainOptions,
  train,
  type Weights,
} from "../networks/index.ts";
import { type Key, key, permutation, split } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";

/** For each layer, the parameters that pruning may take, with 1 for kept and 0 for removed. */
export type Masks = readonly Weights[];

export interface PruneOptions {
  /** Share of the surviving weights that a round removes. */
  readonly rate: number;
  /** Share in the last layer with weights, whose few weights matter more; half of `rate` unless given. */
  readonly lastRate?: number;
  /** Whether magnitudes are compared within a layer, or over all of them. */
  readonly scope?: "layer" | "global";
}

/** Masks that keep everything: all weights of two or more dimensions; biases and gains are never pruned. */
export function wholeMasks(net: Network): Masks {
  return net.weights.map((record) =>
    Object.fromEntries(
      Object.entries(record)
        .filter(([, t]) => t.shape.length > 1)
        .map(([name, t]) => [name, { shape: t.shape, data: t.data.slice().fill(1) }]),
    ),
  );
}

/** The share of the prunable weights that masks keep. */
export function remaining(masks: Masks): number {
  const all = masks.flatMap((record) => Object.values(record));
  const kept = all.reduce((s, { data }) => s + Array.from(data).reduce((a, b) => a + b, 0), 0);
  return kept / all.reduce((s, { data }) => s + data.length, 0);
}

/** Masks without the surviving weights of smallest magnitude (Han et al. 2015). */
export function pruneByMagnitude(net: Network, masks: Masks, options: PruneOptions): Masks {
  const { rate, lastRate = rate / 2, scope = "layer" } = options;
  for (const share of [rate, lastRate]) {
    if (!(share >= 0 && share < 1))
      throw new UsageError(`a pruning rate lies from 0 to below 1, got ${share}`);
  }
  const layers = masks.flatMap((record, i) => (Object.keys(record).length > 0 ? [i] : []));
  const last = layers.at(-1);
  const groups = scope === "global" ? [layers] : layers.map((i) => [i]);
  const out = masks.map((record) => ({ ...record }) as Record<string, Tensor>);
  for (const group of groups) {
    const survivors = group.flatMap((i) =>
      Object.entries(masks[i]!).flatMap(([name, mask]) => {
        const weights = net.weights[i]![name]!.data;
        return Array.from(mask.data.keys())
          .filter((k) => mask.data[k] === 1)
          .map((k) => ({ i, name, k, size: Math.abs(weights[k]!) }));
      }),
    );
    const share = scope === "layer" && group[0] === last ? lastRate : rate;
    survivors.sort((a, b) => a.size - b.size);
    for (const i of group) {
      for (const [name, mask] of Object.entries(masks[i]!)) {
        out[i]![name] = { shape: mask.shape, data: mask.data.slice() };
      }
    }
    for (const { i, name, k } of survivors.slice(0, Math.round(share * survivors.length))) {
      out[i]![name]!.data[k] = 0;
    }
  }
  return out;
}

/** Masks that keep as many weights of each tensor at other places: the control for where a ticket's weights lie. */
export function shuffleMasks(masks: Masks, k: Key): Masks {
  return masks.map((record, i) =>
    Object.fromEntries(
      Object.entries(record).map(([name, { shape, data }]) => {
        const order = permutation(split(split(k, i), name), data.length);
        return [name, { shape, data: data.map((_, j) => data[order[j]!]!) }];
      }),
    ),
  );
}

/** The network with masked weights at zero. */
export function withMasks(net: Network, masks: Masks): Network {
  const weights = net.weights.map((record, i) =>
    Object.fromEntries(
      Object.entries(record).map(([name, t]) => {
        const mask = masks[i]?.[name];
        return [name, mask ? { shape: t.shape, data: t.data.map((w, k) => w * mask.data[k]!) } : t];
      }),
    ),
  );
  return networkOf(net, weights);
}

export interface TicketOptions extends Partial<PruneOptions> {
  /** Rounds of pruning. */
  readonly rounds?: number;
  /** Prune the trained dense network in each round, at once to what so many rounds leave, instead of the last ticket. */
  readonly oneShot?: boolean;
  /** Survivors go back to the weights after so many minibatches (Frankle et al. 2019); 0 is the initialisation. */
  readonly rewindStep?: number;
  /** Rounds at which the controls are trained too: every one unless given. */
  readonly controlRounds?: readonly number[];
  readonly training?: Omit<TrainOptions, "masks">;
  /** Draws the controls' weights and masks. */
  readonly seed?: number;
  /** How the reinitialised control is drawn from a seed: as `drawWeights` does unless given. */
  readonly draw?: (seed: number) => Network;
}

/** One round: the ticket, trained, beside its two controls. */
export interface TicketRound {
  /** 0 is the dense network. */
  readonly round: number;
  readonly remaining: number;
  readonly masks: Masks;
  /** The surviving weights at the rewound values, before training. */
  readonly start: Network;
  readonly ticket: Training;
  /** The same mask on freshly drawn weights. */
  readonly reinitialised?: Training;
  /** The same starting weights under a shuffled mask. */
  readonly shuffled?: Training;
}

/**
 * Lottery tickets by iterative magnitude pruning with rewinding (Frankle & Carbin 2019): train, remove the smallest
 * surviving weights, put the survivors back to where they started, again. Of each training the network of the best
 * validation loss is kept where `training.validation` is given.
 */
export function* lotteryTickets(
  net: Network,
  examples: Examples,
  options: TicketOptions = {},
): Task<readonly TicketRound[]> {
  const {
    rounds = 12,
    rate = 0.2,
    lastRate = rate / 2,
    scope = "layer",
    rewindStep = 0,
    training = {},
    seed = 0,
  } = options;
  const { draw = (s: number) => drawWeights(net, s) } = options;
  if (!Number.isInteger(rounds) || rounds < 0)
    throw new UsageError(`rounds is a whole number, got ${rounds}`);
  const root = split(key(seed), "ticket");
  const origin =
    rewindStep > 0
      ? (yield* train(net, examples, { ...withoutValidation(training), maxSteps: rewindStep })).network
      : net;
  const wholes = wholeMasks(net);
  const found: TicketRound[] = [];
  let masks = wholes;
  for (let round = 0; round <= rounds; round++) {
    const ticket = yield* train(origin, examples, { ...training, masks });
    const controls = round > 0 && (options.controlRounds?.includes(round) ?? true);
    const base = { round, remaining: remaining(masks), masks, start: withMasks(origin, masks), ticket };
    if (controls) {
      const fresh = draw(1_000_003 * (seed + 1) + round);
      found.push({
        ...base,
        reinitialised: yield* train(fresh, examples, { ...training, masks }),
        shuffled: yield* train(origin, examples, {
          ...training,
          masks: shuffleMasks(masks, split(root, round)),
        }),
      });
    } else found.push(base);
    const gone = (each: number) => (options.oneShot ? 1 - (1 - each) ** (round + 1) : each);
    masks = pruneByMagnitude(
      options.oneShot ? found[0]!.ticket.network : ticket.network,
      options.oneShot ? wholes : masks,
      { rate: gone(rate), lastRate: gone(lastRate), scope },
    );
  }
  return found;
}

/** Training that is cut short keeps its last weights, whatever a validation would prefer. */
function withoutValidation({ validation: _, patience: __, ...rest }: TrainOptions): TrainOptions {
  return rest;
}
