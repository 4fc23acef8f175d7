import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** One process that does one request at a time: a line of JSON in, a line of JSON out. */
export class LineWorker<Request, Reply> {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  constructor(command: string, args: readonly string[], threads: string) {
    const env = { ...process.env, FUNSPACE_THREADS: threads };
    this.child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env });
    this.lines = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
  }
  async ask(request: Request): Promise<Reply> {
    this.child.stdin!.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error("a worker ended before it answered");
    return JSON.parse(value);
  }
  end(): void {
    this.child.stdin!.end();
  }
}
