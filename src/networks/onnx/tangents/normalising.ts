import type { Tensor } from "../../../linalg/index.ts";
import type { Writer } from "../writer.ts";
import { reshape } from "../writers/arranging.ts";
import type { Moved, TangentWriter } from "./moved.ts";
import { plus } from "./moved.ts";

/** ∂x̂/∂x times t, for x̂ of mean 0 and variance 1 over the axes: (t − mean t − x̂ mean(x̂ t)) / √(variance + ε). */
function standardised(to: Writer, x: string, t: string, axes: readonly number[], epsilon: number): string {
  const mean = (value: string) => to.node("ReduceMean", [value], { axes, keepdims: 1 });
  const away = to.node("Sub", [x, mean(x)]);
  const variance = mean(to.node("Mul", [away, away]));
  const deviation = to.node("Sqrt", [to.node("Add", [variance, to.number(epsilon)])]);
  const values = to.node("Div", [away, deviation]);
  const along = mean(to.node("Mul", [values, t]));
  const left = to.node("Sub", [to.node("Sub", [t, mean(t)]), to.node("Mul", [values, along])]);
  return to.node("Div", [left, deviation]);
}

/** The layer on its own input, with the moves of its weight and bias in their place. */
function fromWeights(to: Writer, layer: Moved): string | undefined {
  if (Object.keys(layer.move).length === 0) return undefined;
  to.begin(`${layer.value}.move`);
  return layer.write(to, { ...layer, tensors: layer.move });
}

function perChannel({ data }: Tensor, shape: readonly number[]): Tensor {
  return { shape: [shape[0]!, ...shape.slice(1).map(() => 1)], data };
}

export const normalisingTangents: Readonly<Record<string, TangentWriter>> = {
  layerNorm(to, layer) {
    const { inputs, tangents, tensors, definition } = layer;
    const [t] = tangents;
    const axes = Array.from({ length: Number(definition.axes) }, (_, i) => -1 - i);
    const fromInput =
      t === undefined
        ? undefined
        : to.node("Mul", [
            standardised(to, inputs[0], t, axes, Number(definition.epsilon)),
            to.tensor("weight", tensors.weight!),
          ]);
    return plus(to, fromInput, fromWeights(to, layer));
  },
  groupNorm(to, layer) {
    const { inputs, tangents, tensors, definition, shapes } = layer;
    const [t] = tangents;
    let fromInput: string | undefined;
    if (t !== undefined) {
      const groups = Number(definition.groups);
      const rows = (value: string) => reshape(to, value, [groups, -1]);
      const moved = standardised(to, rows(inputs[0]), rows(t), [2], Number(definition.epsilon));
      const weight = to.tensor("weight", perChannel(tensors.weight!, shapes[0]));
      fromInput = to.node("Mul", [reshape(to, moved, shapes[0]), weight]);
    }
    return plus(to, fromInput, fromWeights(to, layer));
  },
};
