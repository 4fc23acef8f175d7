import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Writable } from "node:stream";
import { fileURLToPath } from "node:url";

const python = fileURLToPath(new URL("../../.venv/bin/python", import.meta.url));

/** numpy, scipy and torch in one process that measures a workload at a time, when asked: a script of bench/peers. */
export class Peers {
  private readonly input: Writable | undefined;
  private readonly lines: AsyncIterator<string> | undefined;

  constructor(threads: number, name = "engine.py") {
    const script = fileURLToPath(new URL(`../peers/${name}`, import.meta.url));
    if (!existsSync(python)) {
      console.error("No .venv: run bench/peers/setup.sh to compare with numpy, scipy and torch.");
      return;
    }
    const child = spawn(python, [script, String(threads)], { stdio: ["pipe", "pipe", "inherit"] });
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.input = child.stdin;
  }

  /** Milliseconds of several runs by peer; none where no peer does this. */
  async measure(workload: string, size: string): Promise<Readonly<Record<string, readonly number[]>>> {
    if (!this.input || !this.lines) return {};
    this.input.write(`${workload} ${size}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error("The peers' process ended early.");
    return JSON.parse(value);
  }

  end(): void {
    this.input?.end();
  }
}
