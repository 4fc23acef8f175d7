import { UsageError } from "../../errors/index.ts";
import type { Shape } from "../layer.ts";
import type { Network } from "../network.ts";
import { tensorsOf } from "../passes.ts";
import { elementTypes } from "./model.ts";
import { writeModel } from "./write-model.ts";
import { type LayerWriter, Writer } from "./writer.ts";
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

/**
 * The network as an ONNX file of operator set 17, with input "x" and output "y", examples on the first axis of both,
 * in the network's precision (ONNX Runtime has most operators in f32 alone). Parameters are named as in funspace's
 * own files, "0.weight". Dropout is written as what it is in use, the identity.
 */
export function encodeOnnx(net: Network): Uint8Array {
  const double = net.precision === "f64";
  const to = new Writer(double);
  const shapes: Shape[] = [];
  const values: string[] = [];
  net.layers.forEach((layer, i) => {
    const { definition } = layer;
    const write = Object.hasOwn(writers, definition.kind) ? writers[definition.kind] : undefined;
    if (!write) throw new UsageError(`layer ${i}: "${definition.kind}" has no form in ONNX that is written`);
    const from = net.sources[i]!;
    const inputs = from.map((s) => (s < 0 ? "x" : values[s]!)) as [string];
    const given = from.map((s) => (s < 0 ? net.inputShape : shapes[s]!)) as [Shape];
    const output = layer.outputShape(...given);
    to.begin(i);
    values.push(write(to, { definition, inputs, shapes: given, output, tensors: tensorsOf(net, i) }));
    shapes.push(output);
  });
  to.nodes.push({
    ...{ operator: "Identity", domain: "", name: "y", attributes: {} },
    ...{ inputs: [values.at(-1) ?? "x"], outputs: ["y"] },
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
