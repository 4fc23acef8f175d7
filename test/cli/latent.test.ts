import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { formatTable } from "../../src/data/index.ts";
import { rowRange } from "../../src/linalg/index.ts";
import { key } from "../../src/random/index.ts";
import { workplace } from "../support/cli.ts";
import { twoViews } from "../support/manifolds.ts";

const { folder, funspace, succeed } = workplace();
const { cosine, sine } = twoViews(key(1), 80);
const names = (prefix: string) => Array.from({ length: 10 }, (_, c) => `${prefix}${c}`);
const lines = (name: string) => readFileSync(join(folder, name), "utf8").trim().split("\n");
const put = (name: string, text: string) => writeFileSync(join(folder, name), text);

beforeAll(() => {
  put("cosine.csv", formatTable(names("c"), cosine));
  // A cell that nobody saw.
  put("sine.csv", formatTable(names("s"), sine).replace(/\n[^,]+,/, "\n,"));
  put("new.csv", formatTable(names("c"), rowRange(cosine, 0, 5)));
});

describe("latent variables on the command line", () => {
  it("fits views, says what they share, and predicts one from the other with the file alone", () => {
    const fitted = JSON.parse(
      succeed(
        ...["latent", "cosine.csv", "sine.csv", "--out", "views.safetensors", "--dimensions", "4"],
        ...[
          "--inducing",
          "12",
          "--iterations",
          "300",
          "--scale",
          "common",
          "--latents",
          "latents.csv",
          "--figure",
          "views.svg",
        ],
        "--json",
      ),
    );
    expect(fitted.dimensions.map(({ role }: { role: string }) => role).sort()).toEqual([
      "off",
      "private to cosine",
      "private to sine",
      "shared by cosine, sine",
    ]);
    expect(lines("latents.csv")[0]).toBe("latent1,latent2,latent3,latent4,sd1,sd2,sd3,sd4");
    expect(lines("latents.csv")).toHaveLength(81);
    expect(readFileSync(join(folder, "views.svg"), "utf8")).toContain("latent space");

    succeed("latent", "predict", "views.safetensors", "cosine=new.csv", "--to", "sine", "--out", "p.csv");
    const [head, ...rows] = lines("p.csv").map((line) => line.split(","));
    expect(head!.slice(9, 11)).toEqual(["s9", "sd s0"]);
    // The columns of the shared signal, but for the noise of sd 0.1.
    let error = 0;
    rows.forEach((row, i) => {
      for (let c = 0; c < 5; c++) error += (Number(row[c]) - sine.data[10 * i + c]!) ** 2 / 25;
    });
    expect(Math.sqrt(error)).toBeLessThan(0.25);

    succeed("latent", "sample", "views.safetensors", "--view", "sine", "--count", "3", "--out", "s.csv");
    expect(lines("s.csv")).toHaveLength(4);
  });

  it("takes an RBF and a linear kernel together, and the best of several starts", () => {
    const options = ["--dimensions", "2", "--inducing", "6", "--iterations", "16", "--starts", "2"];
    const fitted = JSON.parse(
      succeed(
        "latent",
        "cosine.csv",
        "--kernel",
        "rbf+linear",
        ...options,
        "--out",
        "sum.safetensors",
        "--json",
      ),
    );
    expect(fitted.bounds).toHaveLength(2);
    expect(fitted.bound).toBeCloseTo(Math.max(...fitted.bounds), 6);
    succeed("latent", "predict", "sum.safetensors", "cosine=new.csv", "--to", "cosine", "--out", "q.csv");
    expect(lines("q.csv")).toHaveLength(6);
  });

  it("says what is wrong", () => {
    const refused = (...args: string[]) => {
      const { status, stderr } = funspace(...args);
      expect(status).not.toBe(0);
      return stderr;
    };
    expect(refused("latent", "cosine.csv", "new.csv", "--out", "x.safetensors")).toContain(
      "the views' rows should match: cosine.csv has 80, new.csv 5",
    );
    expect(
      refused("latent", "predict", "views.safetensors", "new.csv", "--to", "sine", "--out", "x.csv"),
    ).toContain('there is no view "new"; the model has cosine, sine');
    expect(refused("predict", "views.safetensors", "new.csv", "--out", "x.csv")).toContain(
      "`funspace latent predict` reads it",
    );
  });
});
