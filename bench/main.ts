import { existsSync, readdirSync } from "node:fs";
import { parseArgs } from "node:util";

/** One measurement: ours in `ms` on the engine `hand`, the peer's in `peerMs`, and how many times faster we are. */
export interface Row {
  readonly workload: string;
  readonly size: string;
  readonly hand: string;
  readonly ms: number;
  readonly peer: string;
  readonly peerMs: number;
  readonly ratio: number;
  /** What each found, ours first, where it is not only time that counts. */
  readonly note?: string;
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: "boolean" } } });
const [workload, only] = positionals;
const here = new URL(".", import.meta.url);
if (!workload || !existsSync(new URL(`${workload}.ts`, here)) || workload === "main") {
  const known = readdirSync(here).flatMap((f) =>
    f.endsWith(".ts") && f !== "main.ts" ? [f.slice(0, -3)] : [],
  );
  console.error(
    `Usage: npm run bench -- <workload> [only those whose name starts so] [--json]; workloads: ${known.join(", ")}`,
  );
  process.exit(2);
}
const { bench } = (await import(new URL(`${workload}.ts`, here).href)) as {
  bench(only?: string): Promise<readonly Row[]>;
};
const rows = await bench(only);
if (values.json) console.log(JSON.stringify(rows, undefined, 2));
else {
  for (const r of rows) {
    const ours = `${r.hand} ${r.ms.toFixed(2)} ms`;
    const theirs = `${r.peer} ${r.peerMs.toFixed(2)} ms`;
    console.log(
      `${r.workload.padEnd(14)} ${r.size.padStart(9)}  ${ours.padEnd(24)} ${theirs.padEnd(30)} × ${r.ratio.toFixed(2)}${r.note ? `  ${r.note}` : ""}`,
    );
  }
}
process.exit(0);
