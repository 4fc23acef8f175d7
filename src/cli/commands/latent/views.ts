import { basename } from "node:path";
import { readBytes, readTable } from "../../../data/files.ts";
import { decodeLatentModel, type LatentTableModel, type Views } from "../../../data/index.ts";
import { UsageError } from "../../../errors/index.ts";

/** The tables at these paths by their views' names: what stands before an equals sign, or the file's own name. */
export async function readViews(places: readonly string[]): Promise<Views> {
  const views: Record<string, Awaited<ReturnType<typeof readTable>>> = {};
  for (const place of places) {
    const [, given, path] = /^([^=/\\]+)=(.+)$/.exec(place) ?? [place, undefined, place];
    const name = given ?? basename(path!).replace(/\.csv(\.gz)?$/i, "");
    if (views[name])
      throw new UsageError(`two views are called "${name}": name them, as in ${name}2=${path}`);
    views[name] = await readTable(path!);
  }
  return views;
}

export async function readLatentModel(path: string): Promise<LatentTableModel> {
  return decodeLatentModel(await readBytes(path), path);
}
