import { rbf } from "../kernels/index.ts";
import { matrix } from "../linalg/index.ts";
import { type Figure, functionBand } from "../plot/index.ts";
import { cure, diagnose, type Fit, fit } from "../processes/index.ts";
import { type Key, normal, split, uniform } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";
import { evenly, half, heightFor, type Section, say } from "./section.ts";

const count = 36;
const copies = 6;
const noise = 0.12;
/** Rows spoiled on purpose, and by how much. */
const spoiled = [
  [8, 3.2],
  [23, -2.6],
] as const;
const shown = evenly(0, 10, 181);

/** A fit that went wrong, what the doctor says of it, and what its remedies do. */
export function* diagnosisSection(key: Key): Task<Section> {
  const healthy = measured(key);
  const { x, y } = withCopies({ ...healthy, y: matrix(count, 1, spoil(healthy.y.data)) });
  const sick = yield* fit(rbf(), { x, y });
  const { findings, health } = yield* diagnose(sick);
  const { fit: cured, steps, findings: left } = yield* cure(sick);
  const treated = cured ?? sick;
  const control = yield* diagnose(yield* fit(rbf(), healthy));
  const setAside = steps.flatMap(({ helped, withoutRows }) => (helped ? withoutRows : []));
  const caught = spoiled.filter(([row]) => setAside.includes(row)).length;
  const error = (found: Fit) => {
    const square = found.process.at(shown).mean.data.map((v, i) => (v - truth(shown.data[i]!)) ** 2);
    return Math.sqrt(square.reduce((sum, v) => sum + v / square.length, 0));
  };
  const [before, after] = [error(sick), error(treated)];
  return {
    id: "a-diagnosis",
    title: "A diagnosis",
    text: [
      `A fit can be wrong without saying so. Here ${count} noisy values of a smooth function were measured; two of them ` +
        `were mistyped, and the last ${copies} rows stand in the table twice. The marginal likelihood explains it all ` +
        `the same, with noise of sd ${say(health.noiseSd)}. The doctor looks at data, parameters, algebra and ` +
        `predictions, and says: ${findings.map(({ text }) => `“${text}”`).join(" and ")}.`,
      `Every finding proposes what to do; asked to, the doctor refits with it, measures evidence and leave-one-out ` +
        `predictions on the same rows before and after, and keeps what helps. The noise that is left, sd ` +
        `${say(Math.sqrt(treated.noiseVariance))}, is near the ${noise} that was added; the error against the true ` +
        `function falls from ${say(before)} to ${say(after)}. ` +
        (left.length === 0 ? "Nothing is left to be said. " : "") +
        (control.findings.length === 0
          ? "The same measurements before anything was spoiled get no finding at all."
          : `Before anything was spoiled it finds: ${control.findings.map(({ kind }) => kind).join(", ")}.`),
    ],
    pictures: [
      half((width) => band(sick, "As fitted", width)),
      half((width) => band(treated, "After treatment", width)),
    ],
    table: {
      head: ["treated", "evidence, nats", "leave-one-out, nats", "its RMSE", "noise sd", ""],
      rows: steps.map(({ finding, before, after, helped }) => [
        finding.kind,
        `${say(before.logEvidence)} → ${say(after.logEvidence)}`,
        `${say(before.looLogDensity)} → ${say(after.looLogDensity)}`,
        `${say(before.looRmse)} → ${say(after.looRmse)}`,
        `${say(before.noiseSd)} → ${say(after.noiseSd)}`,
        helped ? "kept" : "undone",
      ]),
    },
    code: `const found = runSync(fit(rbf(), { x, y }));
const { findings, health } = runSync(diagnose(found));
for (const { kind, text, advice } of findings) console.log(kind, text, advice);
const { fit: cured, steps } = runSync(cure(found));   // a refit a finding; what does not help is undone
// on the command line: funspace doctor gp.safetensors --apply --out fixed.safetensors`,
    numbers: {
      findings: findings.length,
      caught,
      left: left.length,
      controlFindings: control.findings.length,
      errorSick: before,
      errorTreated: after,
    },
  };
}

function truth(v: number): number {
  return Math.sin(v) + 0.4 * Math.sin(0.5 * v);
}

function measured(key: Key) {
  const x = matrix(
    count,
    1,
    uniform(split(key, "places"), count).map((u) => 10 * u),
  );
  const errors = normal(split(key, "noise"), count);
  const y = matrix(
    count,
    1,
    x.data.map((v, i) => truth(v) + noise * errors[i]!),
  );
  return { x, y };
}

function spoil(values: Float64Array): Float64Array {
  const out = values.slice();
  for (const [row, shift] of spoiled) out[row]! += shift;
  return out;
}

/** The last rows once more. */
function withCopies({ x, y }: ReturnType<typeof measured>) {
  const twice = (data: Float64Array) => {
    const out = new Float64Array(count + copies);
    out.set(data);
    out.set(data.subarray(count - copies), count);
    return matrix(count + copies, 1, out);
  };
  return { x: twice(x.data), y: twice(y.data) };
}

function band({ process }: Fit, title: string, width: number): Figure {
  const f = process.at(shown);
  const { lower, upper } = f.interval(0.95);
  const { x, y } = process.solution;
  return functionBand({
    width,
    height: heightFor(width),
    title,
    subtitle: `noise sd ${say(Math.sqrt(process.noiseVariance))}, ${x.rows} rows`,
    input: "x",
    output: "f(x)",
    range: [-4, 5],
    x: shown.data,
    mean: f.mean.data,
    lower: lower.data,
    upper: upper.data,
    truth: shown.data.map(truth),
    observations: { x: x.data, y: y.data },
  });
}
