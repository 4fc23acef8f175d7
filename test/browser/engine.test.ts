import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { restart } from "../../src/engine/wasm/machine.ts";
import { type Outcome, workload } from "./workload.ts";

/** Debian's chromium; where it is missing, root installs it and anyone else is told how to. */
function findChromium(): string | undefined {
  const path = "/usr/bin/chromium";
  if (existsSync(path)) return path;
  if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    try {
      execFileSync("apt-get", ["install", "-y", "chromium"], { stdio: "ignore", timeout: 240_000 });
    } catch (error) {
      console.log(`apt-get could not install chromium: ${(error as Error).message}`);
    }
    if (existsSync(path)) return path;
  }
  console.log(
    "Skipped: no /usr/bin/chromium. Install it (apt-get install chromium) to test the engine in a browser.",
  );
  return undefined;
}

const executable = findChromium();

interface Answer {
  readonly outcome?: Outcome;
  readonly isolated?: boolean;
  readonly error?: string;
}

describe.skipIf(!executable)("the wasm engine in a Web Worker of Chromium", () => {
  let browser: Browser;
  let server: Server;
  let origin: string;

  beforeAll(async () => {
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL("worker.ts", import.meta.url))],
      bundle: true,
      write: false,
      format: "esm",
      logLevel: "error",
    });
    server = createServer((request, response) => {
      if (request.url?.includes("isolated")) {
        response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
        response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
      }
      const script = request.url?.startsWith("/worker.js") === true;
      response.setHeader("Content-Type", script ? "text/javascript" : "text/html");
      response.end(script ? outputFiles[0]!.text : "<!doctype html><title>funspace</title>");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await chromium.launch({ executablePath: executable!, args: ["--no-sandbox"] });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    server?.close();
    restart();
  });

  async function inPage(query: string, threads: number): Promise<Answer> {
    const page = await browser.newPage();
    await page.goto(`${origin}/page${query}`);
    // Given as text: it runs in the page, whose globals Node does not know.
    const answer = await page.evaluate(`new Promise((resolve) => {
      const worker = new Worker("/worker.js${query}", { type: "module" });
      worker.onmessage = (event) => resolve(event.data);
      worker.onerror = (event) => resolve({ error: event.message });
      worker.postMessage(${threads});
    })`);
    await page.close();
    return answer as Answer;
  }

  it("computes the bits that Node computes, on one thread, in any page", async () => {
    const answer = await inPage("", 1);
    expect(answer.error).toBeUndefined();
    expect(answer.isolated).toBe(false);
    expect(answer.outcome).toEqual(await workload(1));
  });

  it("works alone where it asks for threads but the page is not isolated", async () => {
    const answer = await inPage("", 2);
    expect(answer.error).toBeUndefined();
    expect(answer.outcome?.threads).toBe(1);
  });

  it("computes them on two threads in a cross-origin isolated page", async () => {
    const answer = await inPage("?isolated", 2);
    expect(answer.error).toBeUndefined();
    expect(answer.isolated).toBe(true);
    expect(answer.outcome).toEqual(await workload(2));
    expect(answer.outcome?.threads).toBe(2);
  });
});
