export { type DiagnoseOptions, diagnose } from "./diagnose.ts";
export * from "./finding.ts";
export * from "./treat.ts";
