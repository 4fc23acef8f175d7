import { readBytes } from "../data/files.ts";
import { type AnyModel, decodeModel, isProcess, type TableModel } from "../data/index.ts";
import { DataError } from "../errors/index.ts";
import { decodeNetwork, decodeSafetensors, isNetworkFile, type Network } from "../networks/index.ts";
import { decodeOnnx } from "../networks/onnx/index.ts";

/** A network that came alone: its file does not say what it is given or what its outputs mean. */
export interface BareNetwork {
  readonly kind: "bare";
  readonly network: Network;
}

/** The model in a file that funspace wrote, or the network in an .onnx file or one of `encodeNetwork`. */
export async function readModel(path: string): Promise<AnyModel | BareNetwork> {
  const bytes = await readBytes(path);
  if (/\.onnx$/i.test(path)) return { kind: "bare", network: decodeOnnx(bytes, path) };
  if (isNetworkFile(decodeSafetensors(bytes, path)))
    return { kind: "bare", network: decodeNetwork(bytes, path) };
  return decodeModel(bytes, path);
}

/** A model that predicts one column of a table. Throws DataError for any other. */
export async function readTableModel(path: string): Promise<TableModel> {
  const model = decodeModel(await readBytes(path), path);
  if (isProcess(model) || (model.kind === "network" && model.target.names.length === 1)) return model;
  const what =
    model.kind === "classifier"
      ? "tells classes apart"
      : model.kind === "likelihood"
        ? `predicts ${model.likelihoodName} observations`
        : model.kind === "array"
          ? "takes arrays"
          : `predicts ${model.target.names.length} columns`;
  throw new DataError(`${path} ${what}: this command is for models that predict one column of a table`);
}
