import type { Writer } from "../writer.ts";
import { affine, attentionParts } from "../writers/linear.ts";
import type { TangentWriter } from "./moved.ts";
import { plus } from "./moved.ts";

/** The product rule for a product of two values, by an operator. */
function ofTwo(
  to: Writer,
  operator: "Mul" | "MatMul",
  [a, da]: readonly [string, string | undefined],
  [b, db]: readonly [string, string | undefined],
): string | undefined {
  return plus(
    to,
    da === undefined ? undefined : to.node(operator, [da, b]),
    db === undefined ? undefined : to.node(operator, [a, db]),
  );
}

export const productTangents: Readonly<Record<string, TangentWriter>> = {
  fanInMatmul: (to, { inputs, tangents }) =>
    ofTwo(to, "MatMul", [inputs[0], tangents[0]], [inputs[1]!, tangents[1]]),
  fanInProduct(to, { inputs, tangents }) {
    let [value, tangent] = [inputs[0] as string, tangents[0]];
    for (let i = 1; i < inputs.length; i++) {
      tangent = ofTwo(to, "Mul", [value, tangent], [inputs[i]!, tangents[i]]);
      value = to.node("Mul", [value, inputs[i]!]);
    }
    return tangent;
  },
  multiHeadAttention(to, layer) {
    const { inputs, tangents, tensors, move } = layer;
    const [t] = tangents;
    const parts = attentionParts(to, layer);
    const moved = plus(
      to,
      t === undefined ? undefined : affine(to, t, "in_proj_", tensors.in_proj_weight!, undefined),
      move.in_proj_weight && affine(to, inputs[0], "in_proj_move_", move.in_proj_weight, move.in_proj_bias),
    );
    let dcontext: string | undefined;
    if (moved !== undefined) {
      const { scaled: dq, keys: dk, values: dv } = parts.split(moved);
      const { scaled, keys, values, probabilities: p } = parts;
      const scores = to.node("Add", [to.node("MatMul", [dq, keys]), to.node("MatMul", [scaled, dk])]);
      const mean = to.node("ReduceSum", [to.node("Mul", [p, scores]), to.whole([-1])], { keepdims: 1 });
      const dp = to.node("Mul", [p, to.node("Sub", [scores, mean])]);
      const both = to.node("Add", [to.node("MatMul", [dp, values]), to.node("MatMul", [p, dv])]);
      dcontext = parts.join(both);
    }
    return plus(
      to,
      dcontext === undefined
        ? undefined
        : affine(to, dcontext, "out_proj_", tensors.out_proj_weight!, undefined),
      move.out_proj_weight &&
        affine(to, parts.together, "out_proj_move_", move.out_proj_weight, move.out_proj_bias),
    );
  },
};
