import { floats, floatsLike, type Tensor } from "../linalg/index.ts";
import { type Key, split } from "../random/index.ts";
import type { Layer, Weights } from "./layer.ts";
import { pick, Scattered } from "./layers/picked.ts";
import type { Network } from "./network.ts";
import { weightedLayers } from "./weights.ts";

/** A layer's parameters and buffers together, as its functions take them. */
export function tensorsOf(net: Network, index: number): Weights {
  const buffers = net.buffers[index]!;
  const weights = net.weights[index]!;
  return Object.keys(buffers).length > 0 ? { ...weights, ...buffers } : weights;
}

/** The forward pass of a batch, with each layer's tape. */
export function forward(net: Network, x: Tensor): { readonly y: Tensor; readonly tapes: readonly unknown[] } {
  const tapes: unknown[] = [];
  const y = flow(net, x, (layer, i, inputs) => {
    const step = layer.forward(tensorsOf(net, i), ...(inputs as [Tensor]));
    tapes.push(step.tape);
    return step.y;
  });
  return { y, tapes };
}

/**
 * The forward pass as training wants it (dropout by `k`, batch statistics), with the layers' new buffers; frozen
 * layers act as they do in use.
 */
export function trainingForward(
  net: Network,
  x: Tensor,
  k: Key,
  frozen: ReadonlySet<number> = new Set(),
): { readonly y: Tensor; readonly tapes: readonly unknown[]; readonly buffers: readonly Weights[] } {
  const tapes: unknown[] = [];
  const buffers: Weights[] = [];
  const y = flow(net, x, (layer, i, inputs) => {
    const given = tensorsOf(net, i);
    const step: { y: Tensor; tape: unknown; buffers?: Weights } =
      layer.trainingForward && !frozen.has(i)
        ? layer.trainingForward(given, split(k, i), ...(inputs as [Tensor]))
        : layer.forward(given, ...(inputs as [Tensor]));
    tapes.push(step.tape);
    buffers.push(step.buffers ?? net.buffers[i]!);
    return step.y;
  });
  return { y, tapes, buffers };
}

/** Computes each layer's value from its sources' and lets go of a value once nothing needs it any more. */
function flow<V>(net: Network, x: V, step: (layer: Layer, index: number, inputs: readonly V[]) => V): V {
  const values: (V | undefined)[] = [];
  const lastUse = net.layers.map((_, i) => i);
  net.sources.forEach((from, i) => {
    for (const s of from) if (s >= 0) lastUse[s] = i;
  });
  net.layers.forEach((layer, i) => {
    const from = net.sources[i]!;
    values[i] = step(
      layer,
      i,
      from.map((s) => (s < 0 ? x : values[s]!)),
    );
    for (const s of from) if (s >= 0 && lastUse[s] === i) values[s] = undefined;
  });
  return values.at(-1) ?? x;
}

/**
 * The backward pass of one cotangent of the output: visits `layers`, those with weights unless given, from last to first
 * with the cotangent that reaches each one's output. Cotangents are formed only on the way to these; that of the
 * network's input is returned when `toInput`.
 */
export function backward(
  net: Network,
  tapes: readonly unknown[],
  dy: Tensor,
  visit: Visit,
  toInput = false,
  layers: readonly number[] = weightedLayers(net),
): Tensor | undefined {
  return backwardPass(net, tapes, toInput, layers)(dy, visit);
}

export type Visit = (index: number, cotangent: Tensor) => void;

/** `backward` for several cotangents of one forward pass: what they share is computed once. */
export function backwardPass(
  net: Network,
  tapes: readonly unknown[],
  toInput: boolean,
  layers: readonly number[],
): (dy: Tensor, visit: Visit) => Tensor | undefined {
  const onTheWay = net.layers.map((_, i) => toInput || layers.includes(i));
  net.sources.forEach((from, i) => {
    if (from.some((s) => s >= 0 && onTheWay[s])) onTheWay[i] = true;
  });
  const wanted = (s: number): boolean => (s < 0 ? toInput : onTheWay[s]!);
  const passed = net.layers.map((_, i) => functionBefore(net, i, layers));
  const slopes = new Map<number, Tensor>();
  return (dy, visit) => {
    const cotangents = new Map<number, Tensor>([[net.layers.length - 1, dy]]);
    const add = (s: number, dx: Tensor): void => {
      const before = cotangents.get(s);
      cotangents.set(s, before ? plus(before, dx) : dx);
    };
    for (let i = net.layers.length - 1; i >= 0; i--) {
      const cotangent = cotangents.get(i);
      if (!cotangent) continue;
      cotangents.delete(i);
      if (layers.includes(i)) visit(i, cotangent);
      const from = net.sources[i]!;
      if (!from.some(wanted)) continue;
      const layer = net.layers[i]!;
      const f = passed[i];
      if (f !== undefined) {
        const picked = layer.picked!(tapes[i]);
        if (!slopes.has(i)) slopes.set(i, slopesOf(net, f, pick(picked, tapes[f] as Tensor)));
        add(net.sources[f]![0]!, new Scattered(picked, times(cotangent.data, slopes.get(i)!.data)));
        continue;
      }
      const pullback = layer.vjp(tensorsOf(net, i), tapes[i], cotangent);
      from.forEach((s, input) => {
        if (wanted(s)) add(s, pullback.dx(input));
      });
    }
    return cotangents.get(-1);
  };
}

/**
 * The function of one number that layer i alone picks from, unless it is asked for itself: the two are passed in one step,
 * as its slopes are wanted only where a number was picked.
 */
function functionBefore(net: Network, i: number, asked: readonly number[]): number | undefined {
  const f = net.sources[i]![0]!;
  if (!net.layers[i]!.picked || f < 0 || !net.layers[f]!.elementwise || asked.includes(f)) return undefined;
  return net.sources.every((from, j) => j === i || !from.includes(f)) ? f : undefined;
}

/** The slopes of a function of one number. */
function slopesOf(net: Network, index: number, x: Tensor): Tensor {
  const ones = { shape: x.shape, data: floatsLike(x.data, x.data.length).fill(1) };
  return net.layers[index]!.vjp(tensorsOf(net, index), x, ones).dx();
}

function times(a: Tensor["data"], b: Tensor["data"]): Tensor["data"] {
  const data = floatsLike(a, a.length);
  for (let k = 0; k < data.length; k++) data[k] = a[k]! * b[k]!;
  return data;
}

function plus(a: Tensor, b: Tensor): Tensor {
  const data = a.data.slice();
  for (let i = 0; i < data.length; i++) data[i]! += b.data[i]!;
  return { shape: a.shape, data };
}

/** The gradient of ⟨dy, y⟩ with respect to every weight, one record a layer; empty for the layers left out. */
export function gradient(
  net: Network,
  tapes: readonly unknown[],
  dy: Tensor,
  without: ReadonlySet<number> = new Set(),
): Weights[] {
  const out: Weights[] = net.layers.map(() => ({}));
  backward(net, tapes, dy, (i, cotangent) => {
    if (without.has(i)) return;
    out[i] = net.layers[i]!.vjp(tensorsOf(net, i), tapes[i], cotangent).dweights();
  });
  return out;
}

/** The tangent of the output when the weights move along `dweights`: J(x) dw, by forward accumulation. */
export function pushforward(net: Network, x: Tensor, dweights: readonly Weights[]): Tensor {
  interface Dual {
    readonly value: Tensor;
    readonly tangent: Tensor | undefined;
  }
  const { value, tangent } = flow<Dual>(net, { value: x, tangent: undefined }, (layer, i, inputs) => {
    const step = layer.forward(tensorsOf(net, i), ...(inputs.map((d) => d.value) as [Tensor]));
    const moved = Object.keys(dweights[i]!).length > 0 ? dweights[i] : undefined;
    const [first, ...more] = inputs.map((d) => d.tangent);
    // Where neither the inputs nor the weights move, nothing moves yet.
    const still = !moved && !first && more.every((d) => !d);
    return {
      value: step.y,
      tangent: still ? undefined : layer.jvp(tensorsOf(net, i), step.tape, first, moved, ...more),
    };
  });
  return tangent ?? { shape: value.shape, data: floats(net.precision, value.data.length) };
}
