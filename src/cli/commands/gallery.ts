import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Command, Option } from "commander";
import { writeAtomically } from "../../data/files.ts";
import { gallery, page, readCo2, type SectionId, sectionIds } from "../../gallery/index.ts";
import { wholeNumber } from "../options.ts";
import { counted, print, withProgress } from "../report.ts";

export function galleryCommand(): Command {
  return new Command("gallery")
    .description(
      "What function space is, in figures: one HTML page that needs nothing else, computed as it runs.",
    )
    .option("--out <folder>", "where index.html goes", "gallery")
    .option("--seed <n>", "of everything drawn at random", wholeNumber(0), 0)
    .addOption(new Option("--only <sections...>", "those sections alone, by id").choices(sectionIds))
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExample:\n  funspace gallery --out gallery/")
    .action(galleryAction);
}

async function galleryAction({
  out,
  seed,
  only,
  json,
}: {
  out: string;
  seed: number;
  only?: readonly SectionId[];
  json?: boolean;
}): Promise<void> {
  const start = performance.now();
  const co2 = readCo2(await co2Csv(), "co2-concentration.csv");
  const sections = await withProgress(gallery(seed, co2, only));
  const html = page(sections, { seed });
  const path = join(out, "index.html");
  await writeAtomically(path, html);
  const seconds = (performance.now() - start) / 1000;
  const bytes = Buffer.byteLength(html);
  print(
    {
      json: {
        command: "gallery",
        out,
        seed,
        sections: sections.map(({ id, title, numbers }) => ({ id, title, numbers })),
        files: ["index.html"],
        bytes,
        seconds,
      },
      text: [
        ...sections.map(({ title }, i) => `${i + 1}. ${title}`),
        "",
        `${counted(sections.length, "section")} in ${path} (${(bytes / 1e6).toFixed(1)} MB, ${seconds.toFixed(1)} s): open it in a browser.`,
      ].join("\n"),
    },
    json,
  );
}

/** The Mauna Loa record that vega-datasets carries; its exports name its code only, the data lie beside that. */
async function co2Csv(): Promise<string> {
  const code = createRequire(import.meta.url).resolve("vega-datasets");
  return await readFile(join(code, "../../data/co2-concentration.csv"), "utf8");
}
