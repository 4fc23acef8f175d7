import { UsageError } from "../../errors/index.ts";
import { floats, type Precision, sizeOf, type Tensor } from "../../linalg/index.ts";
import { type Key, normal, split } from "../../random/index.ts";
import type { Layer, LayerDefinition, Shape, TangentSide, Weights } from "../layer.ts";
import { gradientTangent } from "./gradient-tangent.ts";

/**
 * How a layer's weights are drawn and multiplied, as a function of its width. It applies W = multiplier · w and
 * B = multiplier · b, of trained numbers w and b that are normal at first with mean 0 and some deviation:
 *
 * - `standard`: as PyTorch draws them, not multiplied.
 * - `ntk` (Jacot, Gabriel & Hongler 2018): deviation 1; multiplier σ_w / √fan_in of a weight, σ_b of a bias.
 * - `mup` (Yang & Hu 2021, the abc-parametrisation a₁ = −½, a_l = 0, a_{L+1} = ½, b_l = ½, c = 0), with widths in units
 *   of `baseWidth` B; the last column multiplies Adam's learning rate (Yang et al. 2022, table 8, in these
 *   multipliers), plain gradient descent needs none:
 *
 * |                            | deviation                 | multiplier   | Adam's rate  |
 * | -------------------------- | ------------------------- | ------------ | ------------ |
 * | weight of an input layer   | σ_w / √(fan_in fan_out/B) | √(fan_out/B) | √(B/fan_out) |
 * | weight of a hidden layer   | σ_w / √fan_in             | 1            | B/fan_in     |
 * | weight of an output layer  | σ_w / √fan_in             | √(B/fan_in)  | √(B/fan_in)  |
 * | bias of an input or hidden | σ_b / √(fan_out/B)        | √(fan_out/B) | √(B/fan_out) |
 * | bias of an output layer    | σ_b                       | 1            | 1            |
 *
 * An input layer's fan_in and an output layer's fan_out stay as the network widens.
 *
 * - `meanField` (Mei, Montanari & Nguyen 2018; a₁ = 0, a_l = 1, b = 0, c = −1): units are averaged, not summed. Written
 *   so that c = 0, by the symmetry a + θ, b − θ, c − 2θ, it is the table above with hidden weights scaled as an output's:
 *   one hidden layer is µP; with more, averages over independent units leave a signal that vanishes as 1/√width.
 */
export type Parametrisation =
  | StandardParametrisation
  | NtkParametrisation
  | MupParametrisation
  | MeanFieldParametrisation;

/** The same, of one linear map: under µP and mean-field it plays a part that the layer alone cannot know. */
export type LinearParametrisation =
  | StandardParametrisation
  | NtkParametrisation
  | ((MupParametrisation | MeanFieldParametrisation) & { readonly role: "input" | "hidden" | "output" });

export interface StandardParametrisation {
  readonly parametrisation?: "standard";
}

export interface NtkParametrisation {
  readonly parametrisation: "ntk";
  /** σ_w, 1 unless given. */
  readonly weightDeviation?: number;
  /** σ_b, 0.1 unless given. */
  readonly biasDeviation?: number;
}

export interface MupParametrisation extends FeatureLearning {
  readonly parametrisation: "mup";
}

export interface MeanFieldParametrisation extends FeatureLearning {
  readonly parametrisation: "meanField";
}

interface FeatureLearning {
  /** σ_w, 1 unless given. */
  readonly weightDeviation?: number;
  /** σ_b, 0 unless given. */
  readonly biasDeviation?: number;
  /** B, the width at which all multipliers are 1; 1 unless given. */
  readonly baseWidth?: number;
}

/** The parametrisation among a layer's options, in the order in which definitions are written. */
export function parametrisationOf(
  options: LayerDefinition | Parametrisation | LinearParametrisation,
): LinearParametrisation {
  const { parametrisation, role, weightDeviation, biasDeviation, baseWidth } = options as LayerDefinition;
  const given = { parametrisation, role, weightDeviation, biasDeviation, baseWidth };
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as LinearParametrisation;
}

/** The parametrisation of one linear map that plays this part in the network. */
export function inRole(p: Parametrisation, role: "input" | "hidden" | "output"): LinearParametrisation {
  return p.parametrisation === "mup" || p.parametrisation === "meanField" ? { ...p, role } : p;
}

/** One row of the table above. */
interface Scaling {
  readonly deviation: number;
  readonly multiplier: number;
  readonly adaptiveRate: number;
}

interface Scalings {
  readonly weight: Scaling;
  readonly bias: Scaling;
}

type Scaled = Exclude<LinearParametrisation, StandardParametrisation>;

function isScaled(p: LinearParametrisation): p is Scaled {
  return p.parametrisation !== undefined && p.parametrisation !== "standard";
}

function scalingsOf(p: Scaled, fanIn: number, fanOut: number): Scalings {
  const { weightDeviation = 1, biasDeviation = p.parametrisation === "ntk" ? 0.1 : 0 } = p;
  if (p.parametrisation === "ntk") {
    return {
      weight: { deviation: 1, multiplier: weightDeviation / Math.sqrt(fanIn), adaptiveRate: 1 },
      bias: { deviation: 1, multiplier: biasDeviation, adaptiveRate: 1 },
    };
  }
  const { role, baseWidth = 1 } = p;
  const rootIn = Math.sqrt(fanIn / baseWidth);
  const rootOut = Math.sqrt(fanOut / baseWidth);
  const deviation = weightDeviation / Math.sqrt(fanIn);
  const averaged = { deviation, multiplier: 1 / rootIn, adaptiveRate: 1 / rootIn };
  return {
    weight: {
      input: { deviation: deviation / rootOut, multiplier: rootOut, adaptiveRate: 1 / rootOut },
      hidden: { deviation, multiplier: 1, adaptiveRate: 1 / rootIn ** 2 },
      output: averaged,
    }[p.parametrisation === "meanField" && role === "hidden" ? "output" : role],
    bias:
      role === "output"
        ? { deviation: biasDeviation, multiplier: 1, adaptiveRate: 1 }
        : { deviation: biasDeviation / rootOut, multiplier: rootOut, adaptiveRate: 1 / rootOut },
  };
}

function check(p: LinearParametrisation): void {
  const names = ["standard", "ntk", "mup", "meanField"];
  if (p.parametrisation !== undefined && !names.includes(p.parametrisation)) {
    throw new UsageError(`parametrisation is one of ${names.join(", ")}, got ${p.parametrisation}`);
  }
  const roles = p.parametrisation === "mup" || p.parametrisation === "meanField";
  if (roles && !["input", "hidden", "output"].includes(p.role)) {
    throw new UsageError(`${p.parametrisation}: a layer's role is input, hidden or output, got ${p.role}`);
  }
  const { weightDeviation = 1, biasDeviation = 0, baseWidth = 1 } = p as Partial<Record<string, number>>;
  if (!(weightDeviation > 0 && biasDeviation >= 0 && baseWidth > 0)) {
    throw new UsageError(
      `${p.parametrisation}: weightDeviation and baseWidth are positive and biasDeviation at least 0, got ${weightDeviation}, ${baseWidth}, ${biasDeviation}`,
    );
  }
}

/** What the wrapped layer keeps, and the multipliers that were in force. */
interface Tape<T> {
  readonly inner: T;
  readonly scalings: Scalings;
  /** How many weights and biases there are. */
  readonly counts: readonly [weights: number, biases: number];
}

/** Where a layer's weight has its fans, and which axis of its output counts units (1 or −1), each with one bias. */
export interface LinearLayout {
  fans(weight: Shape): readonly [fanIn: number, fanOut: number];
  readonly unitAxis: 1 | -1;
}

/** The layer, linear in its "weight" and "bias" if it has one, in another parametrisation. */
export function parametrised<T>(layer: Layer<T>, p: LinearParametrisation, layout: LinearLayout): Layer {
  check(p);
  if (!isScaled(p)) return layer as Layer;
  const scalings = (weight: Shape) => scalingsOf(p, ...layout.fans(weight));
  const unwrap = ({ tape, cotangents }: TangentSide<Tape<T>>): TangentSide<T> => ({
    tape: tape.inner,
    cotangents,
  });
  // Weight and bias have multipliers v and u: v² S_w + u² S_b = v² (S_w + S_b) + (u² − v²) S_b.
  const squares = ({ scalings: { weight, bias }, counts }: Tape<T>) => {
    const square = weight.multiplier ** 2;
    return { square, difference: counts[1] > 0 ? bias.multiplier ** 2 - square : 0 };
  };
  const biases = gradientTangent<Tape<T>>(
    ({ counts }) => counts[1],
    (_tape, dy, example, row) => addUnitSums(dy, example, layout.unitAxis, row),
  );
  const wrapped: Layer<Tape<T>> = {
    definition: { ...layer.definition, ...parametrisationOf(p) },
    outputShape: layer.outputShape,
    weightShapes: layer.weightShapes,
    init(key, input, precision) {
      const shapes = layer.weightShapes(input);
      const { weight, bias } = scalings(shapes.weight!);
      return Object.fromEntries(
        Object.entries(shapes).map(([name, shape]) => {
          const { deviation } = name === "bias" ? bias : weight;
          return [name, drawn(split(key, name), shape, deviation, precision)];
        }),
      );
    },
    adaptiveRates(weights) {
      const { weight, bias } = scalings(weights.weight!.shape);
      return { weight: weight.adaptiveRate, bias: bias.adaptiveRate };
    },
    forward(weights, x) {
      const inForce = scalings(weights.weight!.shape);
      const { y, tape } = layer.forward(multiplied(weights, inForce), x);
      const counts = [weights.weight!.data.length, weights.bias?.data.length ?? 0] as const;
      return { y, tape: { inner: tape, scalings: inForce, counts } };
    },
    vjp(weights, tape, dy) {
      const inner = layer.vjp(multiplied(weights, tape.scalings), tape.inner, dy);
      return { dx: () => inner.dx(), dweights: () => multiplied(inner.dweights(), tape.scalings) };
    },
    jvp: (weights, tape, dx, dweights) =>
      layer.jvp(
        multiplied(weights, tape.scalings),
        tape.inner,
        dx,
        dweights && multiplied(dweights, tape.scalings),
      ),
    addTangentGram(a, b, scale, out) {
      const left = unwrap(a);
      const { square, difference } = squares(a.tape);
      layer.addTangentGram!(left, a === b ? left : unwrap(b), scale * square, out);
      if (difference !== 0) biases.addTangentGram(a, b, scale * difference, out);
    },
    addTangentDiagonal(side, scale, out) {
      const { square, difference } = squares(side.tape);
      layer.addTangentDiagonal!(unwrap(side), scale * square, out);
      if (difference !== 0) biases.addTangentDiagonal(side, scale * difference, out);
    },
    ...(layer.joinTapes && {
      joinTapes: (tapes: readonly Tape<T>[]) => ({
        ...tapes[0]!,
        inner: layer.joinTapes!(tapes.map(({ inner }) => inner)),
      }),
    }),
    writeJacobian(side, out, column) {
      layer.writeJacobian!(unwrap(side), out, column);
      const { scalings: inForce, counts } = side.tape;
      for (let r = 0; r < out.rows; r++) {
        let k = r * out.cols + column;
        for (const end = k + counts[0]; k < end; k++) out.data[k]! *= inForce.weight.multiplier;
        for (const end = k + counts[1]; k < end; k++) out.data[k]! *= inForce.bias.multiplier;
      }
    },
  };
  return wrapped as Layer;
}

/** The weights as a layer of this parametrisation applies them: w and b with their multipliers. */
export function weightsInForce(
  p: LinearParametrisation,
  weights: Weights,
  fans: LinearLayout["fans"],
): Weights {
  if (!isScaled(p)) return weights;
  return multiplied(weights, scalingsOf(p, ...fans(weights.weight!.shape)));
}

function multiplied(weights: Weights, { weight, bias }: Scalings): Weights {
  return mapTensors(weights, ({ shape, data }, name) => {
    const { multiplier } = name === "bias" ? bias : weight;
    return { shape, data: data.map((v) => multiplier * v) };
  });
}

function drawn(key: Key, shape: Shape, deviation: number, precision: Precision): Tensor {
  const data = floats(precision, sizeOf(shape));
  normal(key, data.length).forEach((z, i) => {
    data[i] = deviation * z;
  });
  return { shape, data };
}

/** Adds each unit's cotangents of one example, wherever they occur, to `row`. */
function addUnitSums({ shape, data }: Tensor, example: number, axis: 1 | -1, row: Float64Array): void {
  const run = axis === 1 ? sizeOf(shape.slice(2)) : 1;
  const size = sizeOf(shape.slice(1));
  for (let k = 0; k < size; k++) row[Math.floor(k / run) % row.length]! += data[example * size + k]!;
}

function mapTensors(weights: Weights, change: (t: Tensor, name: string) => Tensor): Weights {
  return Object.fromEntries(Object.entries(weights).map(([name, t]) => [name, change(t, name)]));
}
