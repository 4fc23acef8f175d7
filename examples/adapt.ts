import {
  adam,
  adapt,
  armExamples,
  changedArm,
  dense,
  factoryArm,
  key,
  network,
  rmse,
  run,
  tanh,
  train,
} from "funspace";

// Joint angles (rad) and where a camera saw the tip (m), of a robot arm before and after it was changed.
const before = armExamples(factoryArm, key(1), 1000);
const after = armExamples(changedArm, key(2), 20);
const test = armExamples(changedArm, key(3), 500);

// A network learns the arm …
const start = network({ inputShape: [3], layers: [dense(64), tanh(), dense(64), tanh(), dense(2)], seed: 0 });
const { network: net } = await run(
  train(start, before, { epochs: 100, optimizer: adam({ learningRate: 3e-3 }) }),
);

// … and meets the changed one as a Gaussian process: the network is its mean, J Jᵀ its kernel.
const { process, noiseVariance, logEvidence } = adapt(net, after);
const predicted = process.observed(test.x);
const { lower, upper } = predicted.interval(0.95);

console.log(`as it is: ${(100 * rmse(net.at(test.x), test.y)).toFixed(1)} cm`);
console.log(`adapted:  ${(100 * rmse(predicted.mean, test.y)).toFixed(1)} cm`);
console.log(`tip x in the first posture: ${lower.data[0]!.toFixed(3)} to ${upper.data[0]!.toFixed(3)} m`);
console.log(
  `noise sd ${(100 * Math.sqrt(noiseVariance)).toFixed(1)} cm, evidence ${logEvidence.toFixed(1)} nats`,
);

// A sample is a function: call it anywhere.
const [f] = process.sample(key(4), 1);
console.log(`one sampled arm puts that tip at x = ${f!.at(test.x).data[0]!.toFixed(3)} m`);
