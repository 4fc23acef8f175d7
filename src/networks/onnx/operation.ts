import { FormatError } from "../../errors/index.ts";
import type { Graph } from "./graph.ts";
import type { OnnxNode } from "./model.ts";
import type { Constant, Flowing, Value } from "./value.ts";

/** How an operator becomes layers: the values of its outputs. */
export type Operator = (operation: Operation) => Value | readonly Value[];

/** A node with the values of its inputs. What it throws is named by the caller. */
export class Operation {
  readonly node: OnnxNode;
  readonly inputs: readonly (Value | undefined)[];
  readonly opset: number;
  readonly graph: Graph;
  /** The operators that take a value. */
  readonly users: (name: string) => readonly string[];

  constructor(
    node: OnnxNode,
    inputs: readonly (Value | undefined)[],
    opset: number,
    graph: Graph,
    users: (name: string) => readonly string[],
  ) {
    this.node = node;
    this.inputs = inputs;
    this.opset = opset;
    this.graph = graph;
    this.users = users;
  }

  input(index: number): Value {
    const value = this.inputs[index];
    if (!value) throw new FormatError(`has no input ${index}`);
    return value;
  }

  /** A constant input. */
  constant(index: number): Constant {
    const value = this.input(index);
    if (value.kind === "constant") return value;
    throw new FormatError(
      `takes a constant as input ${index} here, and "${this.node.inputs[index]}" is computed`,
    );
  }

  /** An input with its examples on the first axis and nothing else there, as images and features have them. */
  batchFirst(index: number): Flowing {
    const value = this.input(index);
    if (value.kind === "constant") throw new FormatError("acts on constants alone, which is not folded");
    if (value.batchAxis === 0 && value.axes[0] === 1) return value;
    throw new FormatError("takes its examples along the first axis, and the graph has moved them");
  }

  number(name: string, otherwise: number): number {
    return this.numberOrNothing(name) ?? otherwise;
  }

  numberOrNothing(name: string): number | undefined {
    const value = this.node.attributes[name];
    if (value === undefined || typeof value === "number") return value;
    throw new FormatError(`has an attribute "${name}" that is no number`);
  }

  text(name: string, otherwise: string): string {
    const value = this.node.attributes[name] ?? otherwise;
    if (typeof value === "string") return value;
    throw new FormatError(`has an attribute "${name}" that is no text`);
  }

  numbers(name: string): readonly number[] | undefined {
    const value = this.node.attributes[name];
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((v) => typeof v === "number")) return value as number[];
    throw new FormatError(`has an attribute "${name}" that is no list of numbers`);
  }

  /** Numbers that older operator sets have as an attribute and newer ones as an input. */
  attributeOrInput(name: string, index: number): readonly number[] | undefined {
    const given = this.numbers(name);
    if (given || !this.inputs[index]) return given;
    return Array.from(this.graph.known(this.constant(index)).data);
  }

  /** The one number of a constant input. */
  scalar(index: number): number {
    const { data } = this.graph.known(this.constant(index));
    if (data.length === 1) return data[0]!;
    throw new FormatError(`takes one number as input ${index}, got ${data.length}`);
  }
}

/** The axis counted from the first. Throws FormatError where there is no such axis. */
export function axisOf(axis: number, rank: number): number {
  const from = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(from) && from >= 0 && from < rank) return from;
  throw new FormatError(`names axis ${axis} of a value with ${rank} axes`);
}

/** Throws FormatError where the axis counts examples: an operator may not mix them. */
export function expectOtherAxis(value: Value, axis: number): void {
  if (value.kind === "flowing" && value.batchAxis === axis) {
    throw new FormatError(
      `acts along axis ${axis}, which counts the examples; a network is a function of one example`,
    );
  }
}
