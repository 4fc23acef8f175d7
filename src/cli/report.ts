import { SingleBar } from "cli-progress";
import Table from "cli-table3";
import { type Matrix, matrix } from "../linalg/index.ts";
import { run, type Task } from "../tasks/index.ts";

/** A command's results: one object for `--json`, and lines for people. */
export interface Report {
  readonly json: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Writes the report to stdout: with `json` exactly one JSON object, and nothing else there. */
export function print({ json, text }: Report, asJson: boolean | undefined): void {
  process.stdout.write(`${asJson ? JSON.stringify(json) : text}\n`);
}

/** Drives a task with a progress bar on stderr (when it is a terminal); Ctrl-C stops it cleanly. */
export async function withProgress<T>(task: Task<T>): Promise<T> {
  const bar = process.stderr.isTTY
    ? new SingleBar({
        format: "{stage} [{bar}] {percentage}% {eta_formatted}",
        stream: process.stderr,
        clearOnComplete: true,
        hideCursor: true,
      })
    : undefined;
  const controller = new AbortController();
  const stop = () => controller.abort(new Interrupted());
  process.once("SIGINT", stop);
  let started = false;
  try {
    return await run(task, {
      signal: controller.signal,
      onProgress: ({ stage, done, total }) => {
        if (!started) bar?.start(total, done, { stage });
        started = true;
        bar?.update(done, { stage });
      },
    });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    process.stderr.write("\nfunspace: interrupted; nothing was written\n");
    return process.exit(130);
  } finally {
    bar?.stop();
    process.off("SIGINT", stop);
  }
}

class Interrupted extends Error {}

/** Rows under headings, numbers to the right. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, i) => (i === 0 ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}

/** A number as people read it: four significant digits. */
export function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** "1 row", "20 rows". */
export function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

/** Columns side by side as a matrix, one row a value. */
export function beside(columns: readonly Float64Array[]): Matrix {
  const rows = columns[0]!.length;
  const out = matrix(rows, columns.length);
  columns.forEach((values, c) => {
    values.forEach((v, i) => {
      out.data[i * columns.length + c] = v;
    });
  });
  return out;
}

/** Lists of more than a dozen numbers cut short: hundreds of lengthscales are for `--json` and the model file. */
export function elided(text: string): string {
  return text.replace(/\[([^\]]*)\]/g, (whole, inside: string) => {
    const numbers = inside.split(", ");
    return numbers.length > 12
      ? `[${numbers.slice(0, 8).join(", ")}, … and ${numbers.length - 8} more]`
      : whole;
  });
}
