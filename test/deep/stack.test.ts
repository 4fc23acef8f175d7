import { describe, expect, it } from "vitest";
import { deepStack, type GpLayer } from "../../src/deep/index.ts";
import { linear, matern52, rbf } from "../../src/kernels/index.ts";

const kernels = (stack: ReturnType<typeof deepStack>) =>
  stack.layers.map((layer) => (layer as GpLayer).kernel.definition);

describe("deepStack", () => {
  it("lets a warp of one column jump, and no other layer", () => {
    const [hidden, last] = kernels(deepStack(1));
    expect(JSON.stringify(hidden)).toMatch(/rbf.*matern12/);
    expect(last).toEqual(rbf({ ard: 1 }).definition);
    for (const kernel of kernels(deepStack(2, { layers: 3 })))
      expect(kernel).toEqual(rbf({ ard: 2 }).definition);
  });

  it("counts the skipped input among a layer's columns", () => {
    const [first, second, last] = deepStack(1, { layers: 3, skip: true }).layers as readonly GpLayer[];
    expect([first!.inputs, second!.inputs, last!.inputs]).toEqual([1, 2, 2]);
    expect(second!.kernel.definition).toEqual(rbf({ ard: 2 }).definition);
  });

  it("takes a given kernel for every layer", () => {
    const given = kernels(deepStack(1, { layers: 3, kernel: (columns) => matern52({ ard: columns }) }));
    for (const kernel of given) expect(kernel).toEqual(matern52({ ard: 1 }).definition);
    expect(kernels(deepStack(2, { layers: 1, kernel: () => linear() }))).toEqual([linear().definition]);
  });

  it("gives hidden layers linear means, the last none", () => {
    const means = deepStack(3, { layers: 3, width: 2, outputs: 4 }).layers as readonly GpLayer[];
    expect(means.map(({ meanName, width }) => [meanName, width])).toEqual([
      ["linear", 2],
      ["linear", 2],
      ["zero", 4],
    ]);
  });
});
