import { Command } from "commander";
import { ablateCommand } from "./ablate.ts";
import { attributeCommand } from "./attribute.ts";
import { mapCommand } from "./map.ts";
import { similarityCommand } from "./similarity.ts";
import { ticketsCommand } from "./tickets.ts";
import { trajectoryCommand } from "./trajectory.ts";
import { transferCommand } from "./transfer.ts";

export function probeCommand(): Command {
  const command = new Command("probe").description(
    "What is the function that a network learned? Its units, sub-networks, training, layers, neighbours and examples.",
  );
  for (const question of [
    ablateCommand(),
    ticketsCommand(),
    trajectoryCommand(),
    transferCommand(),
    similarityCommand(),
    mapCommand(),
    attributeCommand(),
  ]) {
    command.addCommand(question);
  }
  return command;
}
