import type { Tensor } from "../../linalg/index.ts";
import type { LayerDefinition, Shape, Weights } from "../layer.ts";
import type { OnnxAttribute, OnnxNode, OnnxTensor } from "./model.ts";
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

/** The nodes and tensors of a file so far. */
export class Writer {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  private readonly double: boolean;
  private layer = 0;
  private values = 0;

  constructor(double: boolean) {
    this.double = double;
  }

  /** Begins a layer; names start with its position. */
  begin(layer: number): void {
    this.layer = layer;
    this.values = 0;
  }

  /** A node with one output, whose name is returned. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string {
    const name = `${this.layer}.${operator}.${this.values++}`;
    this.nodes.push({ operator, domain: "", name, inputs, outputs: [name], attributes });
    return name;
  }

  /** A parameter or buffer of the layer. */
  tensor(name: string, tensor: Tensor): string {
    return this.keep(onnxTensor(`${this.layer}.${name}`, tensor));
  }

  /** One number of the network's precision. */
  number(value: number): string {
    const data = this.double ? Float64Array.of(value) : Float32Array.of(value);
    return this.keep(onnxTensor(`${this.layer}.constant.${this.values++}`, { shape: [], data }));
  }

  /** Sizes or indices. */
  whole(values: readonly number[], shape: Shape = [values.length]): string {
    const data = Float64Array.from(values);
    return this.keep(onnxTensor(`${this.layer}.sizes.${this.values++}`, { shape, data }, true));
  }

  private keep(tensor: OnnxTensor): string {
    this.initializers.push(tensor);
    return tensor.name;
  }
}
