import { describe, expect, it } from "vitest";
import { matrix } from "../../src/linalg/index.ts";
import { imageRows, latentSpace } from "../../src/plot/index.ts";

describe("latentSpace", () => {
  const mean = matrix(3, 2, Float64Array.of(0, 0, 1, 1, 2, 0));
  const variance = matrix(3, 2, Float64Array.of(0.1, 0.1, 0.1, 4, 0.1, 0.1));

  it("draws a dot and an ellipse a point, and makes room for the widest", () => {
    const { svg } = latentSpace({
      title: "A latent space",
      across: "dimension 1",
      up: "dimension 2",
      mean,
      variance,
      groups: ["a", "b", "a"],
    });
    expect(svg.match(/<circle /g)!.length).toBeGreaterThanOrEqual(3);
    expect(svg).toContain("A latent space");
    expect(svg).not.toMatch(/NaN|undefined/);
  });

  it("refuses what does not fit", () => {
    const figure = { title: "", across: "", up: "", mean, variance };
    expect(() => latentSpace({ ...figure, groups: ["a"] })).toThrow(/each of 3 points/);
    expect(() => latentSpace({ ...figure, variance: matrix(2, 2) })).toThrow(/2 columns/);
  });
});

describe("imageRows", () => {
  const image = matrix(2, 3, Float64Array.of(0, 1, 1, 0.5, 0, 0));

  it("draws runs of one brightness and leaves the ground", () => {
    const { svg } = imageRows({
      title: "Images",
      columns: ["1", "2"],
      label: "pose",
      rows: [{ name: "seen", images: [image, image] }],
    });
    // Two frames, and for each image one run of 1 and one of 0.5.
    expect(svg.match(/<rect [^>]*fill="#08304f"/g)).toHaveLength(2);
    expect(svg).not.toMatch(/NaN|undefined/);
  });

  it("refuses images of other sizes", () => {
    const rows = [{ name: "seen", images: [image, matrix(2, 2)] }];
    expect(() => imageRows({ title: "", columns: ["1", "2"], label: "", rows })).toThrow(/2 × 3/);
  });
});
