import { DataError, UsageError } from "../../errors/index.ts";
import {
  dot,
  floats,
  floatsLike,
  fromRows,
  gramOf,
  type Matrix,
  multiply,
  rowRange,
  type Tensor,
} from "../../linalg/index.ts";
import { normal, split } from "../../random/index.ts";
import type { Layer, TangentSide } from "../layer.ts";
import { ownRows } from "./gradient-tangent.ts";
import { inRole, type Parametrisation, parametrised } from "./parametrisation.ts";

/**
 * A trained vector of `features` numbers for each of `count` tokens: whole numbers 0 … count − 1 of any shape become
 * […, features]. The weight, [count, features], is standard normal at first, as PyTorch's; in other parametrisations it is an input layer of
 * fan_in 1. Tokens do not move: their
 * cotangent is 0. `forward` throws DataError for anything that is not a token.
 */
export function embedding(count: number, features: number, parametrisation: Parametrisation = {}): Layer {
  for (const [name, value] of Object.entries({ count, features })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new UsageError(
        `embedding(count, features): ${name} is a whole number of at least 1, got ${value}`,
      );
    }
  }
  const lookUp = (weight: Tensor, tokens: Tensor): Tensor => {
    const data = floatsLike(weight.data, tokens.data.length * features);
    tokens.data.forEach((token, k) => {
      data.set(weight.data.subarray(token * features, (token + 1) * features), k * features);
    });
    return { shape: [...tokens.shape, features], data };
  };
  const layer: Layer<Tensor> = {
    definition: { kind: "embedding", count, features },
    outputShape: (input) => [...input, features],
    weightShapes: () => ({ weight: [count, features] }),
    init(key, _input, precision) {
      const data = floats(precision, count * features);
      data.set(normal(split(key, "weight"), data.length));
      return { weight: { shape: [count, features], data } };
    },
    forward(weights, tokens) {
      tokens.data.forEach((token, k) => {
        if (!Number.isInteger(token) || token < 0 || token >= count) {
          const row = Math.floor((k * tokens.shape[0]!) / tokens.data.length);
          throw new DataError(`embedding: tokens are whole numbers 0 to ${count - 1}, got ${token}`, { row });
        }
      });
      return { y: lookUp(weights.weight!, tokens), tape: tokens };
    },
    vjp: (_weights, tokens, dy) => ({
      dx: () => ({ shape: tokens.shape, data: floatsLike(tokens.data, tokens.data.length) }),
      dweights() {
        const data = floatsLike(dy.data, count * features);
        tokens.data.forEach((token, k) => {
          for (let f = 0; f < features; f++) data[token * features + f]! += dy.data[k * features + f]!;
        });
        return { weight: { shape: [count, features], data } };
      },
    }),
    jvp: (weights, tokens, _dx, dweights) =>
      dweights
        ? lookUp(dweights.weight!, tokens)
        : {
            shape: [...tokens.shape, features],
            data: floatsLike(weights.weight!.data, tokens.data.length * features),
          },
    addTangentGram(a, b, scale, out) {
      const ofA = gradientsByToken(a, out.rows);
      const ofB = a === b ? ofA : gradientsByToken(b, out.cols);
      for (const [token, left] of ofA) {
        const right = ofB.get(token);
        if (!right) continue;
        const share =
          left === right ? gramOf(left.gradients) : multiply(left.gradients, right.gradients, { b: true });
        left.rows.forEach((row, i) => {
          right.rows.forEach((col, j) => {
            out.data[row * out.cols + col]! += scale * share.data[i * share.cols + j]!;
          });
        });
      }
    },
    addTangentDiagonal(side, scale, out) {
      const count = ownRows(side, out);
      const width = out.length / count;
      for (const { rows, gradients } of gradientsByToken(side, count).values()) {
        rows.forEach((row, i) => {
          const gradient = rowRange(gradients, i, i + 1).data;
          if (width === 1) out[row]! += scale * dot(gradient, gradient);
          else {
            const first = row - (row % width);
            rows.forEach((other, j) => {
              if (other < first || other >= first + width) return;
              out[row * width + other - first]! += scale * dot(gradient, rowRange(gradients, j, j + 1).data);
            });
          }
        });
      }
    },
    writeJacobian(side, out, column) {
      for (let r = 0; r < out.rows; r++) {
        out.data.fill(0, r * out.cols + column, r * out.cols + column + count * features);
      }
      for (const [token, { rows, gradients }] of gradientsByToken(side, out.rows)) {
        rows.forEach((row, i) => {
          const gradient = rowRange(gradients, i, i + 1).data;
          out.data.set(gradient, row * out.cols + column + token * features);
        });
      }
    },
  };
  return parametrised(layer, inRole(parametrisation, "input"), {
    fans: (weight) => [1, weight[1]!],
    unitAxis: -1,
  });
}

interface TokenGradients {
  /** The rows of the kernel that depend on the token's vector. */
  readonly rows: readonly number[];
  /** Their gradients in it. */
  readonly gradients: Matrix;
}

/** For each token that occurs, of `rows` rows: one an example and output, or one an example for all its outputs. */
function gradientsByToken(
  { tape, cotangents }: TangentSide<Tensor>,
  rows: number,
): Map<number, TokenGradients> {
  const features = cotangents[0]!.shape.at(-1)!;
  const examples = tape.shape[0]!;
  const positions = tape.data.length / examples;
  const perExample = rows / examples;
  const width = (cotangents.length / perExample) * features;
  const sums = new Map<number, Map<number, Float64Array>>();
  cotangents.forEach((dy, p) => {
    const [shift, from] = perExample > 1 ? [p, 0] : [0, (p * features) % width];
    tape.data.forEach((token, k) => {
      const row = Math.floor(k / positions) * perExample + shift;
      const ofToken = entry(sums, token, () => new Map<number, Float64Array>());
      const sum = entry(ofToken, row, () => new Float64Array(width));
      for (let f = 0; f < features; f++) sum[from + f]! += dy.data[k * features + f]!;
    });
  });
  return new Map(
    [...sums].map(([token, ofRow]) => [
      token,
      { rows: [...ofRow.keys()], gradients: fromRows([...ofRow.values()]) },
    ]),
  );
}

function entry<V>(map: Map<number, V>, key: number, make: () => V): V {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}
