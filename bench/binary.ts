/** `npm run bench:binary`: 3 × 3 convolutions of signs, codes and real numbers in turns, in sessions that keep their weights; one thread. */
import { binaryConv2d, compile, conv2d, packedRowBytes, qconv2d, type Session, Tensor, threads, trace } from 'lowbit';

const rounds = 25;
const layers = [
  [56, 64],
  [28, 128],
  [14, 256],
  [7, 512],
];

const arrays = { float32: Float32Array, int8: Int8Array, uint8: Uint8Array, int32: Int32Array };

function fill(shape: number[], dtype: keyof typeof arrays): Tensor {
  const data = new arrays[dtype](shape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < data.length; i++) data[i] = dtype === 'float32' ? ((i * 7919) % 255) / 127 - 1 : i * 7919;
  return Tensor.from(data, shape);
}

interface Contender {
  name: string;
  x: Tensor;
  session: Session;
  microseconds: number[];
}

function contender(name: string, x: Tensor, body: (x: Tensor) => Tensor): Contender {
  return {
    name,
    x,
    session: compile(
      trace(({ x }) => body(x), { x }),
      {},
    ),
    microseconds: [],
  };
}

function contenders(size: number, channels: number): Contender[] {
  const image = [1, size, size];
  const pads = [1, 1, 1, 1];
  const scale = fill([channels], 'float32');
  const weights = [channels, 3, 3, channels];
  const [real, codes] = [fill(weights, 'float32'), fill(weights, 'int8')];
  const bits = fill([channels, packedRowBytes(9 * channels, 1)], 'uint8');
  const sums = fill([channels], 'int32');
  const signs = fill([...image, packedRowBytes(channels, 1)], 'uint8');
  const binary = { kernel: [3, 3], channels, pads };
  return [
    contender('fp32', fill([...image, channels], 'float32'), (x) => conv2d(x, real, scale, { pads })),
    contender('int8', fill([...image, channels], 'uint8'), (x) =>
      qconv2d(x, codes, sums, scale, { pads, xZero: 3, qmin: 0, qmax: 255, dtype: 'uint8' }),
    ),
    ...(['float32', 'uint8', 'signs'] as const).map((output) =>
      contender(`signs to ${output}`, signs, (x) => binaryConv2d(x, bits, scale, scale, { ...binary, output })),
    ),
  ];
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1];

threads(1);
console.log(
  `${'layer'.padEnd(16)}${'kernel'.padEnd(18)}${'us'.padStart(8)}${'GOP/s'.padStart(8)}${'int8 /'.padStart(8)}${'fp32 /'.padStart(8)}`,
);
for (const [size, channels] of layers) {
  const all = contenders(size, channels);
  for (let round = 0; round < rounds; round++) {
    for (const { session, x, microseconds } of all) microseconds.push(session.profile({ x }, { runs: 9 })[0].milliseconds * 1000);
  }
  const times = all.map(({ microseconds }) => median(microseconds));
  const operations = 2 * size ** 2 * 9 * channels ** 2;
  for (const [i, { name }] of all.entries()) {
    const us = times[i];
    const ratios = [times[1], times[0]].map((other) => (other / us).toFixed(1).padStart(8)).join('');
    console.log(
      `${`${size}², ${channels}`.padEnd(16)}${name.padEnd(18)}${us.toFixed(1).padStart(8)}${(operations / us / 1000).toFixed(0).padStart(8)}${ratios}`,
    );
  }
  for (const { session } of all) session.dispose();
}
