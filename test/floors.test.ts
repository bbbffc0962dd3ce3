/** Who may import whom (docs/architecture.md, "Floors"): read from the sources, so that the rule holds for every file that is added. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import test from 'ava';
import { repositoryRoot } from './shared.js';

/** The ground floor, lowest first: each file imports only from those before it. */
const ground = ['error', 'random', 'file', 'shape', 'rounding', 'native', 'cuda', 'tensor', 'safetensors', 'callWords', 'calls', 'op'];

const floors: Record<string, number> = {
  ...{ ops: 1, autograd: 2, graph: 3, nn: 3 },
  ...{ quant: 4, passes: 4, onnx: 4, train: 4, data: 4, session: 4 },
  ...{ recipes: 5, report: 5, targets: 5, cli: 6 },
};

/** Edges between folders of one floor that are wanted. */
const allowed: readonly { from: RegExp; to: RegExp; reason: string }[] = [
  {
    from: /^train\/(fit|run|callback|validate|calibrateBatchNorm)$/,
    to: /^data\/(augment|dataset|training)$/,
    reason: 'a run asks for its batches itself: their order and changes are part of what it resumes',
  },
  {
    from: /^recipes\/(train|searchReports|writeQuantizationReport)$/,
    to: /^report\/(trainingReport|searchReport|quantizationReport)$/,
    reason: 'a run leaves a page of its curves, a quantization one of its layers',
  },
  {
    from: /^train\/capturedSteps$/,
    to: /^session\/replay$/,
    reason: 'a step that is written down runs as a plan, as a session does',
  },
  {
    from: /^train\/trainable$/,
    to: /^passes\/trainingForm$/,
    reason: 'what is trained is a rewritten graph',
  },
  {
    from: /^recipes\//,
    to: /^report\/quantizationRecord$/,
    reason: 'what is measured is what the page shows',
  },
  {
    from: /^onnx\/importOnnx$/,
    to: /^passes\/(cancelTransposes|mergeReshapes)$/,
    reason: 'the file has images as NCHW: its import is only done when the transposes and reshapes around each operator are gone',
  },
  {
    from: /^session\/(compile|session)$/,
    to: /^passes\/(lowerInteger|foldConstants|fuseEpilogues|fuseElementwise)$/,
    reason: 'what runs is a rewritten graph',
  },
  {
    from: /^passes\/(insertQdq|migrateScales|migrate\/scales|lower\/products)$/,
    to: /^quant\/(scheme|weightScheme)$/,
    reason: 'weights and biases become codes in one place, by the scheme, and what that costs is foreseen',
  },
  {
    from: /^quant\/(slb|adaround)\//,
    to: /^(train|passes|data)\//,
    reason: 'an algorithm that learns rewrites a network, watches its run, and asks for samples to calibrate with',
  },
];

/** What every op family may use. */
const shared = ['ops/basic', 'ops/window', 'ops/codes', 'ops/elementwise', 'ops/layout'];

interface Edge {
  from: string;
  to: string;
  /** Gone after compilation. */
  typeOnly: boolean;
}

function sourcesBelow(folder: string, pattern: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => pattern.test(path));
}

/** The modules of lib/ without their extension, and the imports between them. */
function readLib(): { modules: string[]; edges: Edge[] } {
  const lib = join(repositoryRoot(), 'lib');
  const modules = sourcesBelow(lib, /\.ts$/).map((path) => path.replace(/\.ts$/, ''));
  const edges = modules.flatMap((from) => {
    const text = readFileSync(join(lib, `${from}.ts`), 'utf8');
    const imports = text.matchAll(/(?:\b(?:im|ex)port (type )?[^;']*?from |\bimport\s*\(\s*|\bimport )'(\.[^']*)\.js'/g);
    return [...imports].map(([, type, path]) => ({ from, to: posix.join(posix.dirname(from), path), typeOnly: type !== undefined }));
  });
  return { modules, edges };
}

/** A folder, or a file that is a floor of its own (autograd); '' for the ground floor. */
const floorNameOf = (module: string) => (ground.includes(module) ? '' : module.split('/')[0]);

/** What is wrong with an import, if anything. */
function problem({ from, to }: Edge): string | undefined {
  if (from === 'index') return undefined;
  if (to === 'index') return 'index.ts is for users';
  const [home, target] = [floorNameOf(from), floorNameOf(to)];
  if (ground.includes(from)) {
    if (target !== '') return 'the ground floor stands on nothing';
    return ground.indexOf(to) < ground.indexOf(from) ? undefined : `the order is ${ground.join(' < ')}`;
  }
  if (home === 'ops' && target === 'ops') {
    return from === 'ops/index' || shared.includes(to) ? undefined : `a family uses no other family, only ${shared.join(' and ')}`;
  }
  if (home === target || target === '' || floors[target] < floors[home]) return undefined;
  if (allowed.some((edge) => edge.from.test(from) && edge.to.test(to))) return undefined;
  return `${home} is on floor ${floors[home]}, ${target} on floor ${floors[target]}`;
}

/** A way from a module back to itself, if there is one. */
function findCycle(modules: readonly string[], edges: readonly Edge[]): string[] | undefined {
  const done = new Set<string>();
  const visit = (module: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(module)) return [...path.slice(path.indexOf(module)), module];
    if (done.has(module)) return undefined;
    for (const { from, to } of edges) {
      const cycle = from === module ? visit(to, [...path, module]) : undefined;
      if (cycle) return cycle;
    }
    done.add(module);
    return undefined;
  };
  for (const module of modules) {
    const cycle = visit(module, []);
    if (cycle) return cycle;
  }
  return undefined;
}

const { modules, edges } = readLib();

test('every file of lib/ has a floor', (t) => {
  t.true(edges.length > modules.length);
  for (const module of modules) t.true(floorNameOf(module) in floors || ground.includes(module) || module === 'index', module);
});

test('files import from floors below or from their own folder', (t) => {
  t.deepEqual(
    edges.flatMap((edge) => (problem(edge) ? [`${edge.from} imports ${edge.to}: ${problem(edge)}`] : [])),
    [],
  );
});

test('every allowed edge is in use', (t) => {
  for (const { from, to } of allowed)
    t.true(
      edges.some((edge) => from.test(edge.from) && to.test(edge.to)),
      `${from} to ${to}`,
    );
});

test('no file imports itself by a detour, apart from types', (t) => {
  const lasting = edges.filter(({ typeOnly }) => !typeOnly);
  t.is(findCycle(modules, lasting)?.join(' -> '), undefined);
});

test('a kernel family includes its own files, op.h, core/ and cpu/', (t) => {
  const native = join(repositoryRoot(), 'native');
  const wrong = sourcesBelow(native, /^(core|cpu|kernels)\/.*\.(h|cc)$/).flatMap((path) => {
    const includes = [...readFileSync(join(native, path), 'utf8').matchAll(/#include "([^"]+)"/g)].map(([, name]) => name);
    const home = posix.dirname(path);
    // Relative to the file, or to native/ where there is no such file.
    const beside = (name: string) => (sources.has(posix.join(home, name)) ? posix.join(home, name) : name);
    return includes.map(beside).flatMap((name) => (mayInclude(path, name) ? [] : [`${path} includes ${name}`]));
  });
  t.deepEqual(wrong, []);
});

/** Products with packed weights are the engines of the products with others. */
const engines = ['qgemm', 'qconv', 'gemm', 'conv'].map((family) => `kernels/${family}/`);

const sources = new Set(sourcesBelow(join(repositoryRoot(), 'native'), /\.(h|cc)$/));

function mayInclude(path: string, name: string): boolean {
  const below = path.startsWith('kernels/')
    ? ['op.h', 'core/', 'cpu/', `${posix.dirname(path)}/`, ...(path.startsWith('kernels/lowbit/') ? engines : [])]
    : path.startsWith('cpu/')
      ? ['core/', 'cpu/']
      : ['core/'];
  return sources.has(name) && below.some((start) => name.startsWith(start));
}
