import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { atMost, between, type Check, type Group, reported } from "./check.ts";

const data = resolve(import.meta.dirname, "../../../shared/data/bike");
const cli = resolve(import.meta.dirname, "../../dist/cli/main.js");

/** Test RMSE of the PyTorch prototype for each number of new rows: ours may be 5 % above. */
const prototype = { 100: 0.377, 500: 0.355, 1500: 0.334 } as const;

/** The main job on real data through the command line: bike rentals of 2011, then of 2012. */
export const bike: Group = {
  title:
    "Main job: bike rentals, trained on 2011, adapted to the first n rows of 2012, tested on rows 2,001 on",
  run() {
    if (!existsSync(data)) return `skipped: ${data} is absent`;
    const folder = mkdtempSync(join(tmpdir(), "funspace-bike-"));
    const rows = readFileSync(join(data, "bike-2012.csv"), "utf8").trimEnd().split("\n");
    writeFileSync(join(folder, "test.csv"), [rows[0], ...rows.slice(2001)].join("\n"));
    const funspace = (...args: string[]) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args, "--json"], {
        cwd: folder,
        encoding: "utf8",
      });
      if (status !== 0) throw new Error(`funspace ${args.join(" ")}: ${stderr}`);
      return JSON.parse(stdout);
    };
    const score = (model: string) =>
      funspace("predict", model, "test.csv", "--out", "p.csv", "--target", "log_count");
    const adaptTo = (n: number, ...options: string[]) =>
      funspace(
        "adapt",
        "base",
        join(data, "bike-2012.csv"),
        "--target",
        "log_count",
        "--out",
        "adapted",
        "--rows",
        String(n),
        ...options,
      );

    const start = performance.now();
    funspace("train", join(data, "bike-2011.csv"), "--target", "log_count", "--out", "base");
    adaptTo(500);
    score("adapted");
    const seconds = (performance.now() - start) / 1000;
    const checks: Check[] = [
      atMost("train → adapt (n = 500) → predict, s", seconds, 30, 1),
      reported("RMSE, network as it is", score("base").rmse.toFixed(3)),
    ];
    for (const [text, rmse] of Object.entries(prototype)) {
      const n = Number(text);
      adaptTo(n);
      const found = score("adapted");
      const [shared, layer] = ["shared", "layer"].map((scales) => {
        const { logEvidence } = adaptTo(n, "--scales", scales);
        return { logEvidence, ...score("adapted") };
      });
      checks.push(
        atMost(`RMSE, n = ${n} (prototype ${rmse})`, found.rmse, 1.05 * rmse),
        between(`95 % coverage, n = ${n}`, found.coverage95, 0.92, 0.98),
        reported(
          `likeliest scales, n = ${n}: one; one a layer and its evidence: RMSE, NLPD (unless told ${found.nlpd.toFixed(3)})`,
          `${told(shared)}; ${told(layer)}, +${(layer.logEvidence - shared.logEvidence).toFixed(1)} nats`,
        ),
      );
    }
    return checks;
  },
};

const told = ({ rmse, nlpd }: { readonly rmse: number; readonly nlpd: number }) =>
  `${rmse.toFixed(3)}, ${nlpd.toFixed(3)}`;
