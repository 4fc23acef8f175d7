import type { Command } from "commander";
import { adam, type TrainOptions } from "../../../networks/index.ts";
import type { Task } from "../../../tasks/index.ts";
import { positiveNumber, wholeNumber } from "../../options.ts";

/** How probes train networks of their own. */
export interface TrainingFlags {
  epochs: number;
  batch: number;
  learningRate: number;
  seed: number;
}

export function withTrainingOptions(command: Command): Command {
  return command
    .option("--epochs <n>", "passes over the rows a training", wholeNumber(1), 60)
    .option("--batch <n>", "rows a step", wholeNumber(1), 64)
    .option("--learning-rate <rate>", "of Adam", positiveNumber, 3e-3)
    .option("--seed <n>", "of weights, rows held out and order of rows", wholeNumber(0), 0);
}

export function trainingOf({ epochs, batch, learningRate, seed }: TrainingFlags): TrainOptions {
  return { epochs, batchSize: batch, seed, optimizer: adam({ learningRate }) };
}

/** A task whose progress says what it is part of. */
export function* staged<T>(stage: string, task: Task<T>): Task<T> {
  for (;;) {
    const step = task.next();
    if (step.done) return step.value;
    yield { ...step.value, stage };
  }
}
