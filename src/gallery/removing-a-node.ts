import { train } from "../networks/index.ts";
import { bars, curves, type Hue } from "../plot/index.ts";
import { ablate, dataMeasure, distance } from "../probes/index.ts";
import { type Key, split } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";
import { examplesOf, shown, startNetwork, trainingOf, truth, withoutUnit } from "./learned-function.ts";
import { half, heightOf, type Section, say } from "./section.ts";

const ranked = 12;
const drawn: readonly Hue[] = ["vermillion", "orange", "purple"];

/** What a node does is what the function lacks without it. */
export function* removingANodeSection(key: Key, seed: number): Task<Section> {
  const { network: net } = yield* train(
    startNetwork(seed),
    examplesOf(truth, split(key, "examples"), 300),
    trainingOf(seed),
  );
  const effects = ablate(net, shown);
  const without = effects.slice(0, drawn.length).map((e) => withoutUnit(net, e.layer + 1, e.unit));
  const [most, middle] = [effects[0]!, effects[Math.floor(effects.length / 2)]!];
  const checked = distance(net, without[0]!, dataMeasure(shown)).value;
  const name = ({ layer, unit }: (typeof effects)[0]) => `layer ${layer}, unit ${unit}`;
  const ranking = (width: number) =>
    bars({
      width,
      title: `The ${ranked} units of largest effect`,
      names: effects.slice(0, ranked).map(name),
      groups: effects.slice(0, ranked).map(({ layer }) => `layer ${layer}`),
      panels: [
        {
          label: "L2 distance to the function without it",
          values: effects.slice(0, ranked).map(({ effect }) => effect),
        },
      ],
    });
  return {
    id: "removing-a-node",
    title: "How does the function change if a node is removed?",
    text: [
      "A node's weights do not say what it does; the function without it does. All hidden units of a trained network are " +
        "removed in one pass, and each is known by its effect: how far, in L2 over the inputs, the function without it is " +
        "from the one that was learned.",
      `Of ${effects.length} units the strongest (${name(most)}) moves the function by ${say(most.effect)}, the middle one ` +
        `by ${say(middle.effect)}: few nodes matter much, and each in its own region of the inputs. Taking the weights of ` +
        `the strongest out of the network and comparing anew gives the same distance, ${say(checked)}.`,
    ],
    pictures: [
      half((width) =>
        curves({
          width,
          height: heightOf(ranking(width)),
          title: "The function, and without one node",
          input: "x",
          output: "f(x)",
          curves: [
            { name: "learned", x: shown.data, y: net.at(shown).data, hue: "blue", main: true },
            ...without.map((f, i) => ({
              name: `without ${name(effects[i]!)}`,
              x: shown.data,
              y: f.at(shown).data,
              hue: drawn[i]!,
              dashed: true,
            })),
          ],
        }),
      ),
      half(ranking),
    ],
    code: `const [strongest] = ablate(net, x);                  // every unit of every layer, largest effect first
strongest.effect;                                     // L2 distance to the function without it
whereChanged(x, strongest.changes);                   // where in input space the change lies
ablatePairs(net, x, 1, [[0, 1]])[0].interaction;      // what two units do only together`,
    numbers: { largestEffect: most.effect, middleEffect: middle.effect, checkedEffect: checked },
  };
}
