// Compiles src/engine/assembly with AssemblyScript, once with relaxed SIMD and once without, and embeds the two
// binaries as base64 in src/engine/generated: a plain TypeScript module that Node and every bundler can load.
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const root = fileURLToPath(new URL("..", import.meta.url));
const target = `${root}src/engine/generated`;
const LIMIT = 150_000;

const common = [
  ["--optimizeLevel", "3"],
  ["--noAssert"],
  ["--runtime", "stub"],
  ["--use", "abort="],
  ["--enable", "simd"],
  ["--enable", "threads"],
  ["--enable", "bulk-memory"],
  // Constants lie above the control block of the threads (parallel.ts) and below the operands.
  ["--memoryBase", "4096"],
  ["--importMemory", "--sharedMemory", "--initialMemory", "1", "--maximumMemory", "65536"],
].flat();

await mkdir(target, { recursive: true });
for (const [name, flags] of [
  ["plain", []],
  ["relaxed", ["--enable", "relaxed-simd"]],
]) {
  let binary;
  const { error, stderr } = await asc.main(
    ["src/engine/assembly/index.ts", "--outFile", `${name}.wasm`, ...common, ...flags],
    {
      writeFile: (_file, contents) => {
        binary = contents;
      },
    },
    { baseDir: root },
  );
  if (error) throw new Error(`${error.message}\n${stderr}`);
  if (stderr.toString()) console.warn(stderr.toString());
  if (binary.length > LIMIT) throw new Error(`${name}.wasm has ${binary.length} bytes, more than ${LIMIT}`);
  const text = `// Made by scripts/build-wasm.mjs from src/engine/assembly.\nexport const ${name} =\n  "${Buffer.from(binary).toString("base64")}";\n`;
  await writeFile(`${target}/${name}.ts`, text);
  console.log(`${name}.wasm: ${binary.length} bytes`);
}
