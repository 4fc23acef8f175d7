import type { FineTuned } from "../adapt/index.ts";
import { FormatError } from "../errors/index.ts";
import type { Matrix, Tensor } from "../linalg/index.ts";
import { type NetworkDefinition, namedTensors, networkFrom } from "../networks/index.ts";
import { asMatrix, asTensor } from "./tensors.ts";

const prefix = "fine-tuned.";

/** Sets the tensors of a mean that was trained on: its weights, what was said without each example, the examples. */
export function setFineTuned(tensors: Map<string, Tensor>, { network, x, leftOut, share }: FineTuned): void {
  for (const [name, tensor] of namedTensors(network)) tensors.set(prefix + name, tensor);
  tensors.set(`${prefix}x`, asTensor(x));
  tensors.set(`${prefix}left-out`, asTensor(leftOut));
  tensors.set(`${prefix}share`, { shape: [1, 1], data: Float64Array.of(share) });
}

/** The mean that was trained on; its network is of the same definition. Throws FormatError where tensors are missing. */
export function fineTunedIn(tensors: ReadonlyMap<string, Tensor>, definition: NetworkDefinition): FineTuned {
  const own = [...tensors].flatMap(([name, tensor]): [string, Tensor][] =>
    name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
  );
  const network = networkFrom(definition, new Map(own));
  const x: Matrix = asMatrix(tensors, `${prefix}x`);
  const leftOut = asMatrix(tensors, `${prefix}left-out`);
  if (x.cols !== network.inputs || leftOut.cols !== network.outputs || x.rows !== leftOut.rows) {
    throw new FormatError("its fine-tuned mean does not fit its examples; the file was altered");
  }
  const share = asMatrix(tensors, `${prefix}share`).data[0]!;
  return { network, x, leftOut, share };
}
