export { type NativeEngine, nativeEngine, useNative } from "./native.ts";
