import { dot, type Precision, sizeOf, type Tensor } from "../linalg/index.ts";
import { type Layer, type LayerDefinition, layerFrom, type Shape, type Weights } from "../networks/index.ts";
import { key, normal, split } from "../random/index.ts";
import {
  agree,
  converted,
  doubles,
  examplesOf,
  expectShape,
  type Forward,
  inPrecision,
  inUse,
  mapTensors,
  type Place,
  plus,
  randomLike,
} from "./check-layer-support.ts";
import { checkLayerTangent } from "./check-layer-tangent.ts";

export interface CheckLayerOptions {
  /** The shape of one example; one of each input of a layer with several. */
  readonly inputShapes: readonly Shape[];
  /** Inputs, [n, …shape] in f64, for a layer that does not take any numbers; standard normal unless given. */
  readonly inputs?: readonly Tensor[];
  /** Positions of the inputs that cannot move (tokens): not differentiated. None unless given. */
  readonly steady?: readonly number[];
  /** The buffers, in f64; the layer's first ones unless given. */
  readonly buffers?: Weights;
  /** How a layer is made from its definition; `layerFrom` unless given. */
  readonly from?: (definition: LayerDefinition) => Layer;
  /** Largest difference of two ways to one number, relative to the largest of all that are compared. 1e-9 unless given. */
  readonly tolerance?: number;
  /** The same where one way is a finite difference. 1e-6 unless given. */
  readonly differenceTolerance?: number;
  /** The same between f32 and f64. 1e-4 unless given. */
  readonly singleTolerance?: number;
}

/**
 * The suite that every layer passes, on three random examples and moved weights. Throws an Error that says what failed,
 * where, and by how much, at the first violation. Checked are shapes; that an example's output does not depend on the
 * others; the definition's way through JSON; the pull-backs to every input and weight, those of training too, against
 * central differences; the push-forward against them and as the pull-backs' adjoint; the tangent Gram (same and
 * different sides, one and three outputs, whole and trace), its diagonal and the Jacobian against per-example
 * gradients; that joined tapes are those of all examples; that picked numbers are the output; and all of it in f32 against f64.
 */
export function checkLayer(layer: Layer, options: CheckLayerOptions): void {
  const at = placeOf(layer, options);
  checkShapes(layer, at, options);
  checkClaims(layer, at);
  checkDefinition(layer, at, options.from ?? layerFrom);
  checkPullback(layer, at, options);
  checkPushforward(layer, at, options);
  if (Object.keys(at.weights).length > 0) {
    checkLayerTangent(layer, at, at, options.tolerance ?? 1e-9);
  }
  checkSingle(layer, at, options);
}

function placeOf(layer: Layer, options: CheckLayerOptions): Place {
  const parent = key(20261124);
  const shapes = options.inputShapes;
  // Away from zeros and ones that would hide a term.
  const weights = mapTensors(layer.init(split(parent, "init"), shapes[0]!, "f64"), (t, name) =>
    plus(t, 0.3, randomLike(t, split(split(parent, "weights"), name))),
  );
  const inputs =
    options.inputs ??
    shapes.map((shape, i) => {
      const all = [3, ...shape];
      return { shape: all, data: Float64Array.from(normal(split(split(parent, "inputs"), i), sizeOf(all))) };
    });
  const buffers = options.buffers ?? layer.initBuffers?.(shapes[0]!, "f64") ?? {};
  return { weights, buffers, inputs, key: split(parent, "check") };
}

const inTraining: Forward = (layer, { weights, buffers, inputs, key: parent }) =>
  layer.trainingForward!({ ...weights, ...buffers }, split(parent, "training"), ...(inputs as [Tensor]));

function checkShapes(layer: Layer, at: Place, { inputShapes, tolerance = 1e-9 }: CheckLayerOptions): void {
  const [first, ...more] = inputShapes;
  const { y } = inUse(layer, at);
  const n = at.inputs[0]!.shape[0]!;
  expectShape("the output", y.shape, [n, ...layer.outputShape(first!, ...more)]);
  if (y.data.length !== sizeOf(y.shape)) {
    throw new Error(`the output has ${y.data.length} numbers for the shape ${y.shape.join(" × ")}`);
  }
  const shapes = layer.weightShapes(first!, ...more);
  if (Object.keys(shapes).join() !== Object.keys(at.weights).join()) {
    throw new Error(`init draws ${Object.keys(at.weights)}, weightShapes names ${Object.keys(shapes)}`);
  }
  for (const [name, { shape }] of Object.entries(at.weights)) expectShape(name, shape, shapes[name]!);
  for (let i = 0; i < n; i++) {
    const alone = inUse(layer, { ...at, inputs: at.inputs.map((x) => examplesOf(x, i, i + 1)) }).y;
    // Sums may be taken in another order for one example than for three.
    agree(
      `the output of example ${i} alone and among others`,
      alone.data,
      examplesOf(y, i, i + 1).data,
      tolerance,
    );
  }
}

/** What `picked` and `elementwise` promise: others read the tape by them. */
function checkClaims(layer: Layer, at: Place): void {
  const { y, tape } = inUse(layer, at);
  const input = at.inputs[0]!;
  if (layer.elementwise) {
    agree("the tape of an elementwise layer and its input", (tape as Tensor).data, input.data, 0);
  }
  if (!layer.picked) return;
  const { from, shape, outputShape } = layer.picked(tape);
  expectShape("the input that picked tells", shape, input.shape);
  expectShape("the output that picked tells", outputShape, y.shape);
  // −1 is a number from outside the input, a 0.
  const numbers = Float64Array.from(from, (k) => (k < 0 ? 0 : input.data[k]!));
  agree("the picked numbers and the output", numbers, y.data, 0);
}

function checkDefinition(layer: Layer, at: Place, from: (definition: LayerDefinition) => Layer): void {
  const written = JSON.stringify(layer.definition);
  const restored = from(JSON.parse(written) as LayerDefinition);
  if (JSON.stringify(restored.definition) !== written) {
    throw new Error(`the definition ${written} gives a layer with ${JSON.stringify(restored.definition)}`);
  }
  agree(
    "outputs of the layer and of its definition's",
    inUse(restored, at).y.data,
    inUse(layer, at).y.data,
    0,
  );
}

/** Every input and parameter that can move, by name, and the place with it replaced. */
function movable(at: Place, steady: readonly number[]) {
  return [
    ...at.inputs.flatMap((tensor, i) =>
      steady.includes(i)
        ? []
        : {
            name: `input ${i}`,
            tensor,
            gradient: (p: ReturnType<Layer["vjp"]>) => p.dx(i),
            moved: (t: Tensor): Place => ({ ...at, inputs: at.inputs.map((x, j) => (j === i ? t : x)) }),
          },
    ),
    ...Object.entries(at.weights).map(([name, tensor]) => ({
      name,
      tensor,
      gradient: (p: ReturnType<Layer["vjp"]>) => p.dweights()[name],
      moved: (t: Tensor): Place => ({ ...at, weights: { ...at.weights, [name]: t } }),
    })),
  ];
}

const step = 1e-5; // truncation ~ h², rounding ~ u / h, both about 1e-10

function checkPullback(layer: Layer, at: Place, options: CheckLayerOptions): void {
  const { steady = [], differenceTolerance = 1e-6 } = options;
  const ways: Record<string, Forward> = {
    "": inUse,
    ...(layer.trainingForward && { "training ": inTraining }),
  };
  for (const [way, forward] of Object.entries(ways)) {
    const { y, tape } = forward(layer, at);
    const bar = randomLike(y, split(at.key, "bar"));
    const pullback = layer.vjp({ ...at.weights, ...at.buffers }, tape, bar);
    const extra = Object.keys(pullback.dweights()).find((name) => !(name in at.weights));
    if (extra) throw new Error(`dweights has "${extra}", which is no parameter`);
    for (const { name, tensor, gradient, moved } of movable(at, steady)) {
      const given = gradient(pullback);
      if (!given) throw new Error(`dweights has no gradient of "${name}"`);
      expectShape(`the ${way}pull-back to ${name}`, given.shape, tensor.shape);
      const slopes = Float64Array.from(tensor.data, (_, k) => {
        const value = (by: number) => {
          const data = tensor.data.slice();
          data[k]! += by;
          return dot(doubles(forward(layer, moved({ shape: tensor.shape, data })).y), doubles(bar));
        };
        return (value(step) - value(-step)) / (2 * step);
      });
      agree(`the ${way}pull-back to ${name} and differences`, given.data, slopes, differenceTolerance);
    }
  }
}

function checkPushforward(layer: Layer, at: Place, options: CheckLayerOptions): void {
  const { steady = [], tolerance = 1e-9, differenceTolerance = 1e-6 } = options;
  const tensors = { ...at.weights, ...at.buffers };
  const { y, tape } = inUse(layer, at);
  const bar = randomLike(y, split(at.key, "bar"));
  const pullback = layer.vjp(tensors, tape, bar);
  const dx = at.inputs.map((x, i) =>
    steady.includes(i) ? undefined : randomLike(x, split(split(at.key, "dx"), i)),
  );
  const dw = mapTensors(at.weights, (t, name) => randomLike(t, split(split(at.key, "dw"), name)));
  const weighted = Object.keys(dw).length > 0;
  const none = dx.map(() => undefined);
  const directions = [
    ...dx.flatMap((d, i) =>
      d ? { name: `input ${i}`, dx: dx.map((e, j) => (j === i ? e : undefined)), dw: undefined } : [],
    ),
    ...(weighted ? [{ name: "the weights", dx: none as typeof dx, dw }] : []),
    ...(weighted || dx.length > 1 ? [{ name: "everything", dx, dw: weighted ? dw : undefined }] : []),
  ];
  for (const direction of directions) {
    if (!direction.dw && direction.dx.every((d) => !d)) continue;
    const [first, ...more] = direction.dx;
    const tangent = layer.jvp(tensors, tape, first, direction.dw, ...more);
    const name = `the push-forward along ${direction.name}`;
    expectShape(name, tangent.shape, y.shape);
    const value = (by: number) =>
      inUse(layer, {
        ...at,
        inputs: at.inputs.map((x, i) => (direction.dx[i] ? plus(x, by, direction.dx[i]) : x)),
        weights: mapTensors(at.weights, (t, w) => (direction.dw ? plus(t, by, direction.dw[w]!) : t)),
      }).y.data;
    const [above, below] = [value(step), value(-step)];
    const slopes = Float64Array.from(above, (v, k) => (v - below[k]!) / (2 * step));
    agree(`${name} and differences`, tangent.data, slopes, differenceTolerance);
    const parts = [
      ...direction.dx.flatMap((d, i) => (d ? dot(doubles(pullback.dx(i)), doubles(d)) : [])),
      ...Object.entries(direction.dw ?? {}).map(([w, d]) =>
        dot(doubles(pullback.dweights()[w]!), doubles(d)),
      ),
    ];
    agree(
      `⟨dy, J d⟩ and ⟨Jᵀ dy, d⟩, d along ${direction.name},`,
      Float64Array.of(dot(doubles(bar), doubles(tangent))),
      Float64Array.of(parts.reduce((sum, v) => sum + v, 0)),
      tolerance,
      dot(doubles(bar).map(Math.abs), doubles(tangent).map(Math.abs)),
    );
  }
}

/** The readings in f32 beside those in f64, at numbers that both have. */
function checkSingle(layer: Layer, at: Place, options: CheckLayerOptions): void {
  const { steady = [], singleTolerance = 1e-4 } = options;
  const single = inPrecision(at, "f32");
  const double = inPrecision(single, "f64");
  const read = (place: Place, precision: Precision) => {
    const tensors = { ...place.weights, ...place.buffers };
    const { y, tape } = inUse(layer, place);
    const bar = converted(converted(randomLike(y, split(at.key, "bar")), "f32"), precision);
    const pullback = layer.vjp(tensors, tape, bar);
    const moves = place.inputs.map((x, i) => (steady.includes(i) ? undefined : x));
    const [first, ...more] = moves;
    const moving = Object.keys(place.weights).length > 0 || moves.some((d) => d);
    return {
      output: y,
      ...Object.fromEntries(
        movable(place, steady).map(({ name, gradient }) => [`pull-back to ${name}`, gradient(pullback)!]),
      ),
      ...(moving && { "push-forward": layer.jvp(tensors, tape, first, place.weights, ...more) }),
    } as Readonly<Record<string, Tensor>>;
  };
  const narrow = read(single, "f32");
  const wide = read(double, "f64");
  for (const [name, { data }] of Object.entries(narrow)) {
    if (!(data instanceof Float32Array)) throw new Error(`the ${name} of an f32 layer is not in f32`);
    agree(`the ${name} in f32 and f64`, data, wide[name]!.data, singleTolerance);
  }
  if (Object.keys(at.weights).length > 0) checkLayerTangent(layer, single, double, singleTolerance);
}
