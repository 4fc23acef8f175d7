import { FormatError } from "../errors/index.ts";
import { formatKernel, parseKernel } from "./expression.ts";
import type { Kernel } from "./kernel.ts";
import { type Parameter, type Parameters, within } from "./parameters.ts";
import { expectPrior } from "./priors.ts";

/** A parameter as JSON: its numbers as a list, the rest as it is. */
export type ParameterJson = Omit<Parameter, "value"> & { readonly value: readonly number[] };
export type ParametersJson = Readonly<Record<string, ParameterJson>>;

/** A kernel as JSON: what it is made of as text, and its parameters with bounds, priors, fixes and ties. */
export interface KernelJson {
  readonly kernel: string;
  readonly parameters: ParametersJson;
}

export function parametersToJson(parameters: Parameters): ParametersJson {
  return Object.fromEntries(
    Object.entries(parameters).map(([path, parameter]) => [
      path,
      { ...parameter, value: Array.from(parameter.value) },
    ]),
  );
}

/** Throws FormatError unless the paths and numbers of values are those of `like`, and the values in their support. */
export function parametersFromJson(json: ParametersJson, like: Parameters): Parameters {
  for (const path of Object.keys(json)) {
    if (!like[path]) throw new FormatError(`there is no parameter "${path}"`);
  }
  return Object.fromEntries(
    Object.entries(like).map(([path, { value, support }]) => {
      const given = json[path];
      if (!Array.isArray(given?.value) || given.value.length !== value.length) {
        const got = Array.isArray(given?.value) ? given.value.length : "nothing";
        throw new FormatError(`parameter "${path}" should have ${value.length} value(s), got ${got}`);
      }
      try {
        if (given.prior) expectPrior(given.prior);
        return [path, { ...given, ...within(path, given.value, given.support ?? support) }];
      } catch (cause) {
        throw new FormatError((cause as Error).message, {}, { cause });
      }
    }),
  );
}

/** Throws UsageError for a kernel without a text form. */
export function kernelToJson(kernel: Kernel): KernelJson {
  return { kernel: formatKernel(kernel), parameters: parametersToJson(kernel.parameters) };
}

/** Throws FormatError for JSON that is no kernel. */
export function kernelFromJson(json: KernelJson): Kernel {
  if (typeof json.kernel !== "string" || typeof json.parameters !== "object") {
    throw new FormatError('a kernel in JSON has a text "kernel" and an object "parameters"');
  }
  const kernel = parseKernel(json.kernel);
  return kernel.with(parametersFromJson(json.parameters, kernel.parameters));
}
