import type { Floats } from "../../engine/index.ts";
import type { Tensor } from "../../linalg/index.ts";
import type { LayerDefinition, Shape, Weights } from "../layer.ts";
import { elementTypes, type OnnxAttribute, type OnnxNode, type OnnxTensor } from "./model.ts";
import { onnxTensor } from "./tensor-data.ts";

/** A layer as it is written. Shapes are those of one example. */
export interface Written {
  readonly definition: LayerDefinition;
  /** Names of the input values. */
  readonly inputs: readonly [string, ...string[]];
  readonly shapes: readonly [Shape, ...Shape[]];
  readonly output: Shape;
  /** Parameters and buffers. */
  readonly tensors: Weights;
}

/** How a kind of layer becomes nodes; returns the name of its value. */
export type LayerWriter = (to: Writer, layer: Written) => string;

/** A layer that has been written. */
export interface WrittenValue extends Written {
  readonly write: LayerWriter;
  /** The name of its value. */
  readonly value: string;
}

/** The nodes and tensors of a file so far. */
export class Writer {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  private readonly double: boolean;
  private readonly written = new Map<Floats, OnnxTensor>();
  private readonly transposes = new Map<Floats, Tensor>();
  private place = "";
  private values = 0;

  constructor(double: boolean) {
    this.double = double;
  }

  /** That of the network's numbers. */
  get elementType(): number {
    return this.double ? elementTypes.double : elementTypes.float;
  }

  /** Begins a layer or another part of the graph; names start with its own. */
  begin(place: number | string): void {
    this.place = String(place);
    this.values = 0;
  }

  /** A node with one output, whose name is returned. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string {
    return this.several(operator, inputs, 1, attributes)[0]!;
  }

  /** A node with several outputs, whose names are returned. */
  several(
    operator: string,
    inputs: readonly string[],
    count: number,
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): readonly string[] {
    const name = `${this.place}.${operator}.${this.values++}`;
    const outputs = Array.from({ length: count }, (_, i) => (i === 0 ? name : `${name}.${i}`));
    this.nodes.push({ operator, domain: "", name, inputs, outputs, attributes });
    return outputs;
  }

  /** A parameter or buffer of the layer. The same one asked for again is not written twice. */
  tensor(name: string, tensor: Tensor): string {
    const before = this.written.get(tensor.data);
    if (before && before.shape.join() === tensor.shape.join()) return before.name;
    const made = onnxTensor(`${this.place}.${name}`, tensor);
    this.written.set(tensor.data, made);
    return this.keep(made);
  }

  /** A matrix transposed, the same one each time. */
  transposed(tensor: Tensor): Tensor {
    const before = this.transposes.get(tensor.data);
    if (before) return before;
    const [rows, cols] = tensor.shape as [number, number];
    const data = tensor.data.slice();
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < cols; j++) data[j * rows + i] = tensor.data[i * cols + j]!;
    }
    const turned = { shape: [cols, rows], data };
    this.transposes.set(tensor.data, turned);
    return turned;
  }

  /** One number of the network's precision. */
  number(value: number): string {
    const data = this.double ? Float64Array.of(value) : Float32Array.of(value);
    return this.keep(onnxTensor(`${this.place}.constant.${this.values++}`, { shape: [], data }));
  }

  /** Sizes or indices. */
  whole(values: readonly number[], shape: Shape = [values.length]): string {
    const data = Float64Array.from(values);
    return this.keep(onnxTensor(`${this.place}.sizes.${this.values++}`, { shape, data }, true));
  }

  private keep(tensor: OnnxTensor): string {
    this.initializers.push(tensor);
    return tensor.name;
  }
}
