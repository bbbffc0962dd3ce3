/** The tarball as its users get it: installed into an empty folder, on a PATH with nothing but node and npm. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder } from './folder.js';
import { repositoryRoot } from './shared.js';

const { resolve } = createRequire(import.meta.url)('node-gyp-build') as { resolve(root: string): string };
const root = repositoryRoot();
const cudaKernels = join(dirname(resolve(root)), 'lowbit_cuda.so');
const bare = temporaryFolder();
const tools = join(bare, 'bin');
const consumer = join(bare, 'consumer');
let files: string[] = [];

function onPath(command: string): string {
  const folder = process.env.PATH!.split(delimiter).find((entry) => existsSync(join(entry, command)));
  if (!folder) throw new Error(`${command} is not on the PATH`);
  return realpathSync(join(folder, command));
}

/** Runs a command with the bare PATH and returns what it wrote; a failure carries its output. */
function run(folder: string, command: string, ...args: string[]): string {
  const { LOWBIT_CUDA_LIB: _emulation, ...ours } = process.env;
  const env = { ...ours, PATH: tools, npm_config_cache: join(bare, 'cache'), npm_config_offline: 'true' };
  const { status, stdout, stderr } = spawnSync(join(tools, command), args, { cwd: folder, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

interface Packed {
  filename: string;
  files: { path: string }[];
}
const pack = (folder: string, ...args: string[]): Packed[] =>
  JSON.parse(run(folder, 'npm', 'pack', '--json', '--pack-destination', bare, ...args));

test.before(() => {
  mkdirSync(tools);
  mkdirSync(consumer);
  symlinkSync(process.execPath, join(tools, 'node'));
  symlinkSync(onPath('npm'), join(tools, 'npm'));
  // A copy of the repository whose prebuilt binary is the one that the tests run on.
  const copy = join(bare, 'repository');
  const skipped = new Set(['.git', 'node_modules', 'build', 'prebuilds', '.test-out', '.cache']);
  cpSync(root, copy, { recursive: true, filter: (path) => !skipped.has(relative(root, path)) });
  mkdirSync(join(copy, 'prebuilds/linux-x64'), { recursive: true });
  cpSync(resolve(root), join(copy, 'prebuilds/linux-x64/lowbit.glibc.node'));
  if (existsSync(cudaKernels)) cpSync(cudaKernels, join(copy, 'prebuilds/linux-x64/lowbit_cuda.so'));

  const [packed] = pack(copy);
  files = packed.files.map((file) => file.path);
  // The dependencies come from this repository's node_modules, so that no registry is asked.
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  const others = pack(root, '--ignore-scripts', ...Object.keys(dependencies).map((name) => `./node_modules/${name}`));
  writeFileSync(join(consumer, 'package.json'), '{"private":true}');
  run(consumer, 'npm', 'install', '--no-audit', '--no-fund', ...[packed, ...others].map(({ filename }) => join(bare, filename)));
});

const has = (pattern: RegExp) => files.some((file) => pattern.test(file));

test('the tarball holds both entries, their types, the command, the binary and the sources for building it', (t) => {
  const needed = [
    'bin/lowbit.js',
    'dist/cli/main.js',
    'dist/index.js',
    'dist/index.d.ts',
    'dist/cjs/index.js',
    'dist/cjs/index.d.ts',
    'dist/cjs/package.json',
  ];
  const building = ['CMakeLists.txt', 'native/ops.inc', 'native/addon.cc', 'scripts/native-build.cjs'];
  for (const file of [...needed, ...building, 'prebuilds/linux-x64/lowbit.glibc.node', 'LICENSE']) t.true(files.includes(file), file);
});

test('the tarball holds no binding.gyp, tests, TypeScript sources or tools of the repository', (t) => {
  // npm runs node-gyp for a package with a .gyp file, whatever its package.json says.
  t.false(has(/\.gyp$/));
  for (const folder of ['test', 'bench', 'conformance', 'lib', 'docs', '.ci', 'build', 'cmake'])
    t.false(has(new RegExp(`^${folder}/`)), folder);
  t.deepEqual(
    files.filter((file) => file.startsWith('scripts/')),
    ['scripts/native-build.cjs'],
  );
});

test('nothing runs at install or pack time', (t) => {
  const { scripts, gypfile } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare', 'prepack', 'postpack']) t.false(name in scripts, name);
  t.is(gypfile, false);
});

const onePlusTwo = 'const y = add(Tensor.from([1]), Tensor.from([2])); console.log(y.item());';

test('require() gives a package that computes', (t) => {
  t.is(run(consumer, 'node', '-e', `const { add, Tensor } = require('lowbit'); ${onePlusTwo}`).trim(), '3');
});

test('import gives a package that computes', (t) => {
  t.is(run(consumer, 'node', '--input-type=module', '-e', `import { add, Tensor } from 'lowbit'; ${onePlusTwo}`).trim(), '3');
});

test('require() and import give the same classes', (t) => {
  const script = "import('lowbit').then((esm) => console.log(esm.Tensor === require('lowbit').Tensor, Object.keys(esm).length));";
  const [same, names] = run(consumer, 'node', '-e', script).trim().split(' ');
  t.is(same, 'true');
  t.true(Number(names) > 10);
});

test('the binary of the package is what is loaded', (t) => {
  const script = "require('lowbit').threads(); console.log(Object.keys(require.cache).filter((file) => file.endsWith('.node')).join());";
  t.regex(run(consumer, 'node', '-e', script), /node_modules\/lowbit\/prebuilds\/linux-x64\/lowbit\.glibc\.node\n$/);
});

test('CUDA kernels of the package are found beside the binary, and say why they do not run', (t) => {
  const { cuda, cudaProblem } = JSON.parse(run(consumer, 'node', 'node_modules/.bin/lowbit', 'doctor', '--json'));
  if (!existsSync(cudaKernels)) t.regex(cudaProblem, /^lowbit_cuda\.so, which has its kernels, is not there/);
  else if (cuda === null) t.regex(cudaProblem, /NVIDIA driver|graphics card/);
  else t.false(cuda.emulated);
});

test('the command runs', (t) => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  t.is(run(consumer, 'node', 'node_modules/.bin/lowbit', '--version').trim(), version);
});

test('TypeScript sees the types from ES modules and from CommonJS', (t) => {
  const body = 'const y: Tensor = add(Tensor.from([1, 2]), Tensor.scalar(1));\nexport const shape: readonly number[] = y.shape;\n';
  writeFileSync(join(consumer, 'esm.mts'), `import { add, Tensor } from 'lowbit';\n${body}`);
  writeFileSync(join(consumer, 'cjs.cts'), `import { add, Tensor } from 'lowbit';\n${body}`);
  typeCheck(t, 'esm.mts', 'cjs.cts');
  writeFileSync(join(consumer, 'wrong.mts'), "import { add, Tensor } from 'lowbit';\nadd(Tensor.from([1]), 2);\n");
  t.throws(() => typeCheck(t, 'wrong.mts'), { message: /TS2345/ });
});

function typeCheck(t: ExecutionContext, ...sources: string[]): void {
  const tsc = join(dirname(fileURLToPath(import.meta.resolve('typescript/package.json'))), 'bin', 'tsc');
  const options = ['--noEmit', '--strict', '--target', 'es2023', '--lib', 'es2023,esnext.disposable,dom'];
  run(consumer, 'node', tsc, ...options, '--module', 'nodenext', '--types', '', ...sources);
  t.pass();
}
