import { type AdaptedClassifier, type ClassifierMethod, conditionWays } from "../adapt/index.ts";
import { FormatError } from "../errors/index.ts";
import type { Tensor } from "../linalg/index.ts";
import {
  definitionOf,
  type Epoch,
  type NetworkDefinition,
  namedTensors,
  networkFrom,
} from "../networks/index.ts";
import { type AdaptationHeader, adaptationHeader, kernelOf } from "./adaptation-header.ts";
import { sealed } from "./checksum.ts";
import type { ClassifierModel } from "./classifier-model.ts";
import { fineTunedIn, setFineTuned } from "./fine-tuned-tensors.ts";
import type { ModelInputs } from "./model-inputs.ts";
import { expectArrayInputs, expectStandardiser } from "./network-model-file.ts";
import { asMatrix, asTensor } from "./tensors.ts";

/** What the metadata of a classifier's file says; its data are the tensors "adaptation.x" and "adaptation.labels". */
export interface ClassifierHeader {
  readonly version: 1;
  readonly kind: "classifier";
  readonly network: NetworkDefinition;
  readonly inputs: ModelInputs;
  readonly label?: string;
  readonly classes: readonly string[];
  readonly history: readonly Epoch[];
  readonly keptEpoch: number;
  /** The way of meeting the labels of the largest exponent, and the others of a pool. */
  readonly adaptation?: WayHeader & { readonly others?: readonly WayHeader[] };
}

interface WayHeader extends AdaptationHeader {
  readonly method: ClassifierMethod;
  /** Of "regression". */
  readonly noiseVariance?: number;
}

function wayHeader(classifier: AdaptedClassifier): WayHeader {
  const { method, noiseVariance } = classifier;
  if (method === "pool") throw new TypeError("a way of a pool is no pool itself");
  return { ...adaptationHeader(classifier), method, ...(noiseVariance !== undefined && { noiseVariance }) };
}

/** The file of a trained (and perhaps adapted) classifier: weights by name, all else in the metadata. */
export function encodeClassifierModel(model: ClassifierModel): Uint8Array {
  const { adapted, network, inputs, label, classes, history, keptEpoch } = model;
  const tensors = namedTensors(network);
  if (adapted) {
    tensors.set("adaptation.x", asTensor(adapted.x));
    const labels = Float64Array.from(adapted.labels);
    tensors.set("adaptation.labels", { shape: [labels.length, 1], data: labels });
  }
  const [first, ...others] =
    adapted?.classifier.parts?.map((part) => part.classifier) ?? (adapted ? [adapted.classifier] : []);
  const fineTuned = [first, ...others].find((way) => way?.fineTuned)?.fineTuned;
  if (fineTuned) setFineTuned(tensors, fineTuned);
  const header: ClassifierHeader = {
    version: 1,
    kind: "classifier",
    network: definitionOf(network),
    inputs,
    ...(label !== undefined && { label }),
    classes,
    history,
    keptEpoch,
    ...(first && {
      adaptation: {
        ...wayHeader(first),
        ...(others.length > 0 && { others: others.map(wayHeader) }),
      },
    }),
  };
  return sealed(tensors, JSON.stringify(header));
}

/** The model of a file's header and tensors. Throws FormatError when they do not belong together. */
export function classifierModelFrom(
  header: ClassifierHeader,
  tensors: ReadonlyMap<string, Tensor>,
): ClassifierModel {
  const { inputs, label, classes, history, keptEpoch, adaptation } = header;
  const network = networkFrom(header.network, tensors);
  if (inputs.kind === "array") expectArrayInputs(inputs, network.inputs);
  else expectStandardiser(inputs.units, network.inputs, "inputs");
  const count = network.outputs === 1 ? 2 : network.outputs;
  if (classes.length !== count || !classes.every((name) => typeof name === "string")) {
    throw new FormatError(`its classes do not fit the network (${count} expected); the file was altered`);
  }
  const model: ClassifierModel = {
    kind: "classifier",
    network,
    inputs,
    ...(label !== undefined && { label }),
    classes,
    history,
    keptEpoch,
  };
  if (!adaptation) return model;
  const x = asMatrix(tensors, "adaptation.x");
  const labels = asMatrix(tensors, "adaptation.labels").data;
  const headers = [adaptation, ...(adaptation.others ?? [])];
  const tuned = headers.some(({ mean }) => mean === "fine-tuned") && {
    fineTuned: fineTunedIn(tensors, header.network),
  };
  const ways = headers.map((way) => ({
    ...way,
    ...(way.mean === "fine-tuned" && tuned),
    kernel: kernelOf(network, way),
  }));
  const classifier = conditionWays(ways, { x, labels });
  return { ...model, adapted: { classifier, x, labels } };
}
