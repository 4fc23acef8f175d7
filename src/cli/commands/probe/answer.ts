import { Option } from "commander";
import { writeAtomically } from "../../../data/files.ts";
import type { Figure } from "../../../plot/index.ts";
import { figureBytes, figurePath } from "../../figures.ts";
import { print, textTable } from "../../report.ts";

/** What every probe is asked for. */
export interface AnswerOptions {
  figure?: string;
  json?: boolean;
}

export const figureOption = (what: string) =>
  new Option("--figure <file>", `draw ${what} (.svg or .png)`).argParser(figurePath);

/** What a probe found. */
export interface Answer {
  readonly json: Readonly<Record<string, unknown>>;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Sentences below the table. */
  readonly notes: readonly string[];
  readonly figure: () => Figure;
}

/** Writes the figure, then prints the table with its notes, or the JSON object. */
export async function answer(
  { json, head, rows, notes, figure }: Answer,
  options: AnswerOptions,
): Promise<void> {
  if (options.figure !== undefined) {
    await writeAtomically(options.figure, await figureBytes(figure(), options.figure));
  }
  print({ json, text: [textTable(head, rows), ...notes].join("\n") }, options.json);
}
