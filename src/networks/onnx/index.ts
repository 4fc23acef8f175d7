export { decodeOnnx } from "./decode.ts";
export { encodeOnnx, type OnnxOptions, type OnnxUnits } from "./encode.ts";
