import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { bike } from "./bike.ts";
import type { Check, Group } from "./check.ts";
import { deep } from "./deep.ts";
import { digitAngles, digitsContrast, digitsInverted, digitsRotated } from "./digit-conditions.ts";
import { featureLearning, pathKernels, rateTransfer } from "./dynamics.ts";
import { infiniteWidth } from "./infinite.ts";
import { kin40k } from "./kin40k.ts";
import { large } from "./large.ts";
import { latent } from "./latent.ts";
import { functions, transfer } from "./probes.ts";
import { resnet } from "./resnet.ts";
import { series } from "./series.ts";
import { sines } from "./sines.ts";
import { tickets, ticketsOfPixels } from "./tickets.ts";
import { uci } from "./uci.ts";

/**
 * The long checks: prints a table of each, its threshold and what came, and keeps it in ACCEPTANCE.md. With names of
 * groups it runs those alone and keeps the other groups' tables as they were.
 */
const groups: Readonly<Record<string, Group>> = {
  bike,
  sines,
  deep,
  digitsRotated,
  digitsContrast,
  digitsInverted,
  digitAngles,
  resnet,
  uci,
  series,
  functions,
  transfer,
  tickets,
  pathKernels,
  featureLearning,
  rateTransfer,
  ticketsOfPixels,
  infinite: infiniteWidth,
  large,
  kin40k,
  latent,
};
const wanted = process.argv.slice(2);
const chosen = Object.entries(groups).flatMap(([name, group]) =>
  wanted.length === 0 || wanted.includes(name) ? [group] : [],
);

const file = resolve(import.meta.dirname, "../../ACCEPTANCE.md");
const made = new Map<string, string>();
let failed = 0;
for (const group of chosen) {
  const start = performance.now();
  const checks = await group.run();
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const body = typeof checks === "string" ? checks : table(checks);
  if (typeof checks !== "string") failed += checks.filter((c) => c.pass === false).length;
  const section = `## ${group.title}\n\n${body}\n\n(${seconds} s)\n`;
  console.log(section);
  made.set(group.title, section);
}
// Read only now: another group may have written its part while these ran.
const kept = new Map(
  (existsSync(file) ? readFileSync(file, "utf8") : "")
    .split(/^(?=## )/m)
    .slice(1)
    .map((section) => [section.slice(3, section.indexOf("\n")), `${section.trimEnd()}\n`]),
);
const head =
  "# Acceptance\n\nMade by `npm run acceptance`: each long check, its threshold and what came on the machine of its last run.\n";
const sections = Object.values(groups).flatMap(({ title }) => made.get(title) ?? kept.get(title) ?? []);
writeFileSync(file, `${head}\n${sections.join("\n")}`);
process.exitCode = failed > 0 ? 1 : 0;

function table(checks: readonly Check[]): string {
  const verdict = { true: "pass", false: "**FAIL**", undefined: "" };
  const rows = checks.map((c) => `| ${c.name} | ${c.threshold} | ${c.found} | ${verdict[`${c.pass}`]} |`);
  return ["| check | threshold | came | |", "|---|---|---|---|", ...rows].join("\n");
}
