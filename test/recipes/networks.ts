/** Networks of the kinds that people quantize, small and with random weights: what those of real size are made of. Images are (n, 12, 12, 3). */
import { type AnyOp, Graph, type NodeParams, ops, type Shape, Tensor, type Value } from 'lowbit';
import { weight } from '../graph/graphs.js';

/** Adds layers to a graph, each with random weights that keep activations near 1. */
class Layers {
  readonly graph: Graph;
  #seed = 1;

  constructor(
    name: string,
    readonly shape: Shape = [12, 12, 3],
  ) {
    this.graph = new Graph(name);
  }

  input(): Value {
    return this.graph.input('x', { dtype: 'float32', shape: [Number.NaN, ...this.shape] }, ['n']);
  }

  add(op: AnyOp, inputs: readonly Value[], params: NodeParams = {}): Value {
    return this.graph.add(op, inputs, params, op.name);
  }
  number(value: number): Value {
    return this.graph.constant(Tensor.scalar(value));
  }
  random(shape: Shape, reach: number, center = 0): Value {
    const seed = this.#seed++;
    return weight(this.graph, `c${seed}`, shape, seed, center - reach, center + reach);
  }
  weights(shape: Shape): Value {
    return this.random(shape, Math.sqrt(6 / shape.slice(1).reduce((a, b) => a * b, 1)));
  }

  conv(x: Value, from: number, to: number, { size = [3, 3], stride = 1, groups = 1, dilation = 1 } = {}): Value {
    const pads = size.map((n) => ((n - 1) * dilation) / 2);
    const window = { strides: [stride, stride], pads: [...pads, ...pads], dilations: [dilation, dilation], groups };
    return this.add(ops.conv2d, [x, this.weights([to, ...size, from / groups]), this.random([to], 0.1)], window);
  }
  point(x: Value, from: number, to: number): Value {
    return this.conv(x, from, to, { size: [1, 1] });
  }
  linear(x: Value, from: number, to: number): Value {
    return this.add(ops.gemm, [x, this.weights([to, from]), this.random([to], 0.1)]);
  }
  batchNorm(x: Value, channels: number): Value {
    const [scale, variance] = [0, 1].map(() => this.random([channels], 0.5, 1));
    const [bias, mean] = [0, 1].map(() => this.random([channels], 0.2));
    return this.add(ops.batchNorm, [x, scale, bias, mean, variance]);
  }
  relu6(x: Value): Value {
    return this.add(ops.clip, [x], { min: 0, max: 6 });
  }
  swish(x: Value): Value {
    return this.add(ops.mul, [x, this.add(ops.sigmoid, [x])]);
  }
  part(x: Value, from: number, to: number): Value {
    return this.add(ops.slice, [x], { starts: [from], ends: [to], axes: [3] });
  }
  classes(x: Value, channels: number): Graph {
    const pooled = this.add(ops.reshape, [this.add(ops.globalAveragePool, [x])], { shape: [0, channels] });
    return this.done({ y: this.linear(pooled, channels, 5) });
  }
  done(outputs: Readonly<Record<string, Value>>): Graph {
    for (const [name, value] of Object.entries(outputs)) this.graph.output(name, value);
    return this.graph;
  }
}

/** MobileNetV2: a thin sum over wide depthwise layers that are clipped at 6. */
function invertedResidual(): Graph {
  const net = new Layers('invertedResidual');
  const stem = net.relu6(net.batchNorm(net.conv(net.input(), 3, 8, { stride: 2 }), 8));
  const wide = net.relu6(net.batchNorm(net.point(stem, 8, 32), 32));
  const deep = net.relu6(net.batchNorm(net.conv(wide, 32, 32, { groups: 32 }), 32));
  return net.classes(net.add(ops.add, [net.batchNorm(net.point(deep, 32, 8), 8), stem]), 8);
}

/** MobileNetV3: x·clip(x + 3, 0, 6) / 6, and channels weighed by a network of their means. */
function squeezeAndExcite(): Graph {
  const net = new Layers('squeezeAndExcite');
  const hardSwish = (x: Value) => {
    const gate = net.relu6(net.add(ops.add, [x, net.number(3)]));
    return net.add(ops.div, [net.add(ops.mul, [x, gate]), net.number(6)]);
  };
  const stem = hardSwish(net.conv(net.input(), 3, 16, { stride: 2 }));
  const deep = net.add(ops.relu, [net.conv(stem, 16, 16, { groups: 16 })]);
  const squeezed = net.add(ops.relu, [net.point(net.add(ops.globalAveragePool, [deep]), 16, 4)]);
  const excited = net.add(ops.mul, [deep, net.add(ops.hardSigmoid, [net.point(squeezed, 4, 16)])]);
  return net.classes(net.add(ops.add, [net.point(excited, 16, 16), stem]), 16);
}

/** Normalizations and ReLUs before the convolutions that they belong to. */
function preActivation(): Graph {
  const net = new Layers('preActivation');
  let x = net.conv(net.input(), 3, 8);
  for (let block = 0; block < 2; block++) {
    const first = net.conv(net.add(ops.relu, [net.batchNorm(x, 8)]), 8, 8);
    x = net.add(ops.add, [net.conv(net.add(ops.relu, [net.batchNorm(first, 8)]), 8, 8), x]);
  }
  return net.classes(net.add(ops.relu, [net.batchNorm(x, 8)]), 8);
}

/** ShuffleNetV2: half of the channels goes by, then the halves are mixed. */
function shuffle(): Graph {
  const net = new Layers('shuffle');
  let x = net.add(ops.relu, [net.conv(net.input(), 3, 16, { stride: 2 })]);
  for (let block = 0; block < 2; block++) {
    const deep = net.conv(net.add(ops.relu, [net.point(net.part(x, 8, 16), 8, 8)]), 8, 8, { groups: 8 });
    const joined = net.add(ops.concat, [net.part(x, 0, 8), net.add(ops.relu, [net.point(deep, 8, 8)])], { axis: 3 });
    const turned = net.add(ops.transpose, [net.add(ops.reshape, [joined], { shape: [0, 6, 6, 2, 8] })], { perm: [0, 1, 2, 4, 3] });
    x = net.add(ops.reshape, [turned], { shape: [0, 6, 6, 16] });
  }
  return net.classes(x, 16);
}

/** DenseNet: every layer reads all before it, averaged in between. */
function dense(): Graph {
  const net = new Layers('dense');
  let x = net.conv(net.input(), 3, 8);
  for (const channels of [8, 12]) {
    const made = net.conv(net.add(ops.relu, [net.batchNorm(x, channels)]), channels, 4);
    x = net.add(ops.concat, [x, made], { axis: 3 });
  }
  return net.classes(net.add(ops.averagePool2d, [net.batchNorm(x, 16)], { kernel: [2, 2], strides: [2, 2] }), 16);
}

/** U-Net: down, up by a transposed convolution and by repeated pixels, each beside what it came from. */
function hourglass(): Graph {
  const net = new Layers('hourglass');
  const halved = (x: Value) => net.add(ops.maxPool2d, [x], { kernel: [2, 2], strides: [2, 2] });
  const high = net.add(ops.relu, [net.conv(net.input(), 3, 8)]);
  const middle = net.add(ops.leakyRelu, [net.conv(halved(high), 8, 8)], { alpha: 0.1 });
  const low = net.add(ops.relu, [net.conv(halved(middle), 8, 8)]);
  const spread = net.add(ops.convTranspose2d, [low, net.weights([8, 2, 2, 8]), net.random([8], 0.1)], { strides: [2, 2] });
  const fine = net.add(ops.relu, [net.conv(net.add(ops.concat, [spread, middle], { axis: 3 }), 16, 8)]);
  const twice = net.graph.constant(
    Tensor.from(
      Array.from({ length: 12 }, (_, i) => i >> 1),
      [12],
      'int64',
    ),
  );
  const larger = net.add(ops.gather, [net.add(ops.gather, [fine, twice], { axis: 1 }), twice], { axis: 2 });
  return net.done({ map: net.point(net.add(ops.concat, [larger, high], { axis: 3 }), 16, 2) });
}

/** A detector: pools of several sizes side by side, swish, boxes and scores of each place. */
function detector(): Graph {
  const net = new Layers('detector');
  const features = net.swish(net.conv(net.swish(net.conv(net.input(), 3, 8, { stride: 2 })), 8, 8));
  const pool = (x: Value) => net.add(ops.maxPool2d, [x], { kernel: [5, 5], strides: [1, 1], pads: [2, 2, 2, 2] });
  const once = pool(features);
  const joined = net.swish(net.point(net.add(ops.concat, [features, once, pool(once)], { axis: 3 }), 24, 8));
  const head = net.add(ops.reshape, [net.conv(joined, 8, 6)], { shape: [0, 36, 6] });
  const cut = (from: number, to: number) => net.add(ops.slice, [head], { starts: [from], ends: [to], axes: [2] });
  const sizes = net.add(ops.exp, [net.add(ops.clip, [cut(2, 4)], { min: -4, max: 4 })]);
  const boxes = net.add(ops.concat, [net.add(ops.sigmoid, [cut(0, 2)]), sizes], { axis: 2 });
  return net.done({ boxes, scores: net.add(ops.softmax, [cut(4, 6)]) });
}

/** A block of a conformer over (n, 1, 24, 3): a gate made by half of the channels, a long depthwise window, a norm. */
function gatedSequence(): Graph {
  const net = new Layers('gatedSequence', [1, 24, 3]);
  const stem = net.add(ops.relu, [net.conv(net.input(), 3, 8, { size: [1, 5] })]);
  const both = net.point(net.add(ops.layerNorm, [stem, net.random([8], 0.3, 1), net.random([8], 0.1)]), 8, 16);
  const gated = net.add(ops.mul, [net.part(both, 0, 8), net.add(ops.sigmoid, [net.part(both, 8, 16)])]);
  const long = net.swish(net.batchNorm(net.conv(gated, 8, 8, { size: [1, 9], groups: 8 }), 8));
  return net.classes(net.add(ops.add, [net.point(long, 8, 8), stem]), 8);
}

/** Groups, dilation, two outputs a depthwise channel, slopes for each channel, a layer that is read twice. */
function groupsAndSlopes(): Graph {
  const net = new Layers('groupsAndSlopes');
  const stem = net.add(ops.prelu, [net.conv(net.input(), 3, 8, { stride: 2 }), net.random([8], 0.2, 0.25)]);
  const doubled = net.add(ops.relu, [net.conv(stem, 8, 16, { groups: 8 })]);
  const far = net.add(ops.elu, [net.conv(doubled, 16, 16, { groups: 4, dilation: 2 })]);
  const shared = [net.weights([16, 1, 1, 16]), net.random([16], 0.1)];
  const once = net.add(ops.relu, [net.add(ops.conv2d, [far, ...shared])]);
  return net.classes(net.add(ops.add, [net.add(ops.conv2d, [once, ...shared]), far]), 16);
}

/** MLP-Mixer over patches: dense layers along the channels and, turned, along the patches, with a gelu of several steps. */
function mixer(): Graph {
  const net = new Layers('mixer');
  const gelu = (x: Value) => {
    const error = net.add(ops.erf, [net.add(ops.div, [x, net.number(Math.SQRT2)])]);
    return net.add(ops.mul, [net.add(ops.mul, [x, net.add(ops.add, [error, net.number(1)])]), net.number(0.5)]);
  };
  const turned = (x: Value) => net.add(ops.transpose, [x], { perm: [0, 2, 1] });
  const norm = (x: Value) => net.add(ops.layerNorm, [x, net.random([8], 0.3, 1), net.random([8], 0.1)]);
  const patches = net.conv(net.input(), 3, 8, { size: [1, 1], stride: 3 });
  let x = net.add(ops.reshape, [patches], { shape: [0, 16, 8] });
  x = net.add(ops.add, [x, turned(net.linear(gelu(net.linear(turned(norm(x)), 16, 24)), 24, 16))]);
  x = net.add(ops.add, [x, net.linear(gelu(net.linear(norm(x), 8, 24)), 24, 8)]);
  return net.done({ y: net.linear(net.add(ops.reduceMean, [x], { axes: [1], keepDims: false }), 8, 5) });
}

/** All of them. */
export const networks: readonly (() => Graph)[] = [
  ...[invertedResidual, squeezeAndExcite, preActivation, shuffle, dense],
  ...[hourglass, detector, gatedSequence, groupsAndSlopes, mixer],
];
