import { type Block, engine, type Floats, type Operand } from "../../engine/index.ts";
import { floatsLike, type Tensor } from "../../linalg/index.ts";
import { softmaxLine } from "./softmax.ts";

/**
 * Attention without weights (Vaswani et al. 2017, eq. 1), for each head h of `heads`: C_h = P_h V_h with
 * P_h = softmax(scale · Q_h K_hᵀ) by rows. Q, K and V lie beside one another in qkv, [n, tokens, 3 · features], heads
 * within each of them; C is [n, tokens, features].
 */
export interface Attention {
  readonly qkv: Tensor;
  /** P, [n, heads, tokens, tokens]. */
  readonly probabilities: Tensor;
  readonly heads: number;
  readonly scale: number;
}

export function attend(
  qkv: Tensor,
  heads: number,
  scale: number,
): { readonly context: Tensor; readonly tape: Attention } {
  const [n, tokens, width] = qkv.shape as [number, number, number];
  const probabilities = tensor(qkv.data, [n, heads, tokens, tokens]);
  const context = tensor(qkv.data, [n, tokens, width / 3]);
  const tape = { qkv, probabilities, heads, scale };
  eachHead(tape, ({ size, q, k, v, p, c }) => {
    const [P, C] = [p(probabilities.data), c(context.data)];
    engine().gemm(tokens, tokens, size, scale, q(qkv.data), flipped(k(qkv.data)), 0, P);
    for (let r = 0, from = P.offset; r < tokens; r++, from += tokens) {
      softmaxLine(P.data, P.data, from, from + tokens, 1);
    }
    engine().gemm(tokens, size, tokens, 1, P, v(qkv.data), 0, C);
  });
  return { context, tape };
}

/** The cotangent of qkv for one of the context. */
export function attendPullback(tape: Attention, dcontext: Tensor): Tensor {
  const { qkv, probabilities, scale } = tape;
  const tokens = qkv.shape[1]!;
  const dqkv = tensor(qkv.data, qkv.shape);
  const scores = square(qkv, tokens);
  eachHead(tape, ({ size, q, k, v, p, c }) => {
    const [P, dC] = [p(probabilities.data), c(dcontext.data)];
    engine().gemm(tokens, size, tokens, 1, flipped(P), dC, 0, v(dqkv.data));
    engine().gemm(tokens, tokens, size, 1, dC, flipped(v(qkv.data)), 0, scores);
    softmaxSlope(P, scores.data, tokens);
    engine().gemm(tokens, size, tokens, scale, scores, k(qkv.data), 0, q(dqkv.data));
    engine().gemm(tokens, size, tokens, scale, flipped(scores), q(qkv.data), 0, k(dqkv.data));
  });
  return dqkv;
}

/** The tangent of the context for one of qkv. */
export function attendPushforward(tape: Attention, dqkv: Tensor): Tensor {
  const { qkv, probabilities, scale } = tape;
  const [n, tokens, width] = qkv.shape as [number, number, number];
  const dcontext = tensor(qkv.data, [n, tokens, width / 3]);
  const scores = square(qkv, tokens);
  eachHead(tape, ({ size, q, k, v, p, c }) => {
    const [P, dC] = [p(probabilities.data), c(dcontext.data)];
    engine().gemm(tokens, tokens, size, scale, q(dqkv.data), flipped(k(qkv.data)), 0, scores);
    engine().gemm(tokens, tokens, size, scale, q(qkv.data), flipped(k(dqkv.data)), 1, scores);
    softmaxSlope(P, scores.data, tokens);
    engine().gemm(tokens, size, tokens, 1, scores, v(qkv.data), 0, dC);
    engine().gemm(tokens, size, tokens, 1, P, v(dqkv.data), 1, dC);
  });
  return dcontext;
}

type Part = (data: Floats) => Operand<Floats>;

/** One head of one example: its width, and where its parts lie in tensors like qkv, P and C. */
interface Head {
  readonly size: number;
  readonly q: Part;
  readonly k: Part;
  readonly v: Part;
  readonly p: Part;
  readonly c: Part;
}

function eachHead({ qkv, heads }: Attention, visit: (head: Head) => void): void {
  const [n, tokens, width] = qkv.shape as [number, number, number];
  const features = width / 3;
  const size = features / heads;
  for (let i = 0; i < n; i++) {
    for (let h = 0; h < heads; h++) {
      const part =
        (offset: number, stride: number): Part =>
        (data) => ({ data, offset, stride, transposed: false });
      const start = i * tokens * width + h * size;
      visit({
        size,
        q: part(start, width),
        k: part(start + features, width),
        v: part(start + 2 * features, width),
        p: part((i * heads + h) * tokens * tokens, tokens),
        c: part(i * tokens * features + h * size, features),
      });
    }
  }
}

/** d ← (diag p − p pᵀ) d for every row p of P. */
function softmaxSlope(P: Block<Floats>, d: Floats, tokens: number): void {
  for (let r = 0; r < tokens; r++) {
    let mean = 0;
    for (let j = r * tokens; j < (r + 1) * tokens; j++) mean += P.data[P.offset + j]! * d[j]!;
    for (let j = r * tokens; j < (r + 1) * tokens; j++) d[j] = P.data[P.offset + j]! * (d[j]! - mean);
  }
}

function square(like: Tensor, size: number): Operand<Floats> {
  return { data: floatsLike(like.data, size * size), offset: 0, stride: size, transposed: false };
}

function flipped(part: Operand<Floats>): Operand<Floats> {
  return { ...part, transposed: !part.transposed };
}

function tensor(like: Floats, shape: readonly number[]): Tensor {
  return {
    shape,
    data: floatsLike(
      like,
      shape.reduce((size, n) => size * n, 1),
    ),
  };
}
