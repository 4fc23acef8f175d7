export { decodeOnnx } from "./decode.ts";
