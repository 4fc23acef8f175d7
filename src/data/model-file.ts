import { FormatError, FunspaceError } from "../errors/index.ts";
import { decodeSafetensors } from "../networks/safetensors.ts";
import { expectSealed } from "./checksum.ts";
import type { ClassifierModel } from "./classifier-model.ts";
import {
  type ClassifierHeader,
  classifierModelFrom,
  encodeClassifierModel,
} from "./classifier-model-file.ts";
import {
  type ConstrainedHeader,
  constrainedModelFrom,
  encodeConstrainedModel,
} from "./constrained-model-file.ts";
import { type DeepHeader, deepModelFrom, encodeDeepModel } from "./deep-model-file.ts";
import { encodeGpModel, type GpHeader, gpModelFrom } from "./gp-model-file.ts";
import { encodeLargeGpModel, type LargeGpHeader, largeGpModelFrom } from "./large-gp-model-file.ts";
import type { LikelihoodTableModel } from "./likelihood-model.ts";
import {
  encodeLikelihoodModel,
  type LikelihoodHeader,
  likelihoodModelFrom,
} from "./likelihood-model-file.ts";
import type { ArrayModel } from "./model.ts";
import {
  type ArrayHeader,
  encodeNetworkModel,
  type NetworkHeader,
  networkModelFrom,
} from "./network-model-file.ts";
import type { TableModel } from "./table-model.ts";

/** Everything that is kept in a model file. */
export type AnyModel = TableModel | ArrayModel | ClassifierModel | LikelihoodTableModel;

/** The model as one self-contained safetensors file, which Python reads too. */
export function encodeModel(model: AnyModel): Uint8Array {
  if (model.kind === "classifier") return encodeClassifierModel(model);
  if (model.kind === "deep") return encodeDeepModel(model);
  if (model.kind === "likelihood") return encodeLikelihoodModel(model);
  if (model.kind === "large") return encodeLargeGpModel(model);
  if (model.kind === "constrained") return encodeConstrainedModel(model);
  return model.kind === "gp" ? encodeGpModel(model) : encodeNetworkModel(model);
}

/** The model in a file's bytes; `source` is what to call it in errors. Throws FormatError for any other file. */
export function decodeModel(bytes: Uint8Array, source: string): AnyModel {
  const file = decodeSafetensors(bytes, source);
  const { tensors, metadata } = file;
  if (metadata.funspace === undefined) {
    throw new FormatError(
      `${source} is a safetensors file but not a funspace model: its metadata has no "funspace" entry; make one with \`funspace train\` or \`funspace fit\``,
    );
  }
  try {
    expectSealed(file);
    const header = parseHeader(metadata.funspace);
    if (header.kind === "classifier") return classifierModelFrom(header, tensors);
    if (header.kind === "deep") return deepModelFrom(header, tensors);
    if (header.kind === "likelihood") return likelihoodModelFrom(header, tensors);
    if (header.kind === "large") return largeGpModelFrom(header, tensors);
    if (header.kind === "constrained") return constrainedModelFrom(header, tensors);
    return header.kind === "gp" ? gpModelFrom(header, tensors) : networkModelFrom(header, tensors);
  } catch (cause) {
    if (!(cause instanceof FunspaceError || cause instanceof TypeError)) throw cause;
    throw new FormatError(`${source} is not a whole funspace model: ${cause.message}`, {}, { cause });
  }
}

type Header =
  | NetworkHeader
  | ArrayHeader
  | ClassifierHeader
  | GpHeader
  | DeepHeader
  | LikelihoodHeader
  | LargeGpHeader
  | ConstrainedHeader;

const kinds = [
  "network",
  "array",
  "classifier",
  "gp",
  "deep",
  "likelihood",
  "large",
  "constrained",
] satisfies readonly Header["kind"][];

function parseHeader(text: string): Header {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw new FormatError("its metadata are not JSON; the file was altered", {}, { cause });
  }
  if (typeof header !== "object" || header === null || !("version" in header) || !("kind" in header)) {
    throw new FormatError("its metadata lack a version or a kind; the file was altered");
  }
  if (header.version !== 1) {
    throw new FormatError(`its version is ${header.version}, this funspace reads version 1; update funspace`);
  }
  if (header.kind === "latent") {
    throw new FormatError("it holds latent variables: `funspace latent predict` reads it");
  }
  if (!kinds.some((kind) => kind === header.kind)) {
    throw new FormatError(`its kind "${header.kind}" is not one of ${kinds.join(", ")}; update funspace`);
  }
  return header as Header;
}
