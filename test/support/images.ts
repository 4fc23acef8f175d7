import { columnVector, type Matrix, matrix } from "../../src/linalg/index.ts";
import {
  adam,
  conv2d,
  crossEntropy,
  dense,
  flattenLayer,
  maxPool2d,
  type Network,
  network,
  relu,
  train,
} from "../../src/networks/index.ts";
import { runSync } from "../../src/tasks/index.ts";
import { randomMatrix } from "./random.ts";

/** Bytes of 6 × 6 images with a bright corner among noise, and which corner of three it is. */
export function cornerImages(count: number, name: string, inverted = false) {
  const noise = randomMatrix(count, 36, name).data;
  const bytes = new Uint8Array(36 * count);
  const labels = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const label = i % 3;
    labels[i] = label;
    const [top, left] = [label === 2 ? 3 : 0, label === 1 ? 3 : 0];
    for (let k = 0; k < 36; k++) {
      const [r, c] = [Math.floor(k / 6), k % 6];
      const bright = r >= top && r < top + 3 && c >= left && c < left + 3;
      const value = Math.min(255, Math.max(0, (bright ? 180 : 60) + 40 * noise[36 * i + k]!));
      bytes[36 * i + k] = inverted ? 255 - value : value;
    }
  }
  const x: Matrix = matrix(
    count,
    36,
    Float64Array.from(bytes, (v) => v / 255),
  );
  return { bytes, x, labels, shape: [count, 6, 6] };
}

/** A small convolutional network trained to tell the corners. */
export function cornerNetwork(): Network {
  const { x, labels } = cornerImages(150, "corners");
  const layers = [conv2d(4, 3, { padding: 1 }), relu(), maxPool2d(2), flattenLayer(), dense(3)];
  const start = network({ inputShape: [1, 6, 6], layers, seed: 1 });
  const options = {
    epochs: 30,
    batchSize: 25,
    loss: crossEntropy(),
    optimizer: adam({ learningRate: 0.02 }),
  };
  return runSync(train(start, { x, y: columnVector(labels) }, options)).network;
}
