import { infinite, wideNetwork } from "../infinite/index.ts";
import { columnVector } from "../linalg/index.ts";
import { dense, network, relu } from "../networks/index.ts";
import { curves, linePanels } from "../plot/index.ts";
import { gp } from "../processes/index.ts";
import { type Key, split } from "../random/index.ts";
import { evenly, full, half, heightFor, type Section, say } from "./section.ts";

const shown = evenly(-3, 3, 121);
const widths = [1, 10, 100] as const;
const measured = [1, 4, 16, 64] as const;
const drawn = 6;
const draws = 1500;
// Of v relu(g) with g and v normal: E v⁴ relu⁴ / (E v² relu²)² − 3 = 3 · (3/2) / (1/4) − 3.
const ofOneUnit = 15;
// Where the values' distribution is looked at.
const place = columnVector([1.5]);

/** Random networks are functions drawn from a distribution; the wider, the more Gaussian. */
export function becomesAGpSection(key: Key): Section {
  const net = network({ inputShape: [1], layers: [dense(1), relu(), dense(1, { bias: false })] });
  const limit = infinite(net, { weightVariance: 2, biasVariance: 2 });
  const { parameters } = limit.nngp;
  const random = (width: number, k: Key) => wideNetwork(net, parameters, width, k);
  const functions = (width: number) =>
    Array.from({ length: drawn }, (_, i) => random(width, split(split(key, `drawn ${width}`), i)));
  const samples = gp(limit.nngp).at(shown).sample(split(key, "limit"), drawn);
  const paths = [
    ...widths.map((width) => ({
      name: `${width} hidden unit${width > 1 ? "s" : ""}`,
      values: functions(width).map((f) => f.at(shown).data),
    })),
    { name: "infinitely many: the Gaussian process", values: samples.map(({ data }) => data) },
  ];
  const range = [-9, 9] as const;
  const kurtoses = measured.map((width) => {
    const values = Array.from(
      { length: draws },
      (_, i) => random(width, split(split(key, `measured ${width}`), i)).at(place).data[0]!,
    );
    return { width, ...excessKurtosis(values) };
  });
  const { variance } = gp(limit.nngp).at(place);
  const widest = kurtoses.at(-1)!;
  return {
    id: "becomes-a-gp",
    title: "A network at initialisation is a Gaussian process",
    text: [
      "Draw a network's weights at random and it is a random function. Its value anywhere is a sum over hidden units, so " +
        "with many of them it is Gaussian, and so are its values at any finitely many places: the network is a Gaussian " +
        "process (Neal 1996), whose kernel follows from the layers alone. A single unit draws one kink; a hundred already look " +
        "like the limit.",
      `Below, how far from Gaussian the value at x = ${say(place.data[0]!)} is, by its excess kurtosis over ${draws} networks ` +
        `of each width. It is ${ofOneUnit} over the width: ${say(ofOneUnit / widest.width)} for ${widest.width} units, measured ` +
        `${say(widest.value)} ± ${say(widest.error, 1)}. The limit's variance there is ${say(variance.data[0]!)}, that of the ` +
        `widest networks ${say(widest.variance)}.`,
    ],
    pictures: [
      ...paths.map(({ name, values }) =>
        half((width) =>
          curves({
            width,
            height: heightFor(width),
            title: name,
            input: "x",
            output: "f(x)",
            range,
            curves: values.map((y, i) => ({ x: shown.data, y, hue: "blue", main: i === 0 }) as const),
          }),
        ),
      ),
      full((width) =>
        linePanels({
          width,
          title: "Distance to a Gaussian",
          subtitle: `${draws} random networks of each width, bars of one standard error`,
          input: "hidden units",
          ticks: measured,
          panels: [
            {
              label: "excess kurtosis",
              lines: [
                {
                  name: "measured",
                  hue: "blue",
                  points: kurtoses.map((k) => ({ x: k.width, y: k.value, error: k.error })),
                },
                {
                  name: `${ofOneUnit} / width`,
                  hue: "grey",
                  dashed: true,
                  points: kurtoses.map((k) => ({ x: k.width, y: ofOneUnit / k.width })),
                },
              ],
            },
          ],
        }),
      ),
    ],
    code: `const { nngp, ntk } = infinite(net);                // kernels of the network's own layers, to be fitted like any
const limit = gp(nngp);
limit.sample(key(0), 6);                             // functions, as infinitely wide networks would be
wideNetwork(net, nngp.parameters, 100, key(0));      // a random network of 100 units a layer`,
    numbers: {
      kurtosisOfOne: kurtoses[0]!.value,
      kurtosisOfWidest: widest.value,
      kurtosisError: widest.error,
      limitVariance: variance.data[0]!,
      widestVariance: widest.variance,
    },
  };
}

/** Fourth moment over the square of the second, less 3, with its standard error by the delta method on the draws. */
function excessKurtosis(values: readonly number[]) {
  const n = values.length;
  const mean = (of: (v: number) => number) => values.reduce((sum, v) => sum + of(v) / n, 0);
  const centre = mean((v) => v);
  const variance = mean((v) => (v - centre) ** 2);
  const standard = (v: number) => (v - centre) ** 2 / variance;
  const ratio = mean((v) => standard(v) ** 2);
  const error = Math.sqrt(mean((v) => (standard(v) ** 2 - ratio - 2 * ratio * (standard(v) - 1)) ** 2) / n);
  return { value: ratio - 3, error, variance };
}
