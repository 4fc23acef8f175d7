export * from "./key.ts";
export * from "./normal.ts";
