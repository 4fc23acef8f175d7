import type { Layer, Weights } from "../layer.ts";
import { gelu, geluTanh, silu } from "../layers/activations.ts";
import { conv2d } from "../layers/conv-2d.ts";
import { dense } from "../layers/dense.ts";
import { groupNorm } from "../layers/group-norm.ts";
import { layerNorm } from "../layers/layer-norm.ts";
import type { Pair, WindowOptions } from "../layers/windows.ts";

/** A layer with its tensors and what feeds it. */
export interface Step {
  readonly layer: Layer;
  readonly tensors: Weights;
  readonly sources: readonly number[];
}

/** What a rule makes of a step; undefined where it does not apply. */
type Rule = (steps: Steps, index: number) => Step | undefined;

/**
 * The steps with what exporters take apart as one layer again: biases, gelu, silu, layer and group norms. Steps stay
 * in their places; some are then needed by nothing.
 */
export function simplified(steps: readonly Step[]): readonly Step[] {
  const whole = new Steps(steps);
  steps.forEach((_, i) => {
    for (const rule of rules) whole.replace(i, rule(whole, i));
  });
  return whole.list;
}

class Steps {
  readonly list: Step[];

  constructor(steps: readonly Step[]) {
    this.list = [...steps];
  }

  replace(index: number, step: Step | undefined): void {
    if (step) this.list[index] = step;
  }

  /** The sources of a step of the given kind; flattening is reshaping. */
  from(index: number, kind: string): readonly number[] | undefined {
    const step = this.list[index];
    const found = step?.layer.definition.kind === "flatten" ? "reshape" : step?.layer.definition.kind;
    return found === kind ? step!.sources : undefined;
  }

  /** The source of the constant number that is multiplied with it or added to it; `value` undefined is any. */
  byNumber(
    index: number,
    part: "weight" | "bias",
    value?: number,
  ): { source: number; value: number } | undefined {
    const [source] = this.from(index, "affine") ?? [];
    const { layer, tensors } = this.list[index] ?? {};
    const data = tensors?.[part]?.data;
    const only = Object.keys(tensors ?? {}).length === 1 && layer?.definition.trained === false;
    if (source === undefined || !only || data?.length !== 1) return undefined;
    const near = value === undefined || Math.abs(data[0]! - value) < 1e-6 * Math.abs(value);
    return near ? { source, value: data[0]! } : undefined;
  }

  /** The source and tensor of the trained factor or term that is the step's alone. */
  byTensor(index: number, part: "weight" | "bias") {
    const [source] = this.from(index, "affine") ?? [];
    const { layer, tensors } = this.list[index] ?? {};
    const tensor = tensors?.[part];
    const trained = Object.keys(tensors ?? {}).length === 1 && layer?.definition.trained !== false;
    if (source === undefined || source < 0 || !tensor || !trained || this.uses(source) > 1) return undefined;
    return { source, tensor };
  }

  /** The one step that a step takes, of the given kinds one after another. */
  chain(index: number, ...kinds: readonly string[]): number | undefined {
    return kinds.reduce<number | undefined>(
      (at, kind) => (at !== undefined ? this.from(at, kind)?.[0] : undefined),
      index,
    );
  }

  exponent(index: number): number | undefined {
    const { definition } = this.list[index]?.layer ?? {};
    return definition?.kind === "power" ? Number(definition.exponent) : undefined;
  }

  /** How many steps take a step's value. */
  uses(index: number): number {
    return this.list.filter(({ sources }) => sources.includes(index)).length;
  }
}

/** The sources of a join of two, in both orders. */
function pairs(steps: Steps, index: number, kind: string): readonly (readonly [number, number])[] {
  const from = steps.from(index, kind);
  if (from?.length !== 2) return [];
  const [a, b] = from as [number, number];
  return [
    [a, b],
    [b, a],
  ];
}

const rules: readonly Rule[] = [bias, siluRule, geluRule, layerNormRule, groupNormRule];

/** A dense layer or convolution without bias, and one number a unit added to it. */
function bias(steps: Steps, index: number): Step | undefined {
  const added = steps.byTensor(index, "bias");
  const step = added && steps.list[added.source];
  if (step?.layer.definition.bias !== false) return undefined;
  const { kind, units, filters, ...d } = step.layer.definition;
  const { shape, data } = added!.tensor;
  const flat = { shape: [data.length], data };
  const of = (layer: Layer): Step => ({ ...step, layer, tensors: { ...step.tensors, bias: flat } });
  if (kind === "dense" && shape.length === 1 && data.length === units) return of(dense(data.length));
  if (kind !== "conv2d" || shape.length !== 3 || shape[0] !== filters || data.length !== filters)
    return undefined;
  const options = { ...(d as unknown as WindowOptions), groups: Number(d.groups ?? 1) };
  return of(conv2d(data.length, d.kernel as Pair, options));
}

/** x σ(x). */
function siluRule(steps: Steps, index: number): Step | undefined {
  const pair = pairs(steps, index, "fanInProduct").find(([x, s]) => steps.from(s, "sigmoid")?.[0] === x);
  return pair && { layer: silu(), tensors: {}, sources: [pair[0]] };
}

function isCube(steps: Steps, index: number, x: number): boolean {
  const isSquare = (at: number) => steps.from(at, "fanInProduct")?.every((s) => s === x) ?? false;
  return steps.exponent(index) === 3
    ? steps.chain(index, "power") === x
    : pairs(steps, index, "fanInProduct").some(([y, square]) => y === x && isSquare(square));
}

/** ½ x (1 + erf(x / √2)), or with tanh, in the orders in which exporters multiply. */
function geluRule(steps: Steps, index: number): Step | undefined {
  const half = (at: number) => steps.byNumber(at, "weight", 0.5)?.source;
  const whole = half(index);
  for (const [other, gate] of pairs(steps, whole ?? index, "fanInProduct")) {
    // The ½ stands after the product, or before one of its sides.
    const [left, right] = whole !== undefined ? [other, gate] : [half(other) ?? other, half(gate) ?? gate];
    if (whole === undefined && (left === other) === (right === gate)) continue;
    const opened = ungated(steps, right);
    if (opened?.x === left) return { layer: opened.layer, tensors: {}, sources: [left] };
  }
  return undefined;
}

/** The x of 1 + erf(x / √2), or of its approximation 1 + tanh(√(2/π) (x + 0.044715 x³)). */
function ungated(steps: Steps, gate: number): { layer: Layer; x: number } | undefined {
  const inner = steps.byNumber(gate, "bias", 1)?.source ?? -1;
  const x = steps.byNumber(steps.chain(inner, "erf") ?? -1, "weight", Math.SQRT1_2)?.source;
  if (x !== undefined) return { layer: gelu(), x };
  const cubic = steps.byNumber(steps.chain(inner, "tanh") ?? -1, "weight", Math.sqrt(2 / Math.PI))?.source;
  const pair = pairs(steps, cubic ?? -1, "fanInSum").find(([y, term]) =>
    isCube(steps, steps.byNumber(term, "weight", 0.044715)?.source ?? -1, y),
  );
  return pair && { layer: geluTanh(), x: pair[0] };
}

/** weight · (x − mean) / √(variance + ε) + bias over the last axis. */
function layerNormRule(steps: Steps, index: number): Step | undefined {
  const shift = steps.byTensor(index, "bias");
  const factor = shift && steps.byTensor(shift.source, "weight");
  if (!shift || !factor || factor.tensor.shape.length !== 1) return undefined;
  if (factor.tensor.shape.join() !== shift.tensor.shape.join()) return undefined;
  for (const [centred, repeat] of pairs(steps, factor.source, "fanInProduct")) {
    const inverse = steps.chain(repeat, "repeat") ?? -1;
    const root = steps.exponent(inverse) === -1 ? steps.chain(inverse, "power")! : -1;
    const shifted = steps.exponent(root) === 0.5 ? steps.chain(root, "power")! : -1;
    const epsilon = steps.byNumber(shifted, "bias");
    const square = steps.chain(epsilon?.source ?? -1, "reshape", "mean") ?? -1;
    if (steps.exponent(square) !== 2 || steps.chain(square, "power") !== centred) continue;
    for (const [x, mean] of pairs(steps, centred, "fanInSum")) {
      const negative = steps.byNumber(steps.chain(mean, "repeat") ?? -1, "weight", -1)?.source ?? -1;
      if (steps.chain(negative, "reshape", "mean") !== x) continue;
      const lastAxis = [negative, epsilon!.source].every((at) => overLastAxis(steps, at));
      const layer = layerNorm({ epsilon: epsilon!.value });
      const tensors = { weight: factor.tensor, bias: shift.tensor };
      if (lastAxis) return { layer, tensors, sources: [x] };
    }
  }
  return undefined;
}

/** Whether a mean that is reshaped to keep its axis went over the last one alone. */
function overLastAxis(steps: Steps, reshape: number): boolean {
  // A flattened one is of a row of features: more axes would have been reshaped to as many.
  const kept = (steps.list[reshape]!.layer.definition.shape ?? [1]) as readonly number[];
  const { axes } = steps.list[steps.list[reshape]!.sources[0]!]!.layer.definition;
  const [axis, ...more] = axes as readonly number[];
  return more.length === 0 && axis === kept.length - 1 && kept.at(-1) === 1;
}

/** Groups normalised as instances of their own, and weights and biases of the channels then. */
function groupNormRule(steps: Steps, index: number): Step | undefined {
  const shift = steps.byTensor(index, "bias");
  const factor = shift && steps.byTensor(shift.source, "weight");
  const instance = factor ? (steps.chain(factor.source, "reshape") ?? -1) : -1;
  const source = steps.chain(instance, "groupNorm", "reshape");
  if (!factor || source === undefined) return undefined;
  const { layer, tensors } = steps.list[instance]!;
  const still = tensors.weight!.data.every((v) => v === 1) && tensors.bias!.data.every((v) => v === 0);
  const { groups, epsilon } = layer.definition;
  const shape = (steps.list[factor.source]!.layer.definition.shape ?? []) as readonly number[];
  const byChannel = [factor.tensor, shift.tensor].every(
    (t) => t.data.length === shape[0] && t.shape[0] === shape[0] && t.shape.length === shape.length,
  );
  if (!still || !byChannel) return undefined;
  const flat = ({ data }: Weights[string]) => ({ shape: [data.length], data });
  return {
    layer: groupNorm(Number(groups), { epsilon: Number(epsilon) }),
    tensors: { weight: flat(factor.tensor), bias: flat(shift.tensor) },
    sources: [source],
  };
}
