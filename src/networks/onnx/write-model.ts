import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { UsageError } from "../../errors/index.ts";
import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from "./model.ts";

/** The file's bytes, of IR version 8, which every reader of opset 17 knows. */
export function writeModel(model: OnnxModel): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int64(8);
  writer.tag(2, WireType.LengthDelimited).string("funspace");
  nested(writer, 7, () => {
    for (const node of model.nodes) nested(writer, 1, () => writeNode(writer, node));
    writer.tag(2, WireType.LengthDelimited).string("network");
    for (const tensor of model.initializers) nested(writer, 5, () => writeTensor(writer, tensor));
    for (const value of model.inputs) nested(writer, 11, () => writeValue(writer, value));
    for (const value of model.outputs) nested(writer, 12, () => writeValue(writer, value));
  });
  nested(writer, 8, () => {
    writer.tag(1, WireType.LengthDelimited).string("");
    writer.tag(2, WireType.Varint).int64(model.opset);
  });
  return writer.finish();
}

function nested(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write();
  writer.join();
}

function writeNode(writer: BinaryWriter, node: OnnxNode): void {
  for (const name of node.inputs) writer.tag(1, WireType.LengthDelimited).string(name);
  for (const name of node.outputs) writer.tag(2, WireType.LengthDelimited).string(name);
  writer.tag(3, WireType.LengthDelimited).string(node.name);
  writer.tag(4, WireType.LengthDelimited).string(node.operator);
  for (const [name, value] of Object.entries(node.attributes)) {
    nested(writer, 5, () => writeAttribute(writer, name, value));
  }
}

/** Names of the attributes that are written as whole numbers; a number elsewhere is a float. */
const wholeNumbers = new Set([
  "axis",
  "axes",
  "ceil_mode",
  "count_include_pad",
  "dilations",
  "end",
  "group",
  "keepdims",
  "kernel_shape",
  "pads",
  "perm",
  "start",
  "strides",
  "to",
  "transB",
]);

function writeAttribute(writer: BinaryWriter, name: string, value: OnnxAttribute): void {
  writer.tag(1, WireType.LengthDelimited).string(name);
  const whole = wholeNumbers.has(name);
  let type: number;
  if (typeof value === "number") {
    if (whole) writer.tag(3, WireType.Varint).int64(value);
    else writer.tag(2, WireType.Bit32).float(value);
    type = whole ? 2 : 1;
  } else if (typeof value === "string") {
    writer.tag(4, WireType.LengthDelimited).string(value);
    type = 3;
  } else if (Array.isArray(value) && whole) {
    for (const one of value as readonly number[]) writer.tag(8, WireType.Varint).int64(one);
    type = 7;
  } else throw new UsageError(`the attribute "${name}" is of a kind that is not written`);
  writer.tag(20, WireType.Varint).int32(type);
}

function writeTensor(writer: BinaryWriter, { name, shape, elementType, raw }: OnnxTensor): void {
  for (const size of shape) writer.tag(1, WireType.Varint).int64(size);
  writer.tag(2, WireType.Varint).int32(elementType);
  writer.tag(8, WireType.LengthDelimited).string(name);
  writer.tag(9, WireType.LengthDelimited).bytes(raw!);
}

function writeValue(writer: BinaryWriter, { name, elementType, shape }: OnnxValue): void {
  writer.tag(1, WireType.LengthDelimited).string(name);
  nested(writer, 2, () => {
    nested(writer, 1, () => {
      writer.tag(1, WireType.Varint).int32(elementType);
      nested(writer, 2, () => {
        for (const size of shape!) {
          nested(writer, 1, () => {
            if (typeof size === "number") writer.tag(1, WireType.Varint).int64(size);
            else writer.tag(2, WireType.LengthDelimited).string(size);
          });
        }
      });
    });
  });
}
