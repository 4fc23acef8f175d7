import { UsageError } from "../../errors/index.ts";
import type { Tensor } from "../../linalg/index.ts";
import type { Shape, Weights } from "../layer.ts";
import type { Network } from "../network.ts";
import { tensorsOf } from "../passes.ts";
import { elementTypes } from "./model.ts";
import { writeTangent } from "./tangent.ts";
import { writeModel } from "./write-model.ts";
import { type LayerWriter, Writer, type WrittenValue } from "./writer.ts";
import { arranging } from "./writers/arranging.ts";
import { linear } from "./writers/linear.ts";
import { normalising } from "./writers/normalising.ts";
import { pointwise } from "./writers/pointwise.ts";

const writers: Readonly<Record<string, LayerWriter>> = {
  ...linear,
  ...normalising,
  ...pointwise,
  ...arranging,
};

/** A change of units, each array one number or shaped to repeat along an example's last axes. */
export interface OnnxUnits {
  readonly mean: Tensor;
  readonly scale: Tensor;
}

export interface OnnxOptions {
  /** The file takes x in other units: (x − mean) / scale is what the network takes. */
  readonly inputs?: OnnxUnits;
  /** The file gives scale · y + mean. */
  readonly outputs?: OnnxUnits;
  /**
   * A move of the weights, a record a layer: what is written is the linearisation prior(x) + J(x) move instead, such as
   * the mean of an adapted network, in the same standard operators.
   */
  readonly move?: readonly Weights[];
  /** Of the linearisation: the network unless given, its class probabilities, or a constant for each output. */
  readonly prior?: "network" | "probabilities" | Tensor;
  /** Another network, whose outputs take so large a share in those that the prior is of. */
  readonly other?: { readonly network: Network; readonly share: number };
}

/**
 * The network as an ONNX file of operator set 17, with input "x" and output "y", examples on the first axis of both,
 * in the network's precision (ONNX Runtime has most operators in f32 alone). Parameters are named as in funspace's
 * own files, "0.weight". Dropout is written as what it is in use, the identity.
 */
export function encodeOnnx(net: Network, options: OnnxOptions = {}): Uint8Array {
  const double = net.precision === "f64";
  const to = new Writer(double);
  to.begin("inputs");
  const { inputs, outputs, move } = options;
  const x = inputs
    ? to.node("Div", [
        to.node("Sub", ["x", to.tensor("mean", inputs.mean)]),
        to.tensor("scale", inputs.scale),
      ])
    : "x";
  const layers = writtenLayers(to, net, x);
  const own = layers.at(-1)?.value ?? x;
  const y = move ? linearisation(to, net, x, own, writeTangent(to, net, layers, move), options) : own;
  to.begin("outputs");
  const last = outputs
    ? to.node("Add", [
        to.node("Mul", [y, to.tensor("scale", outputs.scale)]),
        to.tensor("mean", outputs.mean),
      ])
    : y;
  to.nodes.push({
    ...{ operator: "Identity", domain: "", name: "y", attributes: {} },
    ...{ inputs: [last], outputs: ["y"] },
  });
  const elementType = double ? elementTypes.double : elementTypes.float;
  return writeModel({
    opset: 17,
    nodes: to.nodes,
    initializers: to.initializers,
    inputs: [{ name: "x", elementType, shape: ["n", ...net.inputShape] }],
    outputs: [{ name: "y", elementType, shape: ["n", ...net.outputShape] }],
  });
}

/** Every layer with the name of its value. */
function writtenLayers(to: Writer, net: Network, x: string, prefix = ""): readonly WrittenValue[] {
  const done: WrittenValue[] = [];
  net.layers.forEach((layer, i) => {
    const { definition } = layer;
    const write = Object.hasOwn(writers, definition.kind) ? writers[definition.kind] : undefined;
    if (!write) throw new UsageError(`layer ${i}: "${definition.kind}" has no form in ONNX that is written`);
    const from = net.sources[i]!;
    const inputs = from.map((s) => (s < 0 ? x : done[s]!.value)) as [string];
    const shapes = from.map((s) => (s < 0 ? net.inputShape : done[s]!.output)) as [Shape];
    const output = layer.outputShape(...shapes);
    to.begin(prefix + i);
    const written = { definition, inputs, shapes, output, tensors: tensorsOf(net, i) };
    done.push({ ...written, write, value: write(to, written) });
  });
  return done;
}

/** prior(x) + J(x) move. */
function linearisation(
  to: Writer,
  net: Network,
  x: string,
  own: string,
  tangent: string | undefined,
  { prior = "network", other }: OnnxOptions,
): string {
  const values = other && (writtenLayers(to, other.network, x, "other.").at(-1)?.value ?? x);
  to.begin("linearisation");
  let mean = values ? between(to, own, values, other.share) : own;
  if (prior === "probabilities") {
    mean = net.outputs === 1 ? to.node("Sigmoid", [mean]) : to.node("Softmax", [mean], { axis: -1 });
  } else if (prior !== "network") {
    mean = to.node("Add", [to.node("Mul", [own, to.number(0)]), to.tensor("prior", prior)]);
  }
  return tangent === undefined ? mean : to.node("Add", [mean, tangent]);
}

/** (1 − share) a + share b. */
function between(to: Writer, a: string, b: string, share: number): string {
  if (share === 1) return b;
  const parts = [to.node("Mul", [a, to.number(1 - share)]), to.node("Mul", [b, to.number(share)])];
  return to.node("Add", parts);
}
