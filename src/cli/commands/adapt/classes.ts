import type { ClassifierOptions, LabelledExamples, MeanChoice } from "../../../adapt/index.ts";
import { classScores, compareClassifiers, leading, networkProbabilities } from "../../../adapt/index.ts";
import { readRows } from "../../../data/files.ts";
import { adaptClassifierModel, type ClassifierModel, type Rows } from "../../../data/index.ts";
import { UsageError } from "../../../errors/index.ts";
import { takeRows } from "../../../linalg/index.ts";
import { bars } from "../../../plot/index.ts";
import { labelled } from "../../answers.ts";
import { counted, percent, short, textTable, withProgress } from "../../report.ts";
import type { Options } from "./adapt.ts";
import { movedLayers } from "./moved.ts";
import { type Found, needed, partsOf } from "./parts.ts";

/** Adapts to classes, or compares ways of meeting them. */
export async function adaptClasses(
  model: ClassifierModel,
  rows: Rows,
  options: Options,
): Promise<Found<ClassifierModel>> {
  if (options.noiseSd !== undefined) throw new UsageError("--noise-sd is for numbers, and these are classes");
  if (options.figure !== undefined && !options.compare) {
    throw new UsageError("--figure of a classifier draws a comparison: give --compare, or draw with predict");
  }
  const all = await labelled(model, rows, options.labels ?? options.target, needed(rows, options));
  const parts = partsOf(all.x.rows, rows.source, options);
  const take = (indices: readonly number[]): LabelledExamples => ({
    x: takeRows(all.x, indices),
    labels: Float64Array.from(indices, (i) => all.labels[i]!),
  });
  const fresh = take(parts.fresh);
  const { scales, mean, method, approximation, rank, layers, space, fineTuning } = options;
  const chosen: ClassifierOptions = {
    ...(scales && { scales }),
    fineTune: fineTuning,
    ...(mean && { mean }),
    ...(method && { method }),
    ...(approximation && { approximation }),
    ...(rank !== undefined && { rank }),
    ...(layers && { layers }),
    ...(space && { space }),
  };
  if (!options.compare) return adapted(adaptClassifierModel(model, fresh, chosen), chosen);
  const test = parts.test ? take(parts.test) : await testExamples(model, options);
  return await compared(model, fresh, test, chosen);
}

async function testExamples(model: ClassifierModel, options: Options): Promise<LabelledExamples> {
  const rows = await readRows(options.test!);
  return await labelled(model, rows, options.testLabels ?? options.labels ?? options.target);
}

function adapted(model: ClassifierModel, asked: ClassifierOptions): Found<ClassifierModel> {
  const { network, classes } = model;
  const { classifier, x, labels } = model.adapted!;
  const { logEvidence, method, parts, space, approximation, kernel } = classifier;
  const before = classScores(networkProbabilities(network, x), labels);
  const scales = Object.fromEntries(
    Object.entries(kernel.parameters).map(([name, { value }]) => [name, value[0]!]),
  );
  const { accuracy, nll } = before;
  return {
    model: () => model,
    json: {
      ...{ rows: x.rows, classes, method, space, approximation, scales, logEvidence },
      ...(kernel.options.layers !== "all" && { layers: kernel.layers }),
      ...(parts && {
        parts: parts.map(({ classifier, exponent }) => ({
          ...{ method: classifier.method, mean: classifier.mean, exponent },
        })),
      }),
      before: { accuracy, nll: finite(nll) },
    },
    text: (seconds) =>
      [
        `Adapted to ${counted(x.rows, "example")} of ${classes.length} classes in ${space} space${approximation === "full" ? "" : ` (${approximation})`}, ${seconds.toFixed(1)} s.`,
        ...movedLayers(kernel, x.rows, asked),
        ...(parts
          ? [
              `Pool of powers of ${parts
                .map(
                  ({ classifier: { method, mean }, exponent }) =>
                    `${exponent.toFixed(2)} ${method === "laplace" ? "softmax" : "regressed labels"} about ${about[mean]}`,
                )
                .join(", ")}. Of the first:`,
            ]
          : []),
        `Log marginal likelihood of the labels${leading(classifier).method === "laplace" ? "" : " as numbers"}: ${short(logEvidence)} nats; ${Object.entries(
          scales,
        )
          .map(([name, s]) => `${name} ${short(s)}`)
          .join(", ")}.`,
        `The network as it was gives these examples' classes in ${percent(accuracy)}, NLL ${short(nll)}.`,
      ].join("\n"),
    figure: () => {
      throw new UsageError("there is no figure of an adapted classifier alone");
    },
  };
}

const about: Readonly<Record<MeanChoice, string>> = {
  network: "the network",
  constant: "a constant",
  "fine-tuned": "the fine-tuned network",
};

/** JSON has no infinity: a class that was said to be impossible. */
export function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** Ways of meeting new labels side by side. */
async function compared(
  model: ClassifierModel,
  fresh: LabelledExamples,
  test: LabelledExamples,
  { method, ...options }: ClassifierOptions,
): Promise<Found<ClassifierModel>> {
  if (model.adapted)
    throw new UsageError("--compare starts from the network: give the model before it was adapted");
  const found = await withProgress(compareClassifiers(model.network, fresh, test, options));
  const contenders = found.map(({ name, accuracy, nll, brier, ece, milliseconds }) => ({
    ...{ name, accuracy, nll, brier, ece },
    seconds: milliseconds / 1000,
  }));
  const values = (of: (contender: (typeof contenders)[number]) => number) => contenders.map(of);
  const others = `${test.x.rows} others`;
  return {
    model: () => adaptClassifierModel(model, fresh, { ...options, ...(method && { method }) }),
    json: {
      ...{ rows: fresh.x.rows, testRows: test.x.rows, classes: model.classes },
      contenders: contenders.map((c) => ({ ...c, nll: finite(c.nll) })),
    },
    text: (seconds) =>
      [
        `Adapted to ${counted(fresh.x.rows, "example")}, tested on ${others}, ${seconds.toFixed(1)} s:`,
        textTable(
          ["", "accuracy", "NLL (nats)", "Brier", "ECE", "seconds"],
          contenders.map((c) => [
            c.name,
            percent(c.accuracy),
            short(c.nll),
            short(c.brier),
            percent(c.ece),
            c.seconds.toFixed(2),
          ]),
        ),
      ].join("\n"),
    figure: () =>
      bars({
        title: `Ways of meeting ${counted(fresh.x.rows, "labelled example")}, tested on ${others}`,
        names: contenders.map(({ name }) => name),
        groups: contenders.map(({ name }) => (name.startsWith("adapted") ? "adapted" : "others")),
        panels: [
          { label: "error (share of the classes that are wrong)", values: values((c) => 1 - c.accuracy) },
          ...(contenders.every((c) => Number.isFinite(c.nll))
            ? [{ label: "negative log likelihood (nats)", values: values((c) => c.nll) }]
            : []),
          { label: "expected calibration error", values: values((c) => c.ece) },
        ],
      }),
  };
}
