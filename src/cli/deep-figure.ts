import { type DeepTableModel, deepInputs, inputsOfModel, type Table } from "../data/index.ts";
import { layerRelevances } from "../deep/index.ts";
import { type Matrix, matrix } from "../linalg/index.ts";
import { bars, type Figure, functionBand, knots, stacked } from "../plot/index.ts";

/**
 * What each layer of a deep process does: how much it uses each of its columns, where the values of the table's rows
 * gather in it, and, of a single input, its values along that input with what it is unsure of.
 */
export function layersFigure(model: DeepTableModel, table: Table): Figure {
  const { process } = model;
  const { layers } = process.model;
  const x = deepInputs(model, table);
  const names = inputsOfModel(model);
  const relevance = layerRelevances(process.model, x).flatMap((values, l) => {
    const layer = layers[l]!;
    if (layer.kind !== "gp" || values.length < 2) return [];
    const own = l === 0 ? names : hiddenNames(layers[l - 1]!.width, l, layer.skip ? names : []);
    return [
      bars({
        title: `How much layer ${l + 1} uses what it sees`,
        names: own,
        panels: [{ label: "relevance (largest 1)", values }],
      }),
    ];
  });
  const values = process.layersAt(x).slice(0, layers.length - 1);
  const gathered =
    values.length === 0
      ? []
      : [
          knots({
            title: "Knots: where each hidden layer puts the rows",
            layers: values.map(({ mean }, l) => ({ name: `layer ${l + 1}`, values: widest(mean) })),
          }),
        ];
  return stacked([...relevance, ...gathered, ...warps(model, x)], "What each layer does");
}

const hiddenNames = (width: number, layer: number, skipped: readonly string[]) => [
  ...Array.from({ length: width }, (_, d) => `layer ${layer}, value ${d + 1}`),
  ...skipped,
];

/** The column that spreads most. */
function widest({ rows, cols, data }: Matrix): Float64Array {
  let best: { spread: number; values: Float64Array } | undefined;
  for (let c = 0; c < cols; c++) {
    const values = Float64Array.from({ length: rows }, (_, i) => data[i * cols + c]!);
    const spread = Math.max(...values) - Math.min(...values);
    if (!best || spread > best.spread) best = { spread, values };
  }
  return best!.values;
}

// Places along a single input.
const places = 200;

function warps({ inputs, process }: DeepTableModel, x: Matrix): readonly Figure[] {
  if (inputs.names.length !== 1) return [];
  const [low, high] = [Math.min(...x.data), Math.max(...x.data)];
  const along = Float64Array.from({ length: places }, (_, i) => low + ((high - low) * i) / (places - 1));
  const shown = along.map((v) => inputs.mean[0]! + inputs.scale[0]! * v);
  return process.layersAt(matrix(places, 1, along)).flatMap(({ mean, variance }, l) => {
    const at = (c: number, sign: number) =>
      Float64Array.from({ length: places }, (_, i) => {
        const k = i * mean.cols + c;
        return mean.data[k]! + sign * 1.96 * Math.sqrt(variance.data[k]!);
      });
    // A second function of the last layer is the noise's.
    const functions = l === process.model.layers.length - 1 ? 1 : mean.cols;
    return Array.from({ length: functions }, (_, c) =>
      functionBand({
        title: `Layer ${l + 1}${functions > 1 ? `, value ${c + 1}` : ""}: its mean and 95 % interval`,
        input: inputs.names[0]!,
        output: "value, in standard units",
        height: 220,
        x: shown,
        mean: at(c, 0),
        lower: at(c, -1),
        upper: at(c, 1),
      }),
    );
  });
}
