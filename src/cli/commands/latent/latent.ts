import { Command } from "commander";
import { fitLatentCommand } from "./fit.ts";
import { predictLatentCommand } from "./predict.ts";
import { sampleLatentCommand } from "./sample.ts";

export function latentCommand(): Command {
  const command = new Command("latent")
    .usage("[fit] [options] <views...> | predict … | sample …")
    .description(
      "What lies behind one or several tables of the same things: latent variables by Gaussian processes.",
    );
  command.addCommand(fitLatentCommand(), { isDefault: true });
  command.addCommand(predictLatentCommand());
  command.addCommand(sampleLatentCommand());
  return command;
}
