import { UsageError } from "../../../errors/index.ts";
import type { Tensor } from "../../../linalg/index.ts";
import { parametrisationOf, weightsInForce } from "../../layers/parametrisation.ts";
import type { OnnxAttribute } from "../model.ts";
import { elementTypes } from "../model.ts";
import type { LayerWriter, Writer, Written } from "../writer.ts";
import { reshape } from "./arranging.ts";

export const linear: Readonly<Record<string, LayerWriter>> = {
  dense(to, { inputs: [x], shapes: [shape], definition, tensors }) {
    const { weight, bias } = weightsInForce(parametrisationOf(definition), tensors, ([units, features]) => [
      features!,
      units!,
    ]);
    if (shape.length > 1) return affine(to, x, "", weight!, bias);
    const operands = [x, to.tensor("weight", weight!), ...(bias ? [to.tensor("bias", bias)] : [])];
    return to.node("Gemm", operands, { transB: 1 });
  },
  conv2d(to, { inputs: [x], definition, tensors }) {
    const { weight, bias } = weightsInForce(
      parametrisationOf(definition),
      tensors,
      ([filters, ...window]) => [window.reduce((a, b) => a * b, 1), filters!],
    );
    const operands = [x, to.tensor("weight", weight!), ...(bias ? [to.tensor("bias", bias)] : [])];
    return to.node("Conv", operands, { ...windowsOf(definition), group: Number(definition.groups ?? 1) });
  },
  maxPool2d: (to, { inputs, definition }) =>
    to.node("MaxPool", [inputs[0]], { ...windowsOf(definition), ceil_mode: definition.ceil ? 1 : 0 }),
  averagePool2d(to, { inputs, definition }) {
    const { dilations, ...windows } = windowsOf(definition);
    if (dilations!.some((step) => step !== 1)) {
      throw new UsageError("averagePool2d with dilation has no form in ONNX's operator set 17");
    }
    return to.node("AveragePool", [inputs[0]], {
      ...windows,
      ceil_mode: definition.ceil ? 1 : 0,
      count_include_pad: definition.countPadding === false ? 0 : 1,
    });
  },
  embedding(to, { inputs: [x], definition, tensors }) {
    const { weight } = weightsInForce(
      parametrisationOf({ ...definition, role: "input" }),
      tensors,
      (shape) => [1, shape[1]!],
    );
    const tokens = to.node("Cast", [x], { to: elementTypes.int64 });
    return to.node("Gather", [to.tensor("weight", weight!), tokens], { axis: 0 });
  },
  multiHeadAttention: attention,
};

function windowsOf(definition: Written["definition"]) {
  const { kernel, stride, padding, dilation } = definition as unknown as Record<string, readonly number[]>;
  const windows = { kernel_shape: kernel!, strides: stride!, pads: padding!, dilations: dilation! };
  return windows satisfies Record<string, OnnxAttribute>;
}

/** x Wᵀ + b along the last axis. */
export function affine(
  to: Writer,
  x: string,
  prefix: string,
  weight: Tensor,
  bias: Tensor | undefined,
): string {
  const y = to.node("MatMul", [x, to.tensor(`${prefix}weight`, to.transposed(weight))]);
  return bias ? to.node("Add", [y, to.tensor(`${prefix}bias`, bias)]) : y;
}

function attention(to: Writer, layer: Written): string {
  const { out_proj_weight, out_proj_bias } = layer.tensors;
  const { together } = attentionParts(to, layer);
  return affine(to, together, "out_proj_", out_proj_weight!, out_proj_bias);
}

/** What attention computes before its last projection; the heads are [n, heads, tokens, features a head]. */
export function attentionParts(to: Writer, { inputs: [x], shapes: [shape], definition, tensors }: Written) {
  if (!["standard", undefined].includes(parametrisationOf(definition).parametrisation)) {
    throw new UsageError("multiHeadAttention is written to ONNX in the standard parametrisation alone");
  }
  const [tokens, features] = shape as [number, number];
  const heads = Number(definition.heads);
  const each = features / heads;
  /** Queries by √d, keys transposed, and values of what a first projection gives. */
  const split = (joint: string) => {
    const parted = reshape(to, joint, [tokens, 3, heads, each]);
    // [3, n, heads, tokens, each]
    const stacked = to.node("Transpose", [parted], { perm: [2, 0, 3, 1, 4] });
    const part = (index: number) => to.node("Gather", [stacked, to.whole([index], [])], { axis: 0 });
    const [q, k, v] = [part(0), part(1), part(2)];
    const scaled = to.node("Mul", [q, to.number(1 / Math.sqrt(each))]);
    return { scaled, keys: to.node("Transpose", [k], { perm: [0, 1, 3, 2] }), values: v };
  };
  /** The heads side by side again. */
  const join = (context: string) =>
    reshape(to, to.node("Transpose", [context], { perm: [0, 2, 1, 3] }), shape);
  const parts = split(affine(to, x, "in_proj_", tensors.in_proj_weight!, tensors.in_proj_bias));
  const probabilities = to.node("Softmax", [to.node("MatMul", [parts.scaled, parts.keys])], { axis: -1 });
  const together = join(to.node("MatMul", [probabilities, parts.values]));
  return { ...parts, split, join, probabilities, together };
}
