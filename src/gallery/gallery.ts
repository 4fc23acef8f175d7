import { type Key, key, split } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";
import { becomesAGpSection } from "./becomes-a-gp.ts";
import { classificationSection } from "./classification.ts";
import { deepPriorsSection } from "./deep-priors.ts";
import { deepStepSection } from "./deep-step.ts";
import { diagnosisSection } from "./diagnosis.ts";
import { epochsSection } from "./epochs.ts";
import { featureLearningSection } from "./feature-learning.ts";
import { fittingSection } from "./fitting.ts";
import { gaussianAsFunctionSection } from "./gaussian-as-function.ts";
import { kernelMachineSection } from "./kernel-machine.ts";
import { kernelsSection } from "./kernels.ts";
import { largeDataSection } from "./large-data.ts";
import { lotteryTicketsSection } from "./lottery-tickets.ts";
import { mainJobSection } from "./main-job.ts";
import { mapSection } from "./map-of-functions.ts";
import { marginalisationSection } from "./marginalisation.ts";
import { type Co2Record, maunaLoaSection } from "./mauna-loa.ts";
import { multipleViewsSection } from "./multiple-views.ts";
import { priorPosteriorSection } from "./prior-posterior.ts";
import { removingANodeSection } from "./removing-a-node.ts";
import type { Section } from "./section.ts";
import { trainingDynamicsSection } from "./training-dynamics.ts";
import { transferSection } from "./transferring-a-layer.ts";

/** The sections' ids, in the talk's order. */
export const sectionIds = [
  "removing-a-node",
  "lottery-tickets",
  "epochs",
  "transferring-a-layer",
  "map-of-functions",
  "becomes-a-gp",
  "training-dynamics",
  "kernel-machine",
  "feature-learning",
  "kernels",
  "prior-and-posterior",
  "gaussian-as-function",
  "marginalisation",
  "fitting",
  "a-diagnosis",
  "classification",
  "large-data",
  "mauna-loa",
  "deep-priors",
  "deep-step",
  "main-job",
  "multiple-views",
] as const;

export type SectionId = (typeof sectionIds)[number];

/** The sections asked for, all unless told, computed now; the same seed and record give the same sections. */
export function* gallery(
  seed: number,
  co2: Co2Record,
  only: readonly SectionId[] = sectionIds,
): Task<readonly Section[]> {
  const root = split(key(seed), "gallery");
  const makers: Readonly<Record<SectionId, (key: Key) => Task<Section> | Section>> = {
    "removing-a-node": (key) => removingANodeSection(key, seed),
    "lottery-tickets": (key) => lotteryTicketsSection(key, seed),
    epochs: (key) => epochsSection(key, seed),
    "transferring-a-layer": (key) => transferSection(key, seed),
    "map-of-functions": (key) => mapSection(key, seed),
    "becomes-a-gp": becomesAGpSection,
    "training-dynamics": (key) => trainingDynamicsSection(key, seed),
    "kernel-machine": (key) => kernelMachineSection(key, seed),
    "feature-learning": featureLearningSection,
    kernels: kernelsSection,
    "prior-and-posterior": priorPosteriorSection,
    "gaussian-as-function": gaussianAsFunctionSection,
    marginalisation: marginalisationSection,
    fitting: fittingSection,
    "a-diagnosis": diagnosisSection,
    classification: classificationSection,
    "large-data": largeDataSection,
    "mauna-loa": () => maunaLoaSection(co2),
    "deep-priors": deepPriorsSection,
    "deep-step": (key) => deepStepSection(key, seed),
    "main-job": (key) => mainJobSection(key, seed),
    "multiple-views": multipleViewsSection,
  };
  const sections: Section[] = [];
  const chosen = sectionIds.filter((id) => only.includes(id));
  for (const id of chosen) {
    yield { stage: id, done: sections.length, total: chosen.length };
    const made = makers[id](split(root, id));
    sections.push("next" in made ? yield* within(made, id, sections.length, chosen.length) : made);
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
