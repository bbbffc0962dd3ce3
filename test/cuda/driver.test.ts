/** What users are told where there is no card, no driver, an old one, or no library. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import anyTest, { type ExecutionContext } from 'ava';
import { temporaryFolder } from '../folder.js';
import { repositoryRoot } from '../shared.js';

const root = repositoryRoot();
const library = join(root, 'build', 'Release', 'lowbit_cuda.so');
const emulation = join(root, 'build', 'Release', 'lowbit_cuda_emulation.so');
const card = existsSync('/dev/nvidiactl');

/** What a process with this environment says about the card: doctor, a tensor, a session, and training. */
function told(env: Record<string, string>): { doctor: string | null; faults: string[]; code: string | number } {
  const script = `
    import { compile, digits, fit, Graph, LowbitError, nn, Tensor, add } from 'lowbit';
    const messages = [];
    const tries = [
      () => Tensor.from([1]).to('cuda'),
      () => compile(new Graph('net'), { device: 'cuda' }),
      () => fit(new nn.Linear(784, 10), digits({ count: 20 }), { epochs: 1, batchSize: 10, device: 'cuda' }),
    ];
    for (const attempt of tries) {
      try { await attempt(); messages.push('nothing'); } catch (error) { messages.push(error.code + ': ' + error.message); }
    }
    if (add(Tensor.from([1]), Tensor.from([2])).item() !== 3) messages.push('the CPU does not compute');
    console.log(JSON.stringify(messages));`;
  const options = { cwd: root, encoding: 'utf8', env: { ...process.env, LOWBIT_CUDA_LIB: '', ...env } } as const;
  const { stdout, status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], options);
  const doctor = spawnSync(process.execPath, ['bin/lowbit.js', 'doctor', '--json'], options);
  return { doctor: JSON.parse(doctor.stdout).cudaProblem, faults: JSON.parse(stdout || '[]'), code: status === 0 ? 0 : stderr };
}

function refuses(t: ExecutionContext, env: Record<string, string>, problem: RegExp): void {
  const { doctor, faults, code } = told(env);
  t.is(code, 0);
  t.regex(doctor ?? '', problem);
  t.is(faults.length, 3);
  for (const fault of faults) {
    t.regex(fault, /^cuda: the graphics card cannot be used: .*\. Without one everything runs on device "cpu"\.$/);
    t.regex(fault, problem);
  }
}

function testWhere(reason: string | false, title: string, body: (t: ExecutionContext) => void): void {
  if (reason) anyTest.skip(`${title} (skipped: ${reason})`, body);
  else anyTest(title, body);
}

const notBuilt = !existsSync(library) && 'there is no lowbit_cuda.so, which takes nvcc';
const hasCard = card && 'there is a card';

testWhere(notBuilt || hasCard, 'no driver', (t) =>
  refuses(t, { LOWBIT_CUDA_LIB: library }, /there is no NVIDIA driver, the kernels need 580 or newer/),
);

testWhere(!existsSync(emulation) && 'there is no emulation', 'the library is left closed', (t) =>
  refuses(t, { LOWBIT_DEVICE: 'cpu', LOWBIT_CUDA_LIB: emulation }, /LOWBIT_DEVICE is cpu/),
);

testWhere(false, 'no library where one was asked for', (t) =>
  refuses(t, { LOWBIT_CUDA_LIB: '/nowhere/kernels.so' }, /\/nowhere\/kernels\.so/),
);

const noCompiler = spawnSync('cc', ['--version']).status !== 0 && 'there is no C compiler';

/** A shared library from a line of C. */
function compiled(name: string, source: string): string {
  const folder = temporaryFolder();
  mkdirSync(folder, { recursive: true });
  const [file, made] = [join(folder, 'source.c'), join(folder, name)];
  writeFileSync(file, source);
  const { status, stderr } = spawnSync('cc', ['-shared', '-fPIC', '-o', made, file], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return made;
}

testWhere(noCompiler, 'a library of another version', (t) => {
  const other = compiled('other.so', 'static int abi = 99; void* lowbit_cuda_table(void) { return &abi; }');
  refuses(t, { LOWBIT_CUDA_LIB: other }, /other\.so belongs to another version of lowbit/);
});

testWhere(noCompiler || notBuilt || hasCard, 'a driver that is too old', (t) => {
  const old = compiled('libcuda.so.1', 'int cuInit(unsigned f) { return 0; } int cuDriverGetVersion(int* v) { *v = 12080; return 0; }');
  const env = { LOWBIT_CUDA_LIB: library, LD_LIBRARY_PATH: old.slice(0, old.lastIndexOf('/')) };
  refuses(t, env, /the NVIDIA driver knows CUDA 12\.8, these kernels need 13\.0: driver 580 or newer/);
});
