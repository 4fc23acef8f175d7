import { UsageError } from "../errors/index.ts";
import { sizeOf } from "../linalg/index.ts";
import type { Layer, Shape } from "../networks/index.ts";
import { activationLimit, piecesOf } from "./activation-limit.ts";
import { type AttentionForm, attentionLimit } from "./attention-limit.ts";
import { mixedBranches, productLimit } from "./branch-limits.ts";
import type { PieceLinear } from "./dual-activation.ts";
import type { LimitState, LimitStep } from "./limit-state.ts";
import { linearLimit, mixedLimit } from "./linear-limit.ts";
import { normLimit } from "./norm-limit.ts";
import { flattening, mixtureMap, mixtureOf, type PositionMap, selects, windowMap } from "./position-maps.ts";

/** What is known of the values between two layers before any point is seen. */
export interface Values {
  /** Of one example, in the network's own widths. */
  readonly shape: Shape;
  /** The axis that counts units: it is what becomes infinite. All others are positions. */
  readonly channelAxis: number;
  /** Whether the units are independent and alike, Gaussian with mean 0: what activations and norms need. */
  readonly gaussian: boolean;
  /** The layers whose weights the values are made with and have not yet been mixed by others; −1 is the input. */
  readonly roots: ReadonlySet<number>;
}

/** One layer's limit, ready for any points. */
export interface LayerLimit {
  readonly values: Values;
  /** The layer's variances by name. */
  readonly parameters: readonly string[];
  /** Whether its inputs must be in the full form for its output to be in that form or not. */
  needsFull(full: boolean): boolean;
  /** With `spend` the inputs may be overwritten, and there is no way back. */
  step(inputs: readonly LimitState[], variance: (name: string) => number, spend: boolean): LimitStep;
  /** Whether the output is the input itself. */
  readonly same?: boolean;
  /** What the layer is where the engine can do it as part of a chain: a map, then a linear layer or an activation. */
  readonly link?: ChainLink;
}

export interface ChainLink {
  readonly map?: PositionMap;
  readonly linear?: boolean;
  readonly bend?: PieceLinear;
}

/** Why some layers have no limit. */
const reasons: Readonly<Record<string, string>> = {
  maxPool2d: "the maximum of correlated units has no closed form; averagePool2d has",
  globalMaxPool: "the maximum of correlated units has no closed form; globalAveragePool has",
  batchNorm: "its statistics tie the examples of a batch together; layerNorm has a limit",
  softmax: "it ties infinitely many units together",
  logSoftmax: "it ties infinitely many units together",
  embedding: "its input is a table's row number, not a point with an inner product",
  prelu: "it has weights of its own; leakyRelu has a limit",
  affine: "it has weights of its own at each unit",
  constant: "it is no random function of the points",
  fanInMatmul: "products of activations are only known as multiHeadAttention",
};

export function positionsOf({ shape, channelAxis }: Pick<Values, "shape" | "channelAxis">): number {
  return sizeOf(shape) / shape[channelAxis]!;
}

/** The limit of layer `index` after values like these. Throws UsageError, naming the layer and why, where there is none. */
export function layerLimit(
  layer: Layer,
  index: number,
  inputs: readonly Values[],
  attention: AttentionForm | undefined,
): LayerLimit {
  const { definition } = layer;
  const { kind } = definition;
  const given = inputs[0]!;
  const { shape, channelAxis, roots } = given;
  const last = channelAxis === shape.length - 1;
  const refuse = (why: string): UsageError => new UsageError(`infinite: layer ${index} (${kind}): ${why}`);
  const output = layer.outputShape(...(inputs.map((input) => input.shape) as [Shape]));
  const keep = (full: boolean) => full;
  const unchanged: LayerLimit = {
    same: true,
    link: {},
    values: given,
    parameters: [],
    needsFull: keep,
    step: ([state]) => ({
      state: state!,
      pullback: (bar) => ({ inputs: [bar], parameters: {} }),
    }),
  };
  const { link: _, ...rest } = unchanged;
  const made: LayerLimit = { ...rest, same: false };
  const weighted = (values: Partial<Values>, step: LayerLimit["step"], more: readonly string[] = []) => ({
    values: { ...given, shape: output, gaussian: true, roots: new Set([index]), ...values },
    parameters: ["weight", ...(definition.bias === false ? [] : ["bias"]), ...more],
    needsFull: keep,
    step,
  });
  const expectGaussian = () => {
    if (given.gaussian) return;
    throw refuse(
      "it needs Gaussian units before it, as dense, conv2d and attention make them; these come from the input, an activation, a product, a concatenation or a flattening",
    );
  };
  const mixed = (axis: number): LayerLimit => {
    const mixture = mixtureOf(layer, shape, channelAxis);
    const map = mixtureMap(mixture);
    const simple = selects(mixture);
    return {
      values: { ...given, shape: output, channelAxis: axis },
      parameters: [],
      needsFull: simple ? keep : () => true,
      link: { map },
      step: ([state]) => mixedLimit(state!, map),
    };
  };
  /** The channels' axis where the layer leaves it alone. */
  const apart = (axes: readonly number[]): void => {
    if (axes.includes(channelAxis)) throw refuse(`it acts along axis ${channelAxis}, which counts units`);
  };

  switch (kind) {
    case "dense": {
      if (!last) {
        throw refuse(
          `it acts on the last axis of ${shape.join(" × ")}, and units are along axis ${channelAxis}: put flattenLayer or globalAveragePool before it`,
        );
      }
      return {
        ...weighted({}, ([state], variance, spend) =>
          linearLimit(state!, { weight: variance("weight"), bias: variance("bias") }, undefined, spend),
        ),
        link: { linear: true },
      };
    }
    case "conv2d": {
      if (channelAxis !== 0) throw refuse("its channels are not the axis that counts units");
      if (definition.groups !== undefined) throw refuse("groups of channels see few units each");
      const map = windowMap(layer, shape);
      return {
        ...weighted({}, ([state], variance, spend) =>
          linearLimit(state!, { weight: variance("weight"), bias: variance("bias") }, map, spend),
        ),
        link: { map, linear: true },
      };
    }
    case "multiHeadAttention": {
      if (!last) throw refuse("its features are not the axis that counts units");
      if (!attention) {
        throw refuse(
          "softmax(Q Kᵀ/√d) keeps random weights at infinite width, over which no integral is known; choose a form that has a limit by the option attention: identity, tiedSoftmax, tiedIdentity or tiedRelu (Hron et al. 2020)",
        );
      }
      const limit = weighted(
        {},
        ([state], variance) =>
          attentionLimit(attention, state!, {
            weight: variance("weight"),
            bias: variance("bias"),
            scores: variance("scores"),
          }),
        ["scores"],
      );
      return { ...limit, needsFull: () => true };
    }
    case "averagePool2d":
    case "globalAveragePool":
      if (channelAxis !== 0) throw refuse("its channels are not the axis that counts units");
      return mixed(0);
    case "mean": {
      const axes = definition.axes as readonly number[];
      apart(axes);
      return mixed(channelAxis - axes.filter((axis) => axis < channelAxis).length);
    }
    case "slice":
    case "select":
      apart([Number(definition.axis)]);
      return mixed(channelAxis);
    case "pad": {
      const { before, after, value } = definition;
      const both = (before as number[]).map((count, axis) => count + (after as number[])[axis]!);
      apart(both.flatMap((count, axis) => (count > 0 ? [axis] : [])));
      if (value !== 0) throw refuse(`a border of ${value} is no Gaussian; one of 0 has a limit`);
      return mixed(channelAxis);
    }
    case "transpose":
      return mixed((definition.order as number[]).indexOf(channelAxis));
    case "flatten":
    case "reshape": {
      const channels = shape[channelAxis]!;
      const still = channelAxis === 0 ? output[0] === channels : last && output.at(-1) === channels;
      if (still && (output.length > 1 || positionsOf(given) === 1)) {
        return {
          ...unchanged,
          values: { ...given, shape: output, channelAxis: channelAxis === 0 ? 0 : output.length - 1 },
        };
      }
      if (output.length > 1)
        throw refuse(`${shape.join(" × ")} to ${output.join(" × ")} mixes units and positions`);
      return {
        // Units at different positions have variances of their own.
        values: { ...given, shape: output, channelAxis: 0, gaussian: false },
        parameters: [],
        needsFull: () => false,
        link: { map: flattening },
        step: ([state]) => mixedLimit(state!, flattening),
      };
    }
    case "dropout":
      // The function that is dropped from in training is the identity when it is asked.
      return unchanged;
    case "layerNorm":
    case "groupNorm": {
      expectGaussian();
      const axes = kind === "groupNorm" && definition.groups === 1 ? shape.length : Number(definition.axes);
      if (!(axes === shape.length || (axes === 1 && last))) {
        throw refuse(
          `it normalises ${shape.join(" × ")} over other axes than the units (axis ${channelAxis}), alone or with all positions`,
        );
      }
      const together = axes === shape.length && shape.length > 1;
      return { ...made, step: ([state]) => normLimit(state!, Number(definition.epsilon), together) };
    }
    case "fanInSum": {
      expectIndependent(inputs, refuse);
      if (inputs.filter(({ gaussian }) => !gaussian).length > 1) {
        throw refuse(
          "of the branches of a sum all but one must end in dense, conv2d or attention: others have means",
        );
      }
      return {
        ...made,
        values: { ...given, gaussian: inputs.every(({ gaussian }) => gaussian), roots: union(inputs) },
        step: (states) =>
          mixedBranches(
            states,
            states.map(() => 1),
          ),
      };
    }
    case "fanInProduct":
      expectIndependent(inputs, refuse);
      return {
        ...made,
        values: { ...given, gaussian: false, roots: union(inputs) },
        step: productLimit,
      };
    case "fanInConcatenate": {
      const axis =
        Number(definition.axis) < 0 ? shape.length + Number(definition.axis) : Number(definition.axis);
      if (axis !== channelAxis)
        throw refuse(`it joins positions; along the units, axis ${channelAxis}, it has a limit`);
      const shares = inputs.map((input) => input.shape[axis]! / output[axis]!);
      return {
        ...made,
        values: { shape: output, channelAxis, gaussian: false, roots: union(inputs) },
        step: (states) => mixedBranches(states, shares),
      };
    }
    default: {
      if (!layer.elementwise) throw refuse(`${reasons[kind] ?? "its limit is not known here"}`);
      expectGaussian();
      const pieces = piecesOf(layer);
      return {
        ...made,
        values: { ...given, gaussian: false, roots },
        ...(pieces && { link: { bend: pieces } }),
        step: ([state], _variance, spend) => activationLimit(layer, state!, spend),
      };
    }
  }
}

function union(inputs: readonly Values[]): ReadonlySet<number> {
  return new Set(inputs.flatMap(({ roots }) => [...roots]));
}

/** Throws unless the branches are made with different weights. */
function expectIndependent(inputs: readonly Values[], refuse: (why: string) => UsageError): void {
  const seen = new Set<number>();
  for (const { roots } of inputs) {
    for (const root of roots) {
      if (seen.has(root)) {
        const what = root < 0 ? "the input" : `layer ${root}`;
        throw refuse(
          `two of its branches hand on what ${what} made, without weights in between: they are not independent`,
        );
      }
      seen.add(root);
    }
  }
}
