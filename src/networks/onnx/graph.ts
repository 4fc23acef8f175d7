import { FormatError } from "../../errors/index.ts";
import { type Precision, precisionOf, sizeOf, type Tensor } from "../../linalg/index.ts";
import type { Layer, Shape, Weights } from "../layer.ts";
import { constantLayer } from "../layers/constant.ts";
import { flattenLayer, reshapeLayer } from "../layers/reshape.ts";
import { type Network, networkWithTensors } from "../network.ts";
import { simplified } from "./simplify.ts";
import { type Constant, exampleShape, type Flowing, type Value, type View } from "./value.ts";

/** The most numbers that one example may have anywhere; more is taken for a damaged file. */
const mostNumbers = 2 ** 26;

/** Kinds of layers that only move numbers, as sizes read off a shape are moved. */
const moving = new Set(["slice", "select", "transpose", "repeat", "reshape", "flatten", "fanInConcatenate"]);

/** The layers that a graph has become so far. */
export class Graph {
  /** The number of examples, where the file fixes it. */
  readonly fixedBatch: number | undefined;
  private readonly inputShape: Shape;
  private readonly precision: Precision;
  private readonly layers: Layer[] = [];
  private readonly sources: (readonly number[])[] = [];
  private readonly tensors: Weights[] = [];
  private readonly shapes: Shape[] = [];

  constructor(inputShape: Shape, precision: Precision, fixedBatch: number | undefined) {
    this.inputShape = inputShape;
    this.precision = precision;
    this.fixedBatch = fixedBatch;
    expectSize(inputShape);
  }

  input(): Flowing {
    return { kind: "flowing", axes: [1, ...this.inputShape], batchAxis: 0, before: 1, source: -1 };
  }

  /** The layer's value, seen as `view`; of constants alone it is computed at once. */
  place(
    layer: Layer,
    inputs: readonly Value[],
    view: View | { readonly axes: Shape },
    tensors: Weights = {},
  ): Value {
    const constants = inputs.filter((v) => v.kind === "constant");
    if (constants.length === inputs.length) return this.fold(layer, constants, view.axes, tensors);
    const like = inputs.find((v) => v.kind === "flowing")!;
    const flowing = inputs.map((v) => (v.kind === "flowing" ? v : this.lift(v, like)));
    const shapes = flowing.map(exampleShape) as [Shape];
    return {
      ...{ kind: "flowing", axes: view.axes, source: this.add(layer, flowing, shapes, tensors) },
      ...("batchAxis" in view
        ? { batchAxis: view.batchAxis, before: view.before }
        : { batchAxis: like.batchAxis, before: like.before }),
    };
  }

  /** The value in another view with the same numbers in the same order. */
  reshaped(value: Value, view: View | { readonly axes: Shape }): Value {
    if (value.kind === "constant") return { ...value, axes: view.axes };
    const seen = { ...value, ...view };
    const shape = exampleShape(seen);
    let { source } = value;
    while (source >= 0 && ["reshape", "flatten"].includes(this.layers[source]!.definition.kind)) {
      source = this.sources[source]![0]!;
    }
    const given = this.shapeOf(source);
    if (given.join() === shape.join()) return { ...seen, source };
    const layer = shape.length === 1 ? flattenLayer() : reshapeLayer(shape);
    const root: Flowing = { kind: "flowing", axes: [1, ...given], batchAxis: 0, before: 1, source };
    return this.place(layer, [root], seen);
  }

  /** A constant as a value of every example, where `like` has its examples. */
  lift(constant: Constant, like: View): Flowing {
    const missing = like.axes.length - constant.axes.length;
    const axes = [...Array<number>(Math.max(missing, 0)).fill(1), ...constant.axes];
    const batchAxis = like.batchAxis - Math.min(missing, 0);
    if (axes[batchAxis] !== 1) {
      throw new FormatError(
        `has a constant of shape ${constant.axes.join(" × ")} with numbers for single examples of a batch`,
      );
    }
    const view = { axes, batchAxis, before: 1 };
    const shape = exampleShape(view);
    const layer = constantLayer(shape, constant.trained);
    const source = this.add(layer, [this.input()], [this.inputShape], {
      weight: this.tensor(constant, shape),
    });
    return { kind: "flowing", ...view, source };
  }

  /** The constant's numbers as a layer holds them. */
  tensor(constant: Constant, shape: Shape = constant.axes): Tensor {
    const { data } = this.known(constant);
    const same = precisionOf({ shape, data }) === this.precision;
    if (same) return { shape, data };
    return { shape, data: this.precision === "f32" ? Float32Array.from(data) : Float64Array.from(data) };
  }

  /** The constant without mention of the number of examples. Throws FormatError where that is not known. */
  known(constant: Constant): Constant {
    const { powers, ...rest } = constant;
    if (!powers?.some((power) => power > 0)) return constant;
    const batch = this.fixedBatch;
    if (batch === undefined) {
      throw new FormatError("computes with the number of examples, which a function of one example has not");
    }
    return { ...rest, data: rest.data.map((value, k) => value * batch ** powers[k]!) };
  }

  /** The network whose output is the given value; what it does not need is left out. */
  network(output: Flowing): Network {
    const steps = simplified(
      this.layers.map((layer, i) => ({ layer, tensors: this.tensors[i]!, sources: this.sources[i]! })),
    );
    const needed = new Set<number>([output.source]);
    for (let i = output.source; i >= 0; i--) {
      if (needed.has(i)) for (const s of steps[i]!.sources) needed.add(s);
    }
    const kept = steps.flatMap((step, i) => (needed.has(i) ? [{ step, i }] : []));
    const position = new Map(kept.map(({ i }, at) => [i, at]));
    const { inputShape, precision } = this;
    return networkWithTensors(
      {
        ...{ inputShape, precision },
        layers: kept.map(({ step }) => step.layer),
        sources: kept.map(({ step }) => step.sources.map((s) => position.get(s) ?? -1)),
      },
      kept.map(({ step }) => step.tensors),
    );
  }

  private shapeOf(source: number): Shape {
    return source < 0 ? this.inputShape : this.shapes[source]!;
  }

  private add(layer: Layer, inputs: readonly Flowing[], shapes: readonly Shape[], tensors: Weights): number {
    const shape = layer.outputShape(...(shapes as [Shape]));
    expectSize(shape);
    this.shapes.push(shape);
    this.tensors.push(tensors);
    this.sources.push(inputs.map(({ source }) => source));
    return this.layers.push(layer) - 1;
  }

  private fold(layer: Layer, inputs: readonly Constant[], axes: Shape, tensors: Weights): Constant {
    const moved = moving.has(layer.definition.kind);
    const given = moved ? inputs : inputs.map((c) => this.known(c));
    const shapes = given.map((c) => c.axes) as [Shape, ...Shape[]];
    expectSize(layer.outputShape(...shapes));
    const wide = given.some(({ data }) => data instanceof Float64Array);
    const run = (numbers: (c: Constant) => ArrayLike<number>) => {
      const examples = given.map((c): Tensor => {
        const data = wide ? Float64Array.from(numbers(c)) : Float32Array.from(numbers(c));
        return { shape: [1, ...c.axes], data };
      });
      return layer.forward(tensors, ...(examples as [Tensor])).y.data;
    };
    const [first] = given;
    return {
      ...{ kind: "constant", axes, data: run((c) => c.data) },
      whole: first!.whole,
      trained: moved && first!.trained,
      ...(given.some((c) => c.powers) && { powers: run((c) => c.powers ?? new Uint8Array(sizeOf(c.axes))) }),
    };
  }
}

/** Throws FormatError for more numbers than an example can have. */
export function expectSize(shape: Shape): void {
  if (!(sizeOf(shape) <= mostNumbers)) {
    throw new FormatError(
      `a value of shape ${shape.join(" × ")} is larger than any example should be (${mostNumbers} numbers)`,
    );
  }
}
