import { UsageError } from "../errors/index.ts";
import { nearest } from "./nearest.ts";
import { type Parameter, type Parameters, type Support, within } from "./parameters.ts";
import { expectPrior, type Prior } from "./priors.ts";

/** What has parameters and can be made again with others: kernels and learnable functions. */
export interface Adjustable<T> {
  readonly parameters: Parameters;
  with(parameters: Parameters): T;
}

// In all of these a path may hold * for any text: "*.lengthscale", "fn.*". Paths that match nothing are UsageErrors.

/** The same with these parameters kept as they are by every fit. */
export function fix<T>(it: Adjustable<T>, ...paths: readonly string[]): T {
  return changed(it, paths, ({ unset: _, ...parameter }) => ({ ...parameter, fixed: true }));
}

/** The same with these parameters free to be fitted again, each alone. */
export function free<T>(it: Adjustable<T>, ...paths: readonly string[]): T {
  return changed(it, paths, ({ fixed: _, tie: __, ...parameter }) => parameter);
}

/** The same with these parameters made one, as the first of them is. They must have equally many values. */
export function tie<T>(it: Adjustable<T>, ...paths: readonly string[]): T {
  const matched = matching(it.parameters, paths);
  const [first] = matched;
  const leader = it.parameters[first!]!;
  for (const path of matched) {
    const { length } = it.parameters[path]!.value;
    if (length !== leader.value.length) {
      throw new UsageError(`tie: "${first}" has ${leader.value.length} value(s), "${path}" ${length}`);
    }
  }
  const label = leader.tie ?? first!;
  return changed(it, matched, () => ({ ...leader, tie: label }));
}

/** The same with these parameters at a value: one number for all their values, or as many as they have. */
export function setTo<T>(it: Adjustable<T>, paths: string, value: number | ArrayLike<number>): T {
  return changed(it, [paths], ({ unset: _, ...parameter }, path) => {
    const { length } = parameter.value;
    const values = typeof value === "number" ? new Float64Array(length).fill(value) : value;
    return { ...parameter, ...within(path, values, parameter.support, length) };
  });
}

/** The same with these parameters kept to a support; their values must lie in it. */
export function bound<T>(it: Adjustable<T>, paths: string, support: Support): T {
  return changed(it, [paths], (parameter, path) => ({
    ...parameter,
    ...within(path, parameter.value, support),
  }));
}

/** The same with this prior on each value of these parameters. */
export function withPrior<T>(it: Adjustable<T>, paths: string, prior: Prior): T {
  expectPrior(prior);
  return changed(it, [paths], (parameter) => ({ ...parameter, prior }));
}

/** Tied parameters change together. */
function changed<T>(
  it: Adjustable<T>,
  paths: readonly string[],
  change: (parameter: Parameter, path: string) => Parameter,
): T {
  const matched = new Set(matching(it.parameters, paths));
  const ties = new Set([...matched].flatMap((path) => it.parameters[path]!.tie ?? []));
  return it.with(
    Object.fromEntries(
      Object.entries(it.parameters).map(([path, parameter]) => {
        const touched = matched.has(path) || (parameter.tie !== undefined && ties.has(parameter.tie));
        return [path, touched ? change(parameter, path) : parameter];
      }),
    ),
  );
}

function matching(parameters: Parameters, paths: readonly string[]): readonly string[] {
  const known = Object.keys(parameters);
  const matched = paths.flatMap((path) => {
    const pieces = path.split("*").map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
    const pattern = new RegExp(`^${pieces.join(".*")}$`);
    const found = known.filter((name) => pattern.test(name));
    if (found.length === 0) {
      throw new UsageError(
        `there is no parameter "${path}"; did you mean "${nearest(path, known)}"? There are ${known.join(", ")}`,
      );
    }
    return found;
  });
  if (matched.length === 0) throw new UsageError("name at least one parameter");
  return [...new Set(matched)];
}
