import { describe, it } from "vitest";
import { difference, independent, matern52, rbf, repeated } from "../../src/kernels/index.ts";
import { checkKernel } from "../../src/testing/check-kernel.ts";
import { randomMatrix } from "../support/random.ts";

describe("kernels of several functions pass the suite", () => {
  it("independent, with parameters of their own", () => {
    checkKernel(
      independent([rbf({ variance: 1.3 }), matern52({ lengthscale: 0.8 })]),
      randomMatrix(8, 2, "own"),
    );
  });

  it("repeated, with shared parameters", () => {
    checkKernel(repeated(rbf({ lengthscale: [0.7, 1.2] }), 3), randomMatrix(8, 2, "shared"));
  });

  it("differences of one function at pairs of points", () => {
    checkKernel(difference(rbf({ lengthscale: [0.7, 1.2], variance: 1.4 }), 2), randomMatrix(8, 4, "pairs"));
  });
});
