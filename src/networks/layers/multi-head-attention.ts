import { ShapeError, UsageError } from "../../errors/index.ts";
import { floats, type Precision, type Tensor } from "../../linalg/index.ts";
import { type Key, split } from "../../random/index.ts";
import type { Layer, Pullback, TangentSide, Weights } from "../layer.ts";
import { dense } from "./dense.ts";
import { inRole, type Parametrisation, parametrisationOf } from "./parametrisation.ts";
import { type Attention, attend, attendPullback, attendPushforward } from "./scaled-dot-product.ts";
import { drawFan } from "./uniform-fan.ts";

interface Tape {
  readonly weights: Weights;
  /** The tapes of the projections before and after the attention. */
  readonly before: unknown;
  readonly attention: Attention;
  readonly after: unknown;
}

/**
 * Self-attention of several heads on [tokens, features] (Vaswani et al. 2017): one projection to queries, keys and
 * values, softmax(Q Kᵀ / √d) V in each head, d = features / heads, and one projection of the heads together.
 * Parameters, their order and their first values are those of PyTorch's MultiheadAttention (out_proj.weight is
 * `out_proj_weight`). In other parametrisations the projections are hidden layers, and under µP and mean-field Q Kᵀ is divided by
 * √d · √(features / baseWidth), for widening at one number of heads (Yang et al. 2022).
 */
export function multiHeadAttention(heads: number, parametrisation: Parametrisation = {}): Layer {
  if (!Number.isInteger(heads) || heads < 1) {
    throw new UsageError(`multiHeadAttention(heads): heads is a whole number of at least 1, got ${heads}`);
  }
  const linear = inRole(parametrisation, "hidden");
  const learnsFeatures =
    parametrisation.parametrisation === "mup" || parametrisation.parametrisation === "meanField";
  const standard = !learnsFeatures && parametrisation.parametrisation !== "ntk";
  const project = (features: number) => ({
    before: dense(3 * features, linear),
    after: dense(features, linear),
  });
  const scaleOf = (features: number): number =>
    Math.sqrt(heads / features) *
    (learnsFeatures ? Math.sqrt((parametrisation.baseWidth ?? 1) / features) : 1);

  const pullHeads = ({ weights, attention, after }: Tape, dy: Tensor): Tensor => {
    const projection = project(featuresOf(attention)).after;
    return attendPullback(attention, projection.vjp(afterOf(weights), after, dy).dx());
  };
  const beforeSide = ({ tape, cotangents }: TangentSide<Tape>): TangentSide<unknown> => ({
    tape: tape.before,
    cotangents: cotangents.map((dy) => pullHeads(tape, dy)),
  });
  const afterSide = ({ tape, cotangents }: TangentSide<Tape>): TangentSide<unknown> => ({
    tape: tape.after,
    cotangents,
  });

  const layer: Layer<Tape> = {
    definition: { kind: "multiHeadAttention", heads, ...parametrisationOf(parametrisation) },
    outputShape(input) {
      if (input.length !== 2 || input[1]! % heads !== 0) {
        throw new ShapeError(
          `multiHeadAttention takes [tokens, features] with features a multiple of ${heads} heads, got ${input.join(" × ")}`,
        );
      }
      return input;
    },
    weightShapes(input) {
      const features = input[1]!;
      const { before, after } = project(features);
      return together(before.weightShapes([features]), after.weightShapes([features]));
    },
    init(key, input, precision) {
      const features = input[1]!;
      if (standard) return asPyTorch(key, features, precision);
      const { before, after } = project(features);
      const draw = (layer: Layer, name: string) => layer.init(split(key, name), [features], precision);
      return together(draw(before, "in_proj"), draw(after, "out_proj"));
    },
    ...(learnsFeatures && {
      adaptiveRates(weights) {
        const { before, after } = project(weights.out_proj_bias!.data.length);
        return together(before.adaptiveRates!(beforeOf(weights)), after.adaptiveRates!(afterOf(weights)));
      },
    }),
    forward(weights, x) {
      const { before, after } = project(x.shape[2]!);
      const qkv = before.forward(beforeOf(weights), x);
      const { context, tape: attention } = attend(qkv.y, heads, scaleOf(x.shape[2]!));
      const { y, tape } = after.forward(afterOf(weights), context);
      return { y, tape: { weights, before: qkv.tape, attention, after: tape } };
    },
    vjp(weights, tape, dy) {
      const { before, after } = project(featuresOf(tape.attention));
      const fromAfter = after.vjp(afterOf(weights), tape.after, dy);
      let pullback: Pullback | undefined;
      const fromBefore = () => {
        const dqkv = () => attendPullback(tape.attention, fromAfter.dx());
        pullback ??= before.vjp(beforeOf(weights), tape.before, dqkv());
        return pullback;
      };
      return {
        dx: () => fromBefore().dx(),
        dweights: () => together(fromBefore().dweights(), fromAfter.dweights()),
      };
    },
    jvp(weights, tape, dx, dweights) {
      const { before, after } = project(featuresOf(tape.attention));
      const dqkv = before.jvp(beforeOf(weights), tape.before, dx, dweights && beforeOf(dweights));
      const dcontext = attendPushforward(tape.attention, dqkv);
      return after.jvp(afterOf(weights), tape.after, dcontext, dweights && afterOf(dweights));
    },
    addTangentGram(a, b, scale, out) {
      const { before, after } = project(featuresOf(a.tape.attention));
      const [ofBefore, ofAfter] = [beforeSide(a), afterSide(a)];
      before.addTangentGram!(ofBefore, a === b ? ofBefore : beforeSide(b), scale, out);
      after.addTangentGram!(ofAfter, a === b ? ofAfter : afterSide(b), scale, out);
    },
    addTangentDiagonal(side, scale, out) {
      const { before, after } = project(featuresOf(side.tape.attention));
      before.addTangentDiagonal!(beforeSide(side), scale, out);
      after.addTangentDiagonal!(afterSide(side), scale, out);
    },
    writeJacobian(side, out, column) {
      const features = featuresOf(side.tape.attention);
      const { before, after } = project(features);
      before.writeJacobian!(beforeSide(side), out, column);
      after.writeJacobian!(afterSide(side), out, column + 3 * features * (features + 1));
    },
  };
  return layer as Layer;
}

function featuresOf({ qkv }: Attention): number {
  return qkv.shape[2]! / 3;
}

function beforeOf(weights: Weights): Weights {
  return { weight: weights.in_proj_weight!, bias: weights.in_proj_bias! };
}

function afterOf(weights: Weights): Weights {
  return { weight: weights.out_proj_weight!, bias: weights.out_proj_bias! };
}

function together<V>(before: Readonly<Record<string, V>>, after: Readonly<Record<string, V>>) {
  return {
    in_proj_weight: before.weight!,
    in_proj_bias: before.bias!,
    out_proj_weight: after.weight!,
    out_proj_bias: after.bias!,
  };
}

/** Xavier's uniform before, ±1/√features after, biases 0. */
function asPyTorch(key: Key, features: number, precision: Precision): Weights {
  const draw = (name: string, rows: number, fanIn: number): Weights => ({
    ...drawFan(split(key, name), { weight: [rows, features] }, fanIn, precision),
    bias: { shape: [rows], data: floats(precision, rows) },
  });
  // Xavier's bound √(6 / (fan_in + fan_out)) with a fan_out of 3 · features.
  return together(draw("in_proj", 3 * features, (4 * features) / 6), draw("out_proj", features, features));
}
