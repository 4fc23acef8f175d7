import { FormatError } from "../../../errors/index.ts";
import type { Shape } from "../../layer.ts";
import { repeatLayer } from "../../layers/rearrange.ts";
import { expectSize, type Graph } from "../graph.ts";
import { exampleShape, type Flowing, type Value, type View } from "../value.ts";

/** The shape to which both repeat. Throws FormatError where there is none. */
export function commonAxes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const at = (shape: Shape, i: number) => shape[i - (rank - shape.length)] ?? 1;
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [at(a, i), at(b, i)];
    if (x !== y && x !== 1 && y !== 1) {
      throw new FormatError(
        `takes shapes that repeat to each other, got ${a.join(" × ")} and ${b.join(" × ")}`,
      );
    }
    return x === 1 ? y : x;
  });
}

/** The value repeated to the given axes; a flowing one stays itself along its examples. */
export function repeated(graph: Graph, value: Value, axes: Shape): Value {
  if (value.axes.join() === axes.join()) return value;
  expectSize(axes);
  if (value.kind === "constant") return graph.place(repeatLayer(axes), [value], { axes });
  const shift = axes.length - value.axes.length;
  if (axes[value.batchAxis + shift] !== value.axes[value.batchAxis]) {
    throw new FormatError("would repeat each example along the axis that counts them");
  }
  const view: View = { axes, batchAxis: value.batchAxis + shift, before: value.before };
  const shape = exampleShape(view);
  return shape.join() === exampleShape(value).join()
    ? { ...value, ...view }
    : graph.place(repeatLayer(shape), [value], view);
}

/** Two flowing values repeated to one shape. Throws FormatError where their examples do not meet. */
export function together(graph: Graph, a: Flowing, b: Flowing): readonly [Flowing, Flowing] {
  const axes = commonAxes(a.axes, b.axes);
  const [x, y] = [repeated(graph, a, axes) as Flowing, repeated(graph, b, axes) as Flowing];
  if (x.batchAxis !== y.batchAxis || x.before !== y.before) {
    throw new FormatError(
      "combines every example of a batch with every other, which no function of one example does",
    );
  }
  return [x, y];
}
