import { Command } from "commander";
import { readRows, writeAtomically } from "../../data/files.ts";
import {
  type AnyModel,
  type ConstrainedGpModel,
  constrainedKernelText,
  constraintsText,
  firstRows,
  inputMatrix,
  inputsFor,
  inputsOfNetwork,
  kernelText,
  type LargeGpModel,
  type LikelihoodTableModel,
  likelihoodKernelText,
  type ModelInputs,
  type ProcessModel,
  type Rows,
  rowCount,
} from "../../data/index.ts";
import { UsageError } from "../../errors/index.ts";
import { formatKernel } from "../../kernels/index.ts";
import { type Matrix, matrix } from "../../linalg/index.ts";
import {
  type LayerDefinition,
  type Network,
  parameterCount,
  type Shape,
  weightCount,
} from "../../networks/index.ts";
import { bars } from "../../plot/index.ts";
import { key, normal } from "../../random/index.ts";
import { traceShares } from "../../tangent/index.ts";
import { aboutDeep } from "../about-deep.ts";
import { type BareOptions, bareInputs, withBareOptions } from "../bare-options.ts";
import { figureBytes, figurePath } from "../figures.ts";
import { type BareNetwork, readModel } from "../model-file.ts";
import { wholeNumber } from "../options.ts";
import { elided, percent, print, type Report, short, textTable } from "../report.ts";

interface Options extends BareOptions {
  rows: number;
  figure?: string;
  json?: boolean;
}

export function inspectCommand(): Command {
  const command = new Command("inspect")
    .description(
      "Say what is in a model file: layers, shapes, parameters, and each layer's part in the tangent kernel.",
    )
    .argument("<model>", "an .onnx file, or a model written by train, adapt or fit")
    .argument(
      "[rows]",
      "inputs at which the tangent kernel is seen: CSV, .npy, .npz or IDX (default: standard normal)",
    )
    .option("--rows <n>", "at most so many of them", wholeNumber(1), 100)
    .option("--figure <file>", "draw the layers' parameters and parts (.svg or .png)", figurePath)
    .option("--json", "print one JSON object");
  return withBareOptions(command)
    .addHelpText("after", "\nExample:\n  funspace inspect resnet18.onnx images.npy")
    .action(inspectAction);
}

async function inspectAction(path: string, rowsPath: string | undefined, options: Options): Promise<void> {
  const model = await readModel(path);
  if (isProcess(model) && (rowsPath !== undefined || options.figure !== undefined)) {
    throw new UsageError(
      `${path} holds a Gaussian process: ${rowsPath === undefined ? "--figure draws" : "rows are for"} the tangent kernels of networks`,
    );
  }
  if (model.kind === "gp") {
    const text = kernelText(model);
    const { x } = model.process.solution;
    const inputs = model.inputs.join(", ");
    print(
      {
        json: {
          command: "inspect",
          kind: "gp",
          inputs: model.inputs,
          target: model.target,
          kernel: text,
          rows: x.rows,
        },
        text: `A Gaussian process of ${model.target} over ${inputs}, given ${x.rows} rows.\nKernel: ${text}`,
      },
      options.json,
    );
    return;
  }
  if (model.kind === "large") {
    print(aboutLarge(model), options.json);
    return;
  }
  if (model.kind === "constrained") {
    print(aboutConstrained(model), options.json);
    return;
  }
  if (model.kind === "deep") {
    print(aboutDeep(model), options.json);
    return;
  }
  if (model.kind === "likelihood") {
    print(aboutLikelihood(model), options.json);
    return;
  }
  const { network } = model;
  const rows = rowsPath === undefined ? undefined : await readRows(rowsPath);
  const given = bareInputs(options, model.kind === "bare");
  if (rows === undefined && model.kind === "bare" && Object.values(options).some(Array.isArray)) {
    throw new UsageError(
      "--inputs, --ignore, --input-mean and --input-sd say how rows are taken: give rows too",
    );
  }
  const x = rows
    ? inputMatrix(inputsOf(model, rows, given), firstRows(rows, Math.min(options.rows, rowCount(rows))))
    : normalInputs(network, options.rows);
  const at = rows ? `${x.rows} rows of ${rows.source}` : `${x.rows} standard-normal inputs`;
  const shares = parameterCount(network) > 0 ? traceShares(network, x) : [];
  const byLayer = new Map(shares.map((share) => [share.index, share]));
  const shapes = shapesOf(network);
  const layers = network.layers.map((layer, i) => {
    const share = byLayer.get(i);
    return {
      index: i,
      kind: layer.definition.kind,
      options: optionsText(layer.definition),
      from: network.sources[i]!,
      shape: shapes[i]!,
      parameters: weightCount(network.weights[i]!),
      ...(share && { trace: share.trace, traceShare: share.share }),
    };
  });
  const parameters = parameterCount(network);
  const trace = shares.reduce((sum, share) => sum + share.trace, 0);
  const about = aboutModel(model);
  if (options.figure !== undefined) {
    if (shares.length === 0)
      throw new UsageError("--figure draws layers with parameters, and the network has none");
    const names = shares.map(({ index }) => `${index} ${network.layers[index]!.definition.kind}`);
    const figure = bars({
      title: "Each layer's part in the tangent kernel",
      subtitle: `of its trace at ${at}`,
      names,
      panels: [
        { label: "share of the trace", values: shares.map(({ share }) => share) },
        { label: "share of the parameters", values: shares.map(({ size }) => size / parameters) },
      ],
    });
    await writeAtomically(options.figure, await figureBytes(figure, options.figure));
  }
  print(
    {
      json: {
        ...{ command: "inspect", kind: model.kind, precision: network.precision },
        ...{ inputShape: network.inputShape, outputShape: network.outputShape, parameters },
        ...{ ...about.json, trace, tracedAt: at, layers },
      },
      text: [
        `${shapeText(network.inputShape)} in, ${shapeText(network.outputShape)} out, ${parameters.toLocaleString("en")} parameters (${network.precision}).`,
        ...about.lines,
        `Mean trace of the tangent kernel at ${at}: ${short(trace)}. Each layer's share of it:`,
        textTable(
          ["layer", "from", "gives", "parameters", "share of trace"],
          layers.map((layer) => [
            `${layer.index} ${layer.kind}${layer.options}`,
            layer.from.every((s, k) => k === 0 && s === layer.index - 1)
              ? ""
              : layer.from.map((s) => (s < 0 ? "input" : s)).join(", "),
            shapeText(layer.shape),
            layer.parameters === 0 ? "" : layer.parameters.toLocaleString("en"),
            layer.traceShare === undefined ? "" : percent(layer.traceShare),
          ]),
        ),
      ].join("\n"),
    },
    options.json,
  );
}

function isProcess({ kind }: { readonly kind: string }): boolean {
  return ["gp", "large", "constrained", "deep", "likelihood"].includes(kind);
}

function aboutLikelihood(model: LikelihoodTableModel): Report {
  const { inputs, target, likelihoodName: likelihood, classes, process } = model;
  const kernel = likelihoodKernelText(model);
  const rows = process.data.x.rows;
  return {
    json: {
      command: "inspect",
      kind: "likelihood",
      inputs,
      target,
      likelihood,
      ...(classes && { classes }),
      kernel,
      method: process.method,
      rows,
    },
    text: [
      `A Gaussian process of ${target} over ${inputs.join(", ")} with a ${likelihood} likelihood, given ${rows} rows, by ${process.method === "laplace" ? "Laplace's approximation" : "variational inference"}.`,
      ...(classes ? [`Classes: ${classes.join(", ")}`] : []),
      ...kernel.map((text) => `Kernel: ${text}`),
    ].join("\n"),
  };
}

function aboutLarge({ inputs, target, kernel, process }: LargeGpModel) {
  const { method } = process;
  const text = formatKernel(kernel, 4, inputs);
  const inducing = "inducing" in process ? process.inducing.rows : undefined;
  const rows = method === "variational" ? undefined : process.data.x.rows;
  const seen = rows === undefined ? "" : `, given ${rows} rows`;
  const through = inducing === undefined ? "" : ` through ${inducing} inducing points`;
  return {
    json: { command: "inspect", kind: "large", method, inputs, target, kernel: text, rows, inducing },
    text: `A Gaussian process of ${target} over ${inputs.join(", ")}${seen}; method: ${method}${through}.\nKernel: ${elided(text)}`,
  };
}

function aboutConstrained(model: ConstrainedGpModel): Report {
  const { inputs, target, process } = model;
  const { constraints, data, virtual } = process;
  const kernel = constrainedKernelText(model);
  const [rows, virtualPoints] = [data.x.rows, virtual.x.rows];
  return {
    json: {
      command: "inspect",
      kind: "constrained",
      inputs,
      target,
      kernel,
      constraints,
      rows,
      virtualPoints,
    },
    text: `A Gaussian process of ${target} over ${inputs.join(", ")}, ${constraintsText(model)} (held at ${virtualPoints} virtual points), given ${rows} rows.\nKernel: ${kernel}`,
  };
}

/** Inputs drawn from N(0, 1), where the network takes any numbers. */
function normalInputs(network: Network, count: number): Matrix {
  if (network.layers.some(({ definition }) => definition.kind === "embedding")) {
    throw new UsageError("the network takes tokens, not any numbers: give rows to see its tangent kernel at");
  }
  return matrix(count, network.inputs, Float64Array.from(normal(key(0), count * network.inputs)));
}

function inputsOf(
  model: Exclude<AnyModel, { readonly kind: ProcessModel["kind"] | "likelihood" }> | BareNetwork,
  rows: Rows,
  given: ReturnType<typeof bareInputs>,
): ModelInputs {
  if (model.kind === "classifier") return model.inputs;
  if (model.kind !== "bare") return inputsOfNetwork(model);
  return inputsFor(model.network, rows, [], given);
}

/** What the model's file says beside the network. */
function aboutModel(
  model: Exclude<AnyModel, { readonly kind: ProcessModel["kind"] | "likelihood" }> | BareNetwork,
): {
  readonly json: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
} {
  if (model.kind === "bare") return { json: {}, lines: [] };
  const inputs =
    model.kind === "network"
      ? model.inputs.names
      : model.kind === "classifier" && model.inputs.kind === "columns"
        ? model.inputs.units.names
        : undefined;
  const answers = model.kind === "classifier" ? model.classes : model.target.names;
  const adaptation = model.kind === "classifier" ? model.adapted?.classifier : model.adapted?.adaptation;
  const examples = model.adapted?.x.rows;
  const what = model.kind === "classifier" ? "Classes" : "Predicts";
  return {
    json: {
      ...(inputs && { inputs }),
      ...(model.kind === "classifier" ? { classes: answers } : { targets: answers }),
      ...(adaptation && {
        adapted: {
          rows: examples,
          space: adaptation.space,
          approximation: adaptation.approximation,
          mean: adaptation.mean,
          logEvidence: adaptation.logEvidence,
        },
      }),
    },
    lines: [
      ...(inputs ? [`Inputs: ${inputs.join(", ")}.`] : []),
      `${what}: ${answers.join(", ")}.`,
      ...(adaptation
        ? [
            `Adapted to ${examples} examples in ${adaptation.space} space (${adaptation.approximation}), mean: ${adaptation.mean}.`,
          ]
        : []),
    ],
  };
}

/** The shape of each layer's value. */
function shapesOf({ inputShape, layers, sources }: Network): readonly Shape[] {
  const shapes: Shape[] = [];
  layers.forEach((layer, i) => {
    const from = sources[i]!.map((s) => (s < 0 ? inputShape : shapes[s]!));
    shapes.push(layer.outputShape(...(from as [Shape])));
  });
  return shapes;
}

function shapeText(shape: Shape): string {
  return shape.join(" × ") || "1";
}

/** What a person would say of a layer's options: "16 filters 3 × 3". */
function optionsText(definition: LayerDefinition): string {
  const { filters, kernel, stride, groups, heads, rate } = definition;
  const size = (value: unknown) => (Array.isArray(value) ? value.join(" × ") : String(value));
  const plain = (value: unknown) => value === undefined || size(value) === "1 × 1" || value === 1;
  const parts = [
    ...(filters === undefined ? [] : [`${filters} filters`]),
    ...(kernel === undefined ? [] : [size(kernel)]),
    ...(plain(stride) || size(stride) === size(kernel) ? [] : [`stride ${size(stride)}`]),
    ...(plain(groups) ? [] : [`${groups} groups`]),
    ...(heads === undefined ? [] : [`${heads} heads`]),
    ...(rate === undefined ? [] : [`rate ${rate}`]),
  ];
  return parts.length > 0 ? ` (${parts.join(", ")})` : "";
}
