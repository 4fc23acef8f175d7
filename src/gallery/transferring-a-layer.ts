import { rmse } from "../adapt/index.ts";
import { train } from "../networks/index.ts";
import { bars, curves } from "../plot/index.ts";
import { layerContributions } from "../probes/index.ts";
import { type Key, split } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";
import { changedTruth, examplesOf, shown, startNetwork, trainingOf, truth } from "./learned-function.ts";
import { half, heightOf, percent, type Section, say } from "./section.ts";

/** What one layer of a network is worth on another task: f(x; [w, w′]). */
export function* transferSection(key: Key, seed: number): Task<Section> {
  const { network: source } = yield* train(
    startNetwork(seed),
    examplesOf(truth, split(key, "old"), 300),
    trainingOf(seed),
  );
  const fresh = examplesOf(changedTruth, split(key, "new"), 60);
  const rows = yield* layerContributions(source, fresh, examplesOf(changedTruth, split(key, "test"), 200), {
    training: { ...trainingOf(seed), batchSize: 20 },
    seed: seed + 1,
    score: (predicted, y) => -rmse(predicted, y),
  });
  const names = rows.map(({ layer }, i) => `layer ${layer} (${["first", "second", "last"][i]})`);
  const best = (by: (row: (typeof rows)[0]) => number) =>
    names[rows.reduce((top, row, i) => (by(row) > by(rows[top]!) ? i : top), 0)]!;
  const gain = (row: (typeof rows)[0]) => row.scoreTransferred - row.scoreFresh;
  // Finer differences than a hundredth of a nat are the search's tolerance.
  const evidence = (row: (typeof rows)[0]) => Math.round(100 * row.evidence) / 100;
  const worth = (width: number) =>
    bars({
      width,
      title: "What each layer is worth on the new task",
      names,
      panels: [
        { label: "RMSE gained by holding it", values: rows.map(gain) },
        { label: "evidence of its kernel (nats)", values: rows.map(evidence) },
      ],
    });
  return {
    id: "transferring-a-layer",
    title: "What does it mean to transfer a layer?",
    text: [
      "A network learned one function; another task comes. Transferring a layer is a new function f(x; [w, w′]), some " +
        "weights old, the others trained anew. Its worth can be seen in three ways: how far the function moves when the layer is drawn afresh, " +
        "how much better networks learn the new task with it held than with a fresh one held, and how much of the new data's evidence " +
        "is lost when its share of the tangent kernel is taken away and the others make up for it as they can, which needs no training at all.",
      `Here holding the old layer helps most at ${best(gain)}; the evidence is largest for ${best(evidence)}. The ` +
        "three need not agree: they answer different questions, and the table puts them side by side.",
    ],
    pictures: [
      half((width) =>
        curves({
          width,
          height: heightOf(worth(width)),
          title: "The old task and the new one",
          input: "x",
          output: "f(x)",
          curves: [
            {
              name: "the network's function",
              x: shown.data,
              y: source.at(shown).data,
              hue: "blue",
              main: true,
            },
            { name: "the new task", x: shown.data, y: shown.data.map(changedTruth), hue: "vermillion" },
          ],
        }),
      ),
      half(worth),
    ],
    table: {
      head: [
        "layer",
        "distance when drawn afresh",
        "RMSE, held",
        "RMSE, fresh one held",
        "evidence (nats)",
        "share of prior variance",
      ],
      rows: rows.map((r, i) => [
        names[i]!,
        say(r.functionDistance),
        say(-r.scoreTransferred),
        say(-r.scoreFresh),
        say(evidence(r)),
        percent(r.varianceShare),
      ]),
    },
    code: `const rows = runSync(layerContributions(source, { x, y }, test, { score: (p, truth) => -rmse(p, truth) }));
copyLayers(source, other, [0]);          // f(x; [w, w′])
stitch(source, other, 1, x);             // joined by an affine map between them`,
    numbers: {
      varianceShares: rows.reduce((s, r) => s + r.varianceShare, 0),
      bestGain: Math.max(...rows.map(gain)),
    },
  };
}
