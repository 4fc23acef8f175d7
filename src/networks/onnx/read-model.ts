import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { FormatError } from "../../errors/index.ts";
import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from "./model.ts";

/** Reads one field; returns false for one that is not wanted. */
type Fields = (field: number, wire: WireType) => boolean;

/** The model in a file's bytes. Throws FormatError, with the offset, for anything that is not an ONNX file. */
export function readModel(bytes: Uint8Array, source: string): OnnxModel {
  const reader = new BinaryReader(bytes);
  try {
    return readModelProto(reader, bytes.length, source);
  } catch (cause) {
    if (cause instanceof FormatError || !(cause instanceof Error)) throw cause;
    throw new FormatError(
      `${source} is damaged or no ONNX file: ${cause.message} at byte ${reader.pos} of ${bytes.length}`,
      { offset: reader.pos },
      { cause },
    );
  }
}

/** Calls `read` for each field up to `end`, skipping those it does not want. */
function eachField(reader: BinaryReader, end: number, read: Fields): void {
  while (reader.pos < end) {
    const [field, wire] = reader.tag();
    if (!read(field, wire)) reader.skip(wire, field);
  }
  if (reader.pos !== end) throw new Error("a message ends inside a field");
}

/** The end of the nested message that begins here. */
function messageEnd(reader: BinaryReader, wire: WireType): number {
  if (wire !== WireType.LengthDelimited) throw new Error("a message was expected");
  const length = reader.uint32();
  if (length > reader.len - reader.pos) throw new Error(`the file ends before a message of ${length} bytes`);
  return reader.pos + length;
}

function readModelProto(reader: BinaryReader, end: number, source: string): OnnxModel {
  let graph: Omit<OnnxModel, "opset"> | undefined;
  let opset: number | undefined;
  eachField(reader, end, (field, wire) => {
    if (field === 7) graph = readGraph(reader, messageEnd(reader, wire));
    else if (field === 8) {
      const { domain, version } = readOpset(reader, messageEnd(reader, wire));
      if (domain === "" || domain === "ai.onnx") opset = version;
    } else return false;
    return true;
  });
  if (!graph || opset === undefined) {
    throw new FormatError(
      `${source} is no ONNX model: ${graph ? "it names no version of the standard operators" : "it has no graph"}`,
      { offset: 0 },
    );
  }
  return { opset, ...graph };
}

function readOpset(reader: BinaryReader, end: number): { domain: string; version: number } {
  let [domain, version] = ["", 1];
  eachField(reader, end, (field) => {
    if (field === 1) domain = reader.string();
    else if (field === 2) version = Number(reader.int64());
    else return false;
    return true;
  });
  return { domain, version };
}

function readGraph(reader: BinaryReader, end: number): Omit<OnnxModel, "opset"> {
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  eachField(reader, end, (field, wire) => {
    if (field === 1) nodes.push(readNode(reader, messageEnd(reader, wire)));
    else if (field === 5) initializers.push(readTensor(reader, messageEnd(reader, wire)));
    else if (field === 11) inputs.push(readValue(reader, messageEnd(reader, wire)));
    else if (field === 12) outputs.push(readValue(reader, messageEnd(reader, wire)));
    else if (field === 15) throw new FormatError("sparse initializers are not read; export with dense ones");
    else return false;
    return true;
  });
  return { nodes, initializers, inputs, outputs };
}

function readNode(reader: BinaryReader, end: number): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: Record<string, OnnxAttribute> = {};
  let [name, operator, domain] = ["", "", ""];
  eachField(reader, end, (field, wire) => {
    if (field === 1) inputs.push(reader.string());
    else if (field === 2) outputs.push(reader.string());
    else if (field === 3) name = reader.string();
    else if (field === 4) operator = reader.string();
    else if (field === 5) {
      const [key, value] = readAttribute(reader, messageEnd(reader, wire));
      attributes[key] = value;
    } else if (field === 7) domain = reader.string();
    else return false;
    return true;
  });
  return { operator, domain: domain === "ai.onnx" ? "" : domain, name, inputs, outputs, attributes };
}

function readAttribute(reader: BinaryReader, end: number): readonly [string, OnnxAttribute] {
  let name = "";
  let type = 0;
  // By the number of the attribute's type in the standard; without a type, what is there.
  let one: OnnxAttribute | undefined;
  const numbers: number[] = [];
  const strings: string[] = [];
  eachField(reader, end, (field, wire) => {
    if (field === 1) name = reader.string();
    else if (field === 2) one = reader.float();
    else if (field === 3) one = Number(reader.int64());
    else if (field === 4) one = reader.string();
    else if (field === 5) one = readTensor(reader, messageEnd(reader, wire));
    else if (field === 7) readList(reader, wire, numbers, () => reader.float());
    else if (field === 8) readList(reader, wire, numbers, () => Number(reader.int64()));
    else if (field === 9) strings.push(reader.string());
    else if (field === 20) type = reader.int32();
    else return false;
    return true;
  });
  // A number that is zero may be left out of the file; lists may be empty.
  if (type === 6 || type === 7 || numbers.length > 0) return [name, numbers];
  if (type === 8 || strings.length > 0) return [name, strings];
  if (type === 1 || type === 2) return [name, one ?? 0];
  if (type === 3) return [name, one ?? ""];
  return [name, one ?? "unread"];
}

/** One number, or several packed together. */
function readList(reader: BinaryReader, wire: WireType, into: number[], one: () => number): void {
  if (wire !== WireType.LengthDelimited) {
    into.push(one());
    return;
  }
  const end = messageEnd(reader, wire);
  while (reader.pos < end) into.push(one());
  if (reader.pos !== end) throw new Error("a list ends inside a number");
}

function readTensor(reader: BinaryReader, end: number): OnnxTensor {
  const offset = reader.pos;
  const shape: number[] = [];
  const list: number[] = [];
  let elementType = 0;
  let name = "";
  let raw: Uint8Array | undefined;
  let external = false;
  eachField(reader, end, (field, wire) => {
    if (field === 1) readList(reader, wire, shape, () => Number(reader.int64()));
    else if (field === 2) elementType = reader.int32();
    else if (field === 4) readList(reader, wire, list, () => reader.float());
    else if (field === 5) readList(reader, wire, list, () => reader.int32());
    else if (field === 7) readList(reader, wire, list, () => Number(reader.int64()));
    else if (field === 8) name = reader.string();
    else if (field === 9) raw = reader.bytes();
    else if (field === 10) readList(reader, wire, list, () => reader.double());
    else if (field === 11) readList(reader, wire, list, () => Number(reader.uint64()));
    else if (field === 14) external = reader.int32() === 1;
    else return false;
    return true;
  });
  return { name, shape, elementType, list, external, offset, ...(raw && { raw }) };
}

function readValue(reader: BinaryReader, end: number): OnnxValue {
  let name = "";
  let elementType = 0;
  let shape: (number | string)[] | undefined;
  eachField(reader, end, (field, wire) => {
    if (field === 1) name = reader.string();
    else if (field === 2) {
      eachField(reader, messageEnd(reader, wire), (kind, inner) => {
        if (kind !== 1) return false; // sequences and maps are no tensors
        eachField(reader, messageEnd(reader, inner), (part, wired) => {
          if (part === 1) elementType = reader.int32();
          else if (part === 2) shape = readShape(reader, messageEnd(reader, wired));
          else return false;
          return true;
        });
        return true;
      });
    } else return false;
    return true;
  });
  return { name, elementType, shape };
}

function readShape(reader: BinaryReader, end: number): (number | string)[] {
  const shape: (number | string)[] = [];
  eachField(reader, end, (field, wire) => {
    if (field !== 1) return false;
    let size: number | string = "?";
    eachField(reader, messageEnd(reader, wire), (part) => {
      if (part === 1) size = Number(reader.int64());
      else if (part === 2) size = reader.string();
      else return false;
      return true;
    });
    shape.push(size);
    return true;
  });
  return shape;
}
