import {
  fitLatent,
  inferLatents,
  type LatentFit,
  type LatentFitOptions,
  type LatentPosterior,
  type Latents,
  type PartlySeen,
  predictView,
  relevances,
  usedBy,
} from "../deep/latent/index.ts";
import { DataError, UsageError } from "../errors/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { type Key, normal, split } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";
import { apply, type Standardiser, standardiserOfSeen, undo, undoScale } from "./standardise.ts";
import { selectWithGaps, type Table } from "./table.ts";

/** Tables as views of the same things, by their names. */
export type Views = Readonly<Record<string, Table>>;

/** A latent model of tables with matching rows. */
export interface LatentTableModel {
  readonly kind: "latent";
  /** In the order of the posterior's views: each column's name and units. */
  readonly units: readonly Standardiser[];
  /** Of the standardised values. */
  readonly posterior: LatentPosterior;
}

export interface FitViewsOptions extends Omit<LatentFitOptions, "encoder"> {
  /** Columns that are no part of a view: names of rows, labels. */
  readonly ignore?: readonly string[];
  /**
   * "own": each column is divided by its own spread, as columns of different units should be; "common": all of a view by
   * one number, as pixels should be. "own" unless given.
   */
  readonly scale?: "own" | "common";
}

/**
 * Fits latent variables to tables with matching rows, columns standardised; an empty cell is a value that was not
 * seen. Throws DataError for other cells that are no numbers, for columns that do not vary and for views of different
 * rows.
 */
export function* fitViews(
  views: Views,
  { ignore = [], scale = "own", ...options }: FitViewsOptions,
): Task<{ readonly model: LatentTableModel; readonly fit: LatentFit }> {
  const tables = Object.entries(views);
  const rows = tables[0]?.[1].rows;
  for (const [, table] of tables) {
    if (table.rows !== rows) {
      throw new DataError(
        `the views' rows should match: ${tables[0]![1].source} has ${rows}, ${table.source} ${table.rows}`,
      );
    }
  }
  const values = tables.map(([name, table]) => {
    const columns = table.columns.filter((column) => !ignore.includes(column));
    if (columns.length === 0) throw new DataError(`${table.source} has no column left to learn from`);
    const y = selectWithGaps(table, columns);
    const units = standardiserOfSeen(columns, y, scale);
    return { name, units, y: apply(units, y), gaps: true };
  });
  const fit = yield* fitLatent(values, options);
  const { posterior } = fit;
  return { model: { kind: "latent", units: values.map(({ units }) => units), posterior }, fit };
}

/** For each latent dimension how much each view uses it, and what it is: shared, private to a view, or off. */
export function relevanceTable({ posterior }: LatentTableModel): readonly {
  readonly dimension: number;
  readonly relevance: readonly number[];
  readonly role: string;
}[] {
  const { model, views } = posterior;
  const each = model.views.map(relevances);
  return usedBy(model).map((users, q) => ({
    dimension: q + 1,
    relevance: each.map((relevance) => relevance[q]!),
    role: roleOf(
      users.map((v) => views[v]!.name),
      views.length,
    ),
  }));
}

function roleOf(users: readonly string[], views: number): string {
  if (users.length === 0) return "off";
  if (views === 1) return "used";
  return users.length === 1 ? `private to ${users[0]}` : `shared by ${users.join(", ")}`;
}

/** One view of new rows, in its columns' own units. */
export interface ViewPredictions {
  readonly columns: readonly string[];
  readonly mean: Matrix;
  /** Of what would be observed: noise included. */
  readonly sd: Matrix;
  readonly latents: Latents;
}

/** Predicts one view of new rows from tables of others, or from what its own table holds: empty cells are filled. */
export function predictFromViews(model: LatentTableModel, given: Views, to: string): ViewPredictions {
  const { posterior } = model;
  const wanted = unitsOf(model, to);
  const { latents, mean, variance, noiseVariance } = predictView(posterior, standardRows(model, given), to);
  const sd = matrix(
    variance.rows,
    variance.cols,
    variance.data.map((v) => Math.sqrt(v + noiseVariance)),
  );
  return { columns: wanted.names, mean: undo(wanted, mean), sd: undoScale(wanted, sd), latents };
}

/** The latents of new rows. */
export function latentsOf(model: LatentTableModel, given: Views): Latents {
  return inferLatents(model.posterior, standardRows(model, given));
}

/**
 * `count` new rows of a view in its own units, without noise: latents drawn from their prior, mapped by one function
 * drawn from the posterior, so that the rows belong together.
 */
export function sampleView(model: LatentTableModel, view: string, key: Key, count: number): Matrix {
  const units = unitsOf(model, view);
  const [f] = model.posterior.sample(view, split(key, "function"), 1);
  const x = matrix(count, f!.inputs, normal(split(key, "latents"), count * f!.inputs));
  return undo(units, f!.at(x));
}

function standardRows(model: LatentTableModel, given: Views): PartlySeen {
  const tables = Object.entries(given);
  for (const [, table] of tables) {
    if (table.rows !== tables[0]![1].rows) {
      throw new DataError(
        `the views' rows should match: ${tables[0]![1].source} has ${tables[0]![1].rows}, ${table.source} ${table.rows}`,
      );
    }
  }
  return Object.fromEntries(
    tables.map(([name, table]) => {
      const units = unitsOf(model, name);
      return [name, apply(units, selectWithGaps(table, units.names))];
    }),
  );
}

function unitsOf({ posterior, units }: LatentTableModel, name: string): Standardiser {
  const place = posterior.views.findIndex((view) => view.name === name);
  if (place < 0) {
    throw new UsageError(
      `there is no view "${name}"; the model has ${posterior.views.map((view) => view.name).join(", ")}`,
    );
  }
  return units[place]!;
}
