import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

/** Which rooms a room may import; every room may import the three at the bottom of the house. */
const bottom = ["errors", "random", "tasks"];
const allowed: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  tasks: [],
  random: ["errors"],
  engine: [],
  native: ["engine"],
  linalg: ["engine"],
  kernels: ["linalg", "engine"],
  networks: ["linalg", "engine"],
  processes: ["kernels", "linalg", "engine"],
  tangent: ["networks", "kernels", "linalg", "engine"],
  infinite: ["tangent", "networks", "processes", "kernels", "linalg", "engine"],
  dynamics: ["infinite", "tangent", "networks", "processes", "kernels", "linalg", "engine"],
  adapt: ["tangent", "networks", "processes", "kernels", "linalg", "engine"],
  deep: ["tangent", "networks", "processes", "kernels", "linalg", "engine"],
  probes: ["adapt", "tangent", "networks", "processes", "kernels", "linalg", "engine"],
  data: ["deep", "adapt", "tangent", "networks", "processes", "kernels", "linalg", "engine"],
  plot: ["linalg", "engine"],
  testing: ["adapt", "tangent", "networks", "processes", "kernels", "linalg", "engine"],
  gallery: [
    "plot",
    "data",
    "dynamics",
    "infinite",
    "probes",
    "deep",
    "adapt",
    "tangent",
    "networks",
    "processes",
    "kernels",
    "linalg",
    "engine",
  ],
  cli: [
    "native",
    "gallery",
    "plot",
    "data",
    "dynamics",
    "infinite",
    "probes",
    "deep",
    "adapt",
    "tangent",
    "networks",
    "processes",
    "kernels",
    "linalg",
    "engine",
  ],
};

/** Where `node:` may be imported; everything else runs in a browser. */
const node = [/^native\//, /^cli\//, /^data\/files\.ts$/, /^plot\/png\.ts$/];

const src = resolve(import.meta.dirname, "../src");

function sources(folder = src): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    // The AssemblyScript sources are another language with imports of their own.
    if (entry.isDirectory()) return entry.name === "assembly" ? [] : sources(path);
    return path.endsWith(".ts") ? [path] : [];
  });
}

function imports(path: string): string[] {
  const text = readFileSync(path, "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1]!);
}

describe("the rooms of the house", () => {
  const files = sources();

  it("are all in the table", () => {
    const rooms = new Set(
      files.map((f) => relative(src, f).split("/")).flatMap((p) => (p.length > 1 ? [p[0]!] : [])),
    );
    expect([...rooms].filter((room) => !(room in allowed))).toEqual([]);
  });

  it("import only what the table allows", () => {
    const wrong = files.flatMap((file) => {
      const [room, ...rest] = relative(src, file).split("/");
      if (rest.length === 0) return []; // src/index.ts gathers them all
      return imports(file)
        .filter((path) => path.startsWith("."))
        .map((path) => relative(src, resolve(dirname(file), path)).split("/")[0]!)
        .filter((to) => to !== room && !bottom.includes(to) && !allowed[room!]!.includes(to))
        .map((to) => `${relative(src, file)} imports ${to}`);
    });
    expect(wrong).toEqual([]);
  });

  it("import node: only at the edges", () => {
    const wrong = files.filter((file) => {
      const path = relative(src, file);
      return (
        !node.some((pattern) => pattern.test(path)) && imports(file).some((from) => from.startsWith("node:"))
      );
    });
    expect(wrong.map((file) => relative(src, file))).toEqual([]);
  });

  it("have one concept a file: none over 400 lines", () => {
    const long = files.filter(
      (file) => !file.includes("/generated/") && readFileSync(file, "utf8").split("\n").length > 401,
    );
    expect(long.map((file) => relative(src, file))).toEqual([]);
  });
});
