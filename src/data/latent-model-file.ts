import { type LatentModel, latentPosterior, type Mapping, seenValues } from "../deep/latent/index.ts";
import { FormatError, FunspaceError } from "../errors/index.ts";
import { type KernelJson, kernelFromJson, kernelToJson } from "../kernels/index.ts";
import { type Matrix, matrix, type Tensor } from "../linalg/index.ts";
import { decodeSafetensors } from "../networks/safetensors.ts";
import { expectSealed, sealed } from "./checksum.ts";
import type { LatentTableModel } from "./latent-model.ts";
import type { Standardiser } from "./standardise.ts";
import { asMatrix, asTensor } from "./tensors.ts";

interface MappingHeader {
  readonly kernel: KernelJson;
  readonly noiseVariance: number;
  readonly jitter: number;
}

/**
 * What the metadata of a latent model's file says. Tensors: "view.0.values" and "view.0.seen" (1 where a value was),
 * "view.0.inducing", "link.0.inducing", "level.0.mean", "level.0.variance".
 */
interface LatentHeader {
  readonly version: 1;
  readonly kind: "latent";
  readonly views: readonly (MappingHeader & { readonly name: string; readonly units: Standardiser })[];
  readonly links: readonly MappingHeader[];
  readonly levels: number;
}

/** The file of a latent model: with its data, so that all it predicts can be computed again. */
export function encodeLatentModel({ units, posterior }: LatentTableModel): Uint8Array {
  const { model, views } = posterior;
  const tensors = new Map<string, Tensor>();
  views.forEach(({ seen, mapping }, v) => {
    const { values, centre, patterns } = seen;
    const mask = matrix(values.rows, values.cols);
    for (const { columns, rows } of patterns) {
      for (const c of columns) {
        rows.forEach((s, i) => {
          mask.data[i * values.cols + c] = s;
        });
      }
    }
    const whole = values.data.map((v, k) => (mask.data[k] === 1 ? v + centre[k % values.cols]! : 0));
    tensors.set(`view.${v}.values`, asTensor(matrix(values.rows, values.cols, whole)));
    tensors.set(`view.${v}.seen`, asTensor(mask));
    tensors.set(`view.${v}.inducing`, asTensor(mapping.inducing));
  });
  model.links.forEach(({ inducing }, k) => {
    tensors.set(`link.${k}.inducing`, asTensor(inducing));
  });
  model.levels.forEach(({ mean, variance }, k) => {
    tensors.set(`level.${k}.mean`, asTensor(mean));
    tensors.set(`level.${k}.variance`, asTensor(variance));
  });
  const header: LatentHeader = {
    version: 1,
    kind: "latent",
    views: views.map(({ name, mapping }, v) => ({ name, units: units[v]!, ...headerOf(mapping) })),
    links: model.links.map(headerOf),
    levels: model.levels.length,
  };
  return sealed(tensors, JSON.stringify(header));
}

/** The latent model in a file's bytes; `source` is what to call it in errors. Throws FormatError for any other file. */
export function decodeLatentModel(bytes: Uint8Array, source: string): LatentTableModel {
  const file = decodeSafetensors(bytes, source);
  const text = file.metadata.funspace;
  try {
    expectSealed(file);
    const header: Partial<LatentHeader> = JSON.parse(text ?? "{}");
    if (header.kind !== "latent" || header.version !== 1) {
      throw new FormatError("expected a model of latent variables; make one with `funspace latent`");
    }
    return modelFrom(header as LatentHeader, file.tensors);
  } catch (cause) {
    if (!(cause instanceof FunspaceError || cause instanceof TypeError || cause instanceof SyntaxError))
      throw cause;
    throw new FormatError(`${source} is not a whole latent model: ${cause.message}`, {}, { cause });
  }
}

function modelFrom(header: LatentHeader, tensors: ReadonlyMap<string, Tensor>): LatentTableModel {
  const levels = Array.from({ length: header.levels }, (_, k) => ({
    mean: asMatrix(tensors, `level.${k}.mean`),
    variance: asMatrix(tensors, `level.${k}.variance`),
  }));
  const mapping = (part: MappingHeader, name: string): Mapping => ({
    kernel: kernelFromJson(part.kernel),
    inducing: asMatrix(tensors, `${name}.inducing`),
    noiseVariance: part.noiseVariance,
    jitter: part.jitter,
  });
  const model: LatentModel = {
    levels,
    views: header.views.map((part, v) => mapping(part, `view.${v}`)),
    links: header.links.map((part, k) => mapping(part, `link.${k}`)),
  };
  const data = header.views.map(({ name, units }, v) => {
    const [values, seen] = [asMatrix(tensors, `view.${v}.values`), asMatrix(tensors, `view.${v}.seen`)];
    if (values.cols !== units.names.length || seen.data.length !== values.data.length) {
      throw new FormatError(`its data do not fit the columns of view "${name}"; the file was altered`);
    }
    return seenValues(withGaps(values, seen), name, true);
  });
  const names = header.views.map(({ name }) => name);
  return {
    kind: "latent",
    units: header.views.map(({ units }) => units),
    posterior: latentPosterior(model, names, data),
  };
}

function withGaps({ rows, cols, data }: Matrix, seen: Matrix): Matrix {
  return matrix(
    rows,
    cols,
    data.map((v, k) => (seen.data[k] === 1 ? v : Number.NaN)),
  );
}

function headerOf({ kernel, noiseVariance, jitter }: Mapping): MappingHeader {
  return { kernel: kernelToJson(kernel), noiseVariance, jitter };
}
