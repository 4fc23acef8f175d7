export * from "./cholesky.ts";
export * from "./eigh.ts";
export * from "./fn.ts";
export * from "./lbfgs.ts";
export * from "./matrix.ts";
export * from "./operator.ts";
export * from "./products.ts";
export * from "./tensor.ts";
