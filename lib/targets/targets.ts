/** The runtimes that a model can be made for, as data. */
import { fail } from '../error.js';
import { type Kernels, restricted } from './kernels.js';
import { ortCpu, ortCpuStandard, ortCpuUntil } from './ortCpu.js';
import { ortWebGpu } from './ortWebGpu.js';

export interface Target {
  name: TargetName;
  /** What people call it. */
  runtime: string;
  /** The oldest and the newest opset of the default domain. */
  opsets: readonly [oldest: number, newest: number];
  kernels: Kernels;
  /** Operators that have kernels only up to an opset. */
  until: Readonly<Record<string, number>>;
  /** The kernels of the processor, where those of a card are missing: its values are copied there and back. */
  fallback?: Kernels;
  /** Without kernels of its own half precision is computed in float32, between casts. */
  castsHalf: boolean;
  /** Layers between codes of 8 bits are computed on integers. */
  integers: boolean;
  /** Some of its machines add two products of codes in 16 bits, and cut what does not fit. */
  cutsSums: boolean;
  /** Sums of codes are rounded once, by fused multiply-adds. */
  fuses: boolean;
  /** The package that runs a model outside a browser. */
  package?: 'onnxruntime-node' | 'onnxruntime-web';
}

export const targetNames = ['ort-node', 'ort-web-wasm', 'ort-web-webgpu', 'generic'] as const;

export type TargetName = (typeof targetNames)[number];

const ort = { opsets: [7, 26], until: ortCpuUntil, castsHalf: true, fuses: true } as const;

const targets: Readonly<Record<TargetName, Omit<Target, 'name'>>> = {
  // x86-64 machines with AVX2 or AVX-512 but no VNNI multiply with vpmaddubsw; ARM and newer machines are exact.
  'ort-node': { ...ort, runtime: 'onnxruntime-node', kernels: ortCpu, integers: true, cutsSums: true, package: 'onnxruntime-node' },
  // The published WebAssembly widens codes to 16 bits and adds in 32 (no relaxed SIMD).
  'ort-web-wasm': {
    ...ort,
    runtime: 'onnxruntime-web (wasm)',
    kernels: ortCpu,
    integers: true,
    cutsSums: false,
    fuses: false,
    package: 'onnxruntime-web',
  },
  'ort-web-webgpu': { ...ort, runtime: 'onnxruntime-web (WebGPU)', kernels: ortWebGpu, fallback: ortCpu, integers: false, cutsSums: false },
  // What most runtimes of ONNX have in common. Others multiply like onnxruntime, so the same care is taken.
  generic: {
    runtime: 'any ONNX runtime',
    opsets: [13, 17],
    kernels: restricted(ortCpuStandard, ['f32', 'i8', 'u8', 'i32', 'i64', 'bool']),
    until: {},
    castsHalf: false,
    integers: true,
    cutsSums: true,
    fuses: true,
  },
};

/**
 * The target of a name.
 * @throws LowbitError 'option' for other names
 */
export function targetNamed(name: string): Target {
  const known = targetNames.find((target) => target === name);
  if (!known) return fail({ code: 'option', where: 'target', option: 'name', came: name, expected: `one of ${targetNames.join(', ')}` });
  return { name: known, ...targets[known] };
}
