import { FormatError, FunspaceError } from "../../errors/index.ts";
import type { Network } from "../network.ts";
import { Graph } from "./graph.ts";
import { elementTypes, type OnnxModel, type OnnxNode, type OnnxTensor, type OnnxValue } from "./model.ts";
import { Operation, type Operator } from "./operation.ts";
import { arithmetic } from "./operators/arithmetic.ts";
import { images } from "./operators/images.ts";
import { linear } from "./operators/linear.ts";
import { norms } from "./operators/norms.ts";
import { pieces } from "./operators/pieces.ts";
import { pointwise } from "./operators/pointwise.ts";
import { shapes } from "./operators/shapes.ts";
import { inOrder, nodeName } from "./order.ts";
import { readModel } from "./read-model.ts";
import { rewritten } from "./rewrite.ts";
import { isFloat, tensorOf } from "./tensor-data.ts";
import type { Constant, Value } from "./value.ts";

/** Every operator of the standard set that is read. */
const operators: Readonly<Record<string, Operator>> = {
  ...linear,
  ...images,
  ...norms,
  ...pointwise,
  ...arithmetic,
  ...shapes,
  ...pieces,
  Constant: (o) => constantOf(o.node),
};

/**
 * The network in the bytes of an ONNX file (operator sets from 7 on) with one input, of floats with the examples on
 * its first axis, and one output. Initializers with more than one number become parameters, other constants buffers.
 * `source` is what to call the file in errors. Throws FormatError, with the offset or the node, for a damaged file
 * and for graphs that are no such function: the operators in use are named in the README.
 */
export function decodeOnnx(bytes: Uint8Array, source: string): Network {
  const model = readModel(bytes, source);
  try {
    return networkOfModel(model);
  } catch (cause) {
    if (!(cause instanceof FunspaceError)) throw cause;
    const where = cause instanceof FormatError && cause.offset !== undefined ? { offset: cause.offset } : {};
    throw new FormatError(`${source}: ${cause.message}`, where, { cause });
  }
}

function networkOfModel(model: OnnxModel): Network {
  if (model.opset < 7) {
    throw new FormatError(`its operators are of set ${model.opset}; export with opset_version 7 or later`);
  }
  const initializers = new Map(model.initializers.map((tensor) => [tensor.name, tensor]));
  const given = model.inputs.filter(({ name }) => !initializers.has(name));
  const [input] = given;
  const [output] = model.outputs;
  if (!input || given.length !== 1 || !output || model.outputs.length !== 1) {
    const names = (values: readonly OnnxValue[]) =>
      values.map(({ name }) => `"${name}"`).join(", ") || "none";
    throw new FormatError(
      `a network has one input and one output, this graph has inputs ${names(given)} and outputs ${names(model.outputs)}`,
    );
  }
  const graph = graphOf(input);
  const values = new Map<string, Value>([[input.name, graph.input()]]);
  const named = (name: string): Value => {
    const tensor = initializers.get(name);
    const value = values.get(name) ?? (tensor && initial(tensor));
    if (!value) throw new FormatError(`"${name}" is an optional output of its operator, which is not read`);
    values.set(name, value);
    return value;
  };
  const nodes = inOrder(rewritten(model.nodes), new Set([input.name, ...initializers.keys()]), [output.name]);
  const users = new Map<string, string[]>();
  for (const node of nodes) {
    for (const name of node.inputs) {
      const list = users.get(name) ?? [];
      users.set(name, list);
      list.push(node.operator);
    }
  }
  for (const node of nodes) {
    const inputs = node.inputs.map((name) => (name === "" ? undefined : named(name)));
    const results = resultsOf(
      new Operation(node, inputs, model.opset, graph, (name) => users.get(name) ?? []),
    );
    node.outputs.forEach((name, i) => {
      if (results[i]) values.set(name, results[i]);
    });
  }
  const result = named(output.name);
  if (result.kind === "constant")
    throw new FormatError(`the output "${output.name}" does not depend on the input`);
  if (result.batchAxis !== 0 || result.before !== 1) {
    throw new FormatError(`the output "${output.name}" does not have the examples on its first axis`);
  }
  return graph.network(result);
}

/** Throws FormatError unless the input is of floats, with known sizes after that of the batch. */
function graphOf({ name, elementType, shape }: OnnxValue): Graph {
  const fail = (what: string) => new FormatError(`the input "${name}" ${what}`);
  if (!isFloat(elementType)) throw fail(`should be of floats (type 1), it is of type ${elementType}`);
  if (!shape) throw fail("has no shape; export the model with the shape of an example");
  if (shape.length < 2) {
    throw fail(`should have a batch axis and others after it, it has ${shape.length} axes`);
  }
  const [batch, ...rest] = shape;
  const open = rest.find((size) => typeof size !== "number" || size < 1);
  if (open !== undefined) {
    throw fail(
      `has the sizes ${shape.join(", ")}: all but the batch's must be known; export it with "${open}" fixed`,
    );
  }
  const fixed = typeof batch === "number" && batch > 0 ? batch : undefined;
  return new Graph(rest as number[], elementType === elementTypes.double ? "f64" : "f32", fixed);
}

/** The values of a node's outputs; errors say which node. */
function resultsOf(operation: Operation): readonly Value[] {
  const { node } = operation;
  const operator =
    node.domain === "" && Object.hasOwn(operators, node.operator) ? operators[node.operator] : undefined;
  if (!operator) {
    throw new FormatError(
      `${nodeName(node)} is of a kind that is not read; read are ${Object.keys(operators).sort().join(", ")}`,
    );
  }
  try {
    const result = operator(operation);
    return "kind" in result ? [result] : result;
  } catch (cause) {
    if (!(cause instanceof FunspaceError || cause instanceof RangeError)) throw cause;
    throw new FormatError(`${nodeName(node)}: ${cause.message}`, {}, { cause });
  }
}

function initial(tensor: OnnxTensor): Constant {
  const { shape, data } = tensorOf(tensor, `the tensor "${tensor.name}"`);
  const whole = !isFloat(tensor.elementType);
  return { kind: "constant", axes: shape, data, whole, trained: !whole && data.length > 1 };
}

function constantOf(node: OnnxNode): Constant {
  const { value, value_float, value_floats, value_int, value_ints } = node.attributes;
  if (typeof value === "object" && "elementType" in value) return { ...initial(value), trained: false };
  const numbers = value_float ?? value_floats ?? value_int ?? value_ints;
  const list = typeof numbers === "number" ? [numbers] : (numbers as readonly number[] | undefined);
  if (!list) throw new FormatError("has no value that is read");
  const whole = value_int !== undefined || value_ints !== undefined;
  return {
    ...{ kind: "constant", axes: typeof numbers === "number" ? [] : [list.length] },
    ...{ data: whole ? Float64Array.from(list) : Float32Array.from(list), whole, trained: false },
  };
}
