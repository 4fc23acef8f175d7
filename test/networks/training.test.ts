import { describe, expect, it } from "vitest";
import { NonFiniteError, ShapeError, UsageError } from "../../src/errors/index.ts";
import { columnVector, toMatrix, toTensor } from "../../src/linalg/index.ts";
import {
  adam,
  adamW,
  cosineSchedule,
  crossEntropy,
  dense,
  type Epoch,
  evaluate,
  flatten,
  gaussian,
  mse,
  network,
  sgd,
  stepSchedule,
  tanh,
  train,
  warmupSchedule,
} from "../../src/networks/index.ts";
import { run, runSync } from "../../src/tasks/index.ts";
import { expectClose, golden, rows } from "../support/golden.ts";
import { goldenNetwork } from "../support/networks.ts";
import { randomMatrix } from "../support/random.ts";

const g = golden("training");

describe("optimizers follow PyTorch's, ten full-batch steps in f64", () => {
  const ours = {
    sgd: sgd({ learningRate: 0.05 }),
    sgd_momentum: sgd({ learningRate: 0.05, momentum: 0.9 }),
    sgd_nesterov: sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true }),
    sgd_weight_decay: sgd({ learningRate: 0.05, weightDecay: 0.01 }),
    adam: adam({ learningRate: 0.01 }),
    adam_l2: adam({ learningRate: 0.01, weightDecay: 0.01 }),
    adamw: adamW({ learningRate: 0.01, weightDecay: 0.05 }),
  };
  it.each(Object.keys(ours) as (keyof typeof ours)[])("%s", (name) => {
    const expected = g.optimisers[name];
    expect(expected.options.lr).toBe(ours[name].learningRate);
    const net = goldenNetwork(g);
    const trained = runSync(
      train(net, { x: rows(g.x), y: rows(g.y) }, { epochs: 10, batchSize: 12, optimizer: ours[name] }),
    );
    // Both are f64; ten steps multiply rounding by less than 100.
    expectClose(
      trained.history.map((e) => e.trainLoss),
      expected.losses,
      1e-13,
    );
    expectClose(
      flatten(trained.network.weights),
      flatten(goldenNetwork({ ...g, layers: expected.layers }).weights),
      1e-12,
    );
  });
});

describe("losses equal PyTorch's", () => {
  const cases = {
    mse: mse(),
    cross_entropy: crossEntropy(),
    cross_entropy_large: crossEntropy(),
    gaussian_nll: gaussian(),
  };
  it.each(Object.keys(cases) as (keyof typeof cases)[])("%s", (name) => {
    const { outputs, targets, value, gradient } = g.losses[name];
    const y = rows(outputs);
    const t = Array.isArray(targets[0]) ? rows(targets) : columnVector(targets);
    const ours = cases[name].evaluate(toTensor(y, [y.cols], "f64"), t);
    expect(ours.value).toBeCloseTo(value, 12);
    expectClose(toMatrix(ours.dy).data, gradient.flat(), 1e-14);
  });

  it("say which targets they cannot use", () => {
    expect(() => mse().check(2, randomMatrix(3, 1, "t"))).toThrow("2 target columns");
    expect(() => crossEntropy().check(3, columnVector([0, 3]))).toThrow("0 to 2, got 3");
    expect(() => gaussian().check(3, randomMatrix(3, 1, "t"))).toThrow("2 outputs");
  });
});

describe("schedules equal PyTorch's", () => {
  it("cosine, with and without a floor, and steps", () => {
    const factors = (schedule: (done: number) => number, rate: number) =>
      Array.from({ length: 20 }, (_, e) => rate * schedule(e / 20));
    const { cosine, cosine_floor, step } = g.schedules;
    expectClose(factors(cosineSchedule(), cosine.rates[0]), cosine.rates, 1e-15);
    const floor = cosine_floor.options.eta_min / cosine_floor.rates[0];
    expectClose(factors(cosineSchedule(floor), cosine_floor.rates[0]), cosine_floor.rates, 1e-15);
    const { step_size, gamma } = step.options;
    const points = Array.from({ length: 20 }, (_, k) => ((k + 1) * step_size) / 20);
    expectClose(factors(stepSchedule(points, gamma), step.rates[0]), step.rates, 1e-15);
  });

  it("warm-up rises from 0 and then starts the next schedule afresh", () => {
    const schedule = warmupSchedule(0.2, cosineSchedule());
    expectClose([0, 0.1, 0.2, 0.6].map(schedule), [0, 0.5, 1, 0.5], 1e-15);
  });
});

describe("train", () => {
  const x = randomMatrix(200, 2, "x");
  const y = {
    rows: 200,
    cols: 1,
    data: Float64Array.from({ length: 200 }, (_, i) => Math.sin(2 * x.data[2 * i]!)),
  };
  const start = network({ inputShape: [2], layers: [dense(16), tanh(), dense(1)], seed: 2 });

  it("learns, leaves the network given alone, and repeats exactly for the same seed", () => {
    const before = flatten(start.weights);
    const go = () =>
      runSync(train(start, { x, y }, { epochs: 40, batchSize: 20, optimizer: adam({ learningRate: 0.02 }) }));
    const { network: net, history, keptEpoch } = go();
    expect(history.at(-1)!.trainLoss).toBeLessThan(0.05 * history[0]!.trainLoss);
    expect(keptEpoch).toBe(40);
    expect(flatten(start.weights)).toEqual(before);
    expect(flatten(go().network.weights)).toEqual(flatten(net.weights));
  });

  it("keeps the best of the steps looked at", () => {
    const held = { x: randomMatrix(6, 2, "held"), y: randomMatrix(6, 1, "held y") };
    const fast = { optimizer: adam({ learningRate: 0.1 }) };
    const go = (options: object) =>
      runSync(train(start, { x, y }, { epochs: 3, batchSize: 50, validation: held, ...fast, ...options }));
    const { network: best, keptStep } = go({ validateEvery: 2 });
    const steps = 3 * (x.rows / 50);
    const losses = Array.from({ length: steps }, (_, i) =>
      evaluate(go({ maxSteps: i + 1, epochs: 3, validation: 0 }).network, held, mse()),
    );
    const looked = losses.filter((_, i) => (i + 1) % 2 === 0 || (i + 1) % (steps / 3) === 0);
    expect(losses[keptStep - 1]).toBe(Math.min(...looked));
    expect(evaluate(best, held, mse())).toBe(losses[keptStep - 1]);
  });

  it("keeps the best epoch by validation loss and stops when patience runs out", () => {
    const noise = randomMatrix(200, 1, "noise"); // nothing to learn: validation soon gets worse
    const {
      history,
      keptEpoch,
      network: net,
    } = runSync(
      train(
        start,
        { x, y: noise },
        {
          epochs: 500,
          batchSize: 10,
          validation: 0.5,
          patience: 15,
          optimizer: adam({ learningRate: 0.02 }),
        },
      ),
    );
    expect(history.length).toBeLessThan(500);
    expect(history.length - keptEpoch).toBe(15);
    const best = Math.min(...history.map((e) => e.validationLoss!));
    expect(history[keptEpoch - 1]!.validationLoss).toBe(best);
    expect(net.at(x).data.every(Number.isFinite)).toBe(true);
  });

  it("calls back after each epoch and stops when told", () => {
    const seen: Epoch[] = [];
    const { history } = runSync(
      train(
        start,
        { x, y },
        {
          epochs: 10,
          onEpoch: (epoch, net) => {
            seen.push(epoch);
            expect(net.at(x).rows).toBe(200);
            return epoch.epoch < 3;
          },
        },
      ),
    );
    expect(history).toEqual(seen);
    expect(history).toHaveLength(3);
  });

  it("stops at an abort signal", async () => {
    const controller = new AbortController();
    const work = run(train(start, { x, y }, { epochs: 1e6 }), {
      signal: controller.signal,
      onProgress: ({ done }) => done > 20 && controller.abort(),
    });
    await expect(work).rejects.toThrow(/abort/i);
  });

  it("trains classifiers and heteroscedastic regressors", () => {
    const classes = columnVector(
      Array.from(
        x.data.filter((_, i) => i % 2 === 0),
        (v) => (v > 0 ? 1 : 0),
      ),
    );
    const classifier = network({ inputShape: [2], layers: [dense(8), tanh(), dense(2)], seed: 1 });
    const options = { epochs: 60, batchSize: 20, optimizer: adam({ learningRate: 0.02 }) };
    const c = runSync(train(classifier, { x, y: classes }, { ...options, loss: crossEntropy() }));
    const logits = c.network.at(x).data;
    const right = classes.data.filter((label, i) => (logits[2 * i + 1]! > logits[2 * i]! ? 1 : 0) === label);
    expect(right.length).toBeGreaterThan(190);

    const z = randomMatrix(200, 1, "z").data;
    const noisy = { rows: 200, cols: 1, data: z.map((v, i) => v * (x.data[2 * i]! > 0 ? 1 : 0.1)) };
    const two = network({ inputShape: [2], layers: [dense(8), tanh(), dense(2)], seed: 1 });
    const h = runSync(train(two, { x, y: noisy }, { ...options, loss: gaussian() })).network;
    const logVariance = (v: number) => h.at({ rows: 1, cols: 2, data: Float64Array.of(v, 0) }).data[1]!;
    expect(logVariance(1.5) - logVariance(-1.5)).toBeGreaterThan(2); // the truth is log 100 = 4.6
  });

  it("says what is wrong with examples and options", () => {
    const bad = { rows: 200, cols: 1, data: new Float64Array(200).fill(Number.NaN) };
    expect(() => runSync(train(start, { x, y: bad }))).toThrow(NonFiniteError);
    expect(() => runSync(train(start, { x, y: randomMatrix(3, 1, "y") }))).toThrow(ShapeError);
    expect(() => runSync(train(start, { x, y }, { validation: 1.5 }))).toThrow(UsageError);
    expect(() => runSync(train(start, { x, y }, { patience: 3 }))).toThrow("validation");
    expect(() => runSync(train(start, { x, y }, { optimizer: sgd({ learningRate: 1e30 }) }))).toThrow(
      "diverged",
    );
    expect(() => adam({ learningRate: -1 })).toThrow(UsageError);
  });
});

describe("training in part", () => {
  const examples = { x: randomMatrix(30, 3, "part x"), y: randomMatrix(30, 2, "part y") };
  const net = network({ inputShape: [3], layers: [dense(6), tanh(), dense(2)], seed: 1, precision: "f64" });
  it("stops after so many minibatches, where a longer run would have been by then", () => {
    const options = { batchSize: 10, epochs: 4, seed: 2 };
    const short = runSync(train(net, examples, { ...options, maxSteps: 6 })).network;
    const long = runSync(train(net, examples, { ...options, epochs: 2 })).network;
    expect(flatten(short.weights)).toEqual(flatten(long.weights));
  });
  it("leaves frozen layers as they are and moves the others", () => {
    const { network: after } = runSync(train(net, examples, { epochs: 3, frozen: [0] }));
    expect(after.weights[0]).toEqual(net.weights[0]);
    expect(after.weights[2]).not.toEqual(net.weights[2]);
  });
  it("holds masked weights at zero", () => {
    const { weight } = net.weights[0]!;
    const mask = { shape: weight!.shape, data: weight!.data.map((_, k) => k % 2) };
    const { network: after } = runSync(train(net, examples, { epochs: 3, masks: [{ weight: mask }] }));
    after.weights[0]!.weight!.data.forEach((w, k) => {
      expect(w === 0).toBe(k % 2 === 0);
    });
    expect(() => runSync(train(net, examples, { masks: [{ gain: mask }] }))).toThrow('no parameter "gain"');
  });
});
