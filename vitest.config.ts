import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two workers: the suite is compute-bound and CI has two cores.
    maxWorkers: 2,
    // With two workers a pool of threads in each would only make them wait for one another.
    env: { FUNSPACE_THREADS: "1" },
  },
});
