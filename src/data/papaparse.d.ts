// The part of papaparse that `table.ts` uses. @types/papaparse brings Node's types along, and the browser-safe
// compile would then no longer notice a stray use of Node.
declare module "papaparse" {
  interface Problem {
    readonly type: "Quotes" | "Delimiter" | "FieldMismatch";
    /** From 0, the header included. */
    readonly row?: number;
  }
  const Papa: {
    parse(text: string, options: { delimiter: string }): { data: string[][]; errors: readonly Problem[] };
    unparse(rows: readonly (readonly string[])[]): string;
  };
  export default Papa;
}
