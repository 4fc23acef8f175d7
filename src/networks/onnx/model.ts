/**
 * The part of ONNX's file format (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) that a trained network
 * needs: field numbers and element types are the standard's.
 */

/** Element types of tensors, by their numbers in the file. */
export const elementTypes = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const;

/** A tensor as it stands in the file; its numbers are read when they are wanted. */
export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly elementType: number;
  /** Little-endian numbers, or else the typed list that was given. */
  readonly raw?: Uint8Array;
  readonly list?: readonly number[];
  /** Whether the numbers are in another file. */
  readonly external?: boolean;
  /** Where it begins in the file. */
  readonly offset?: number;
}

export type OnnxAttribute = number | string | OnnxTensor | readonly number[] | readonly string[] | "unread";

export interface OnnxNode {
  readonly operator: string;
  /** The operator set; "" is the standard one. */
  readonly domain: string;
  readonly name: string;
  /** Names of values; "" where an optional one is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** An input or output; a size is a number, or the name of one that is not fixed. */
export interface OnnxValue {
  readonly name: string;
  readonly elementType: number;
  readonly shape: readonly (number | string)[] | undefined;
}

export interface OnnxModel {
  /** Version of the standard operators. */
  readonly opset: number;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}
