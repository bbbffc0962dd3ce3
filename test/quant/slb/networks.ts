/** Networks with every kind of layer that a search replaces. */
import { type Graph, nn, type Shape, Trainable, traceModule } from 'lowbit';

const norm = (channels: number) => new nn.BatchNorm2d(channels);

/** Dense, depthwise, grouped, transposed convolution and a linear layer; samples (1, 28, 28). */
export function everyLayer(seed = 1): nn.Module {
  const random = new nn.Random(seed);
  const conv = (from: number, to: number, options: object = {}) =>
    new nn.Conv2d(from, to, 3, { padding: 1, bias: false, random, ...options });
  return new nn.Sequential(
    ...[conv(1, 8, { stride: 2 }), norm(8), new nn.ReLU()],
    ...[conv(8, 8, { stride: 2, groups: 8 }), norm(8), new nn.ReLU()],
    ...[conv(8, 12, { groups: 2 }), norm(12), new nn.ReLU()],
    ...[new nn.ConvTranspose2d(12, 6, 2, { stride: 2, bias: false, random }), norm(6), new nn.ReLU()],
    ...[new nn.Conv2d(6, 6, 1, { stride: 2, bias: false, random }), norm(6)],
    ...[new nn.Flatten(), new nn.Linear(6 * 7 * 7, 16, { random }), new nn.ReLU(), new nn.Linear(16, 10, { random })],
  );
}

export const graphOf = (module: nn.Module, shape: Shape = [1, 28, 28]): Graph =>
  traceModule(module, { input: { dtype: 'float32', shape } });

export const trainableOf = (module: nn.Module) =>
  new Trainable(graphOf(module), { parameters: [...module.parameters().keys()], inPlace: true });
