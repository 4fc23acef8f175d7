// Bundles the package's entries into dist. A few files for the many small modules (ours and those of development
// dependencies, which go inside) make the first import several times faster than loading each on its own. What
// package.json lists as a dependency stays outside.
import { readFileSync } from "node:fs";
import { build } from "esbuild";

const { exports, bin, dependencies, optionalDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
const outside = Object.keys({ ...dependencies, ...optionalDependencies });
const entries = [...Object.values(exports), ...Object.values(bin).map((path) => `./${path}`)];

await build({
  entryPoints: entries.map((path) => path.replace("./dist/", "src/").replace(/\.js$/, ".ts")),
  outdir: "dist",
  outbase: "src",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "neutral",
  mainFields: ["module", "main"],
  target: "es2023",
  // papaparse asks for "stream" only when it is given one, which never happens here.
  external: [...outside.flatMap((name) => [name, `${name}/*`]), "node:*", "stream"],
  sourcemap: true,
  logLevel: "warning",
});
