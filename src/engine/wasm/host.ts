/** What the host offers, asked without importing anything of Node's: the same file runs in a browser. */

interface NodeProcess {
  readonly env?: Readonly<Record<string, string | undefined>>;
  getBuiltinModule?(name: string): unknown;
}

const nodeProcess = (): NodeProcess | undefined => (globalThis as { process?: NodeProcess }).process;

/** An environment variable, where there is an environment. */
export function environment(name: string): string | undefined {
  const value = nodeProcess()?.env?.[name];
  return value === "" ? undefined : value;
}

/** A module of Node's standard library, where there is one (Node 20.16 and later). */
export function nodeModule<T>(name: string): T | undefined {
  return nodeProcess()?.getBuiltinModule?.(`node:${name}`) as T | undefined;
}

/** (func (drop (f64x2.op v128 …))): the smallest module that a host without the feature refuses. */
function probe(operands: number, operation: readonly number[]): Uint8Array<ArrayBuffer> {
  const constant = [0xfd, 0x0c, ...new Array<number>(16).fill(0)];
  const body = [0, ...new Array(operands).fill(constant).flat(), ...operation, 0x1a, 0x0b];
  const code = [1, body.length, ...body];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 4, 1, 0x60, 0, 0], // one type: () → ()
    ...[3, 2, 1, 0], // one function of it
    ...[10, code.length, ...code],
  ]);
}

/** Whether the host compiles 128-bit SIMD at all. */
export function hasSimd(): boolean {
  return typeof WebAssembly === "object" && WebAssembly.validate(probe(1, []));
}

/** Whether it compiles relaxed SIMD (fused multiply-add); Node 20 has it behind a flag of V8. */
export function hasRelaxedSimd(): boolean {
  const fma = probe(3, [0xfd, 0x87, 0x02]); // f64x2.relaxed_madd
  if (WebAssembly.validate(fma)) return true;
  nodeModule<{ setFlagsFromString(flags: string): void }>("v8")?.setFlagsFromString(
    "--experimental-wasm-relaxed-simd",
  );
  return WebAssembly.validate(fma);
}
