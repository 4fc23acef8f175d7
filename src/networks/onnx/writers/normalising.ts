import { floatsLike, type Tensor } from "../../../linalg/index.ts";
import type { LayerWriter } from "../writer.ts";
import { reshape } from "./arranging.ts";

export const normalising: Readonly<Record<string, LayerWriter>> = {
  batchNorm(to, { inputs: [x], definition, tensors }) {
    const names = ["weight", "bias", "running_mean", "running_var"];
    // ONNX's momentum is the share of the old statistics, ours of the new.
    return to.node("BatchNormalization", [x, ...names.map((name) => to.tensor(name, tensors[name]!))], {
      epsilon: Number(definition.epsilon),
      momentum: 1 - Number(definition.momentum),
    });
  },
  layerNorm: (to, { inputs: [x], definition, tensors: { weight, bias } }) =>
    to.node("LayerNormalization", [x, to.tensor("weight", weight!), to.tensor("bias", bias!)], {
      axis: -Number(definition.axes),
      epsilon: Number(definition.epsilon),
    }),
  groupNorm(to, { inputs: [x], definition, shapes: [shape], tensors: { weight, bias } }) {
    const groups = Number(definition.groups);
    const filled = (value: number): Tensor => ({
      shape: [groups],
      data: floatsLike(weight!.data, groups).fill(value),
    });
    // Each group is an instance of its own; this operator set has no other group norm.
    const rows = reshape(to, x, [groups, -1]);
    const ones = to.tensor("ones", filled(1));
    const zeros = to.tensor("zeros", filled(0));
    const epsilon = Number(definition.epsilon);
    const normal = to.node("InstanceNormalization", [rows, ones, zeros], { epsilon });
    const back = reshape(to, normal, shape);
    const channels = [shape[0]!, ...shape.slice(1).map(() => 1)];
    const scaled = to.node("Mul", [back, to.tensor("weight", { shape: channels, data: weight!.data })]);
    return to.node("Add", [scaled, to.tensor("bias", { shape: channels, data: bias!.data })]);
  },
};
