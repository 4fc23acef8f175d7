export { decodeOnnx } from "./decode.ts";
export { encodeOnnx } from "./encode.ts";
