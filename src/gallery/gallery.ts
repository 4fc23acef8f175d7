import { key, split } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";
import { epochsSection } from "./epochs.ts";
import { fittingSection } from "./fitting.ts";
import { gaussianAsFunctionSection } from "./gaussian-as-function.ts";
import { kernelsSection } from "./kernels.ts";
import { lotteryTicketsSection } from "./lottery-tickets.ts";
import { mainJobSection } from "./main-job.ts";
import { mapSection } from "./map-of-functions.ts";
import { marginalisationSection } from "./marginalisation.ts";
import { type Co2Record, maunaLoaSection } from "./mauna-loa.ts";
import { priorPosteriorSection } from "./prior-posterior.ts";
import { removingANodeSection } from "./removing-a-node.ts";
import type { Section } from "./section.ts";
import { transferSection } from "./transferring-a-layer.ts";

/** All sections in the talk's order, computed now; the same seed and record give the same sections. */
export function* gallery(seed: number, co2: Co2Record): Task<readonly Section[]> {
  const root = split(key(seed), "gallery");
  const makers: Readonly<Record<string, () => Task<Section> | Section>> = {
    "removing a node": () => removingANodeSection(split(root, "removing a node"), seed),
    "lottery tickets": () => lotteryTicketsSection(split(root, "lottery tickets"), seed),
    epochs: () => epochsSection(split(root, "epochs"), seed),
    "transferring a layer": () => transferSection(split(root, "transfer"), seed),
    "map of functions": () => mapSection(split(root, "map"), seed),
    kernels: () => kernelsSection(split(root, "kernels")),
    "prior and posterior": () => priorPosteriorSection(split(root, "prior and posterior")),
    "Gaussians as functions": () => gaussianAsFunctionSection(split(root, "Gaussian as function")),
    marginalisation: () => marginalisationSection(split(root, "marginalisation")),
    fitting: () => fittingSection(split(root, "fitting")),
    "Mauna Loa": () => maunaLoaSection(co2),
    "main job": () => mainJobSection(split(root, "main job"), seed),
  };
  const sections: Section[] = [];
  const total = Object.keys(makers).length;
  for (const [stage, make] of Object.entries(makers)) {
    yield { stage, done: sections.length, total };
    const made = make();
    sections.push("next" in made ? yield* within(made, stage, sections.length, total) : made);
  }
  return sections;
}

/** A section's own progress as a fraction of the gallery's. */
function* within<T>(task: Task<T>, stage: string, before: number, total: number): Task<T> {
  for (;;) {
    const step = task.next();
    if (step.done) return step.value;
    yield { ...step.value, stage, done: before + step.value.done / step.value.total, total };
  }
}
