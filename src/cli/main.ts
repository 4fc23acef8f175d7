#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { FunspaceError } from "../errors/index.ts";
import { adaptCommand } from "./commands/adapt/adapt.ts";
import { addCommand } from "./commands/add.ts";
import { deepCommand } from "./commands/deep.ts";
import { demoCommand } from "./commands/demo.ts";
import { doctorCommand } from "./commands/doctor/doctor.ts";
import { dynamicsCommand } from "./commands/dynamics.ts";
import { exportCommand } from "./commands/export.ts";
import { fitCommand } from "./commands/fit.ts";
import { galleryCommand } from "./commands/gallery.ts";
import { infiniteCommand } from "./commands/infinite.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { latentCommand } from "./commands/latent/latent.ts";
import { predictCommand } from "./commands/predict/predict.ts";
import { probeCommand } from "./commands/probe/probe.ts";
import { sampleCommand } from "./commands/sample.ts";
import { suggestCommand } from "./commands/suggest.ts";
import { trainCommand } from "./commands/train.ts";
import { chooseEngine } from "./engine.ts";

/** Exit codes: bad usage is the caller's mistake on the command line; failure is anything else that went wrong. */
const exit = { failure: 1, usage: 2 } as const;

const program = new Command("funspace")
  .description(
    "Deep learning in function space: networks that adapt as Gaussian processes, and Gaussian processes whole.",
  )
  .version("0.1.0")
  .showHelpAfterError("(--help shows what is expected)")
  .hook("preAction", chooseEngine)
  .exitOverride();
for (const command of [
  trainCommand(),
  adaptCommand(),
  fitCommand(),
  deepCommand(),
  addCommand(),
  predictCommand(),
  sampleCommand(),
  inspectCommand(),
  exportCommand(),
  suggestCommand(),
  latentCommand(),
  probeCommand(),
  dynamicsCommand(),
  infiniteCommand(),
  demoCommand(),
  galleryCommand(),
  doctorCommand(),
]) {
  program.addCommand(command.exitOverride().copyInheritedSettings(program));
  for (const part of command.commands) part.copyInheritedSettings(command);
}

// A reader that has seen enough, such as `head`, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has written its own message; help and --version come as errors with code 0.
    process.exitCode = error.exitCode === 0 ? 0 : exit.usage;
  } else if (error instanceof FunspaceError) {
    process.stderr.write(`funspace: ${error.message}\n`);
    process.exitCode = error.code === "usage" ? exit.usage : exit.failure;
  } else {
    process.stderr.write(
      `funspace: unexpected failure, please report it\n${(error as Error).stack ?? error}\n`,
    );
    process.exitCode = exit.failure;
  }
}
