/**
 * Every fault this package can report, as a typed value, and the one renderer that puts it into words:
 * who, what came, what was expected, why, what to do.
 */

/** What went wrong, as facts. `code` is stable and meant for programs. */
export type Fault =
  | { code: 'shape'; op: string; input: string; came: readonly number[]; expected: string; because?: string }
  | { code: 'dtype'; op: string; input: string; came: string; expected: string; because?: string }
  | { code: 'parameter'; op: string; parameter: string; came: unknown; expected: string; because?: string }
  | { code: 'disposed'; what: string }
  | { code: 'outOfMemory'; what: string }
  | { code: 'unknownOption'; where: string; option: string; allowed: readonly string[] }
  | { code: 'option'; where: string; option: string; came: unknown; expected: string; because?: string }
  | { code: 'file'; path: string; problem: string; todo?: string }
  | { code: 'format'; format: string; path?: string; problem: string; todo?: string }
  | { code: 'unsupported'; where: string; items: readonly { name: string; op: string; reason: string }[]; todo?: string }
  | { code: 'data'; where: string; problem: string; todo?: string }
  | { code: 'graph'; problem: string; todo?: string }
  | { code: 'kernel'; op: string; row: string; problem: string }
  | { code: 'native'; problem: string; todo: string; cause?: unknown }
  | { code: 'missing'; what: string; because: string; todo: string }
  | { code: 'device'; op: string; devices: readonly string[] }
  | { code: 'cuda'; problem: string }
  | { code: 'aborted'; what: string }
  | { code: 'internal'; problem: string };

export type FaultCode = Fault['code'];

/** The one error class of the package. */
export class LowbitError extends Error {
  override name = 'LowbitError';
  readonly code: FaultCode;
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(render(fault), 'cause' in fault ? { cause: fault.cause } : undefined);
    this.code = fault.code;
    this.fault = fault;
  }
}

/** Throws the fault. */
export function fail(fault: Fault): never {
  throw new LowbitError(fault);
}

/** Faults of the addon, "code: text", as a LowbitError; anything else as it is. */
export function asFault(error: unknown): unknown {
  if (error instanceof LowbitError || !(error instanceof Error)) return error;
  const [, code, text] = /^([a-z-]+): ([\s\S]*)$/.exec(error.message) ?? [];
  const [, where, problem] = /^(\w+): ([\s\S]*)$/.exec(text ?? '') ?? [];
  const faults: Record<string, Fault> = {
    'out-of-memory': { code: 'outOfMemory', what: text },
    disposed: { code: 'disposed', what: text },
    declined: declined(text ?? ''),
    data: { code: 'data', where, problem },
    cuda: { code: 'cuda', problem: text },
    aborted: { code: 'aborted', what: text },
    internal: { code: 'internal', problem: text },
  };
  return code in faults ? new LowbitError(faults[code]) : error;
}

function declined(text: string): Fault {
  const [op, row] = text.split(' row ');
  const todo = row === 'cuda' ? '; move its inputs with tensor.to("cpu")' : '';
  return { code: 'kernel', op, row, problem: `does not take this call${todo}` };
}

function render(fault: Fault): string {
  switch (fault.code) {
    case 'shape':
      return `${fault.op}: ${fault.input} is ${shapeText(fault.came)}, expected ${fault.expected}${why(fault.because)}.`;
    case 'dtype':
      return `${fault.op}: ${fault.input} is ${fault.came}, expected ${fault.expected}${why(fault.because)}.`;
    case 'parameter':
      return `${fault.op}: parameter ${fault.parameter} is ${show(fault.came)}, expected ${fault.expected}${why(fault.because)}.`;
    case 'disposed':
      return `${fault.what} was used after dispose(); keep it out of the scope() that freed it, or return it from there.`;
    case 'outOfMemory':
      return `out of memory: ${fault.what}; use smaller batches or dispose() tensors earlier.`;
    case 'unknownOption': {
      const near = nearest(fault.option, fault.allowed);
      const hint = near ? `did you mean "${near}"?` : `known: ${fault.allowed.join(', ')}.`;
      return `${fault.where}: unknown option "${fault.option}", ${hint}`;
    }
    case 'option':
      return `${fault.where}: option ${fault.option} is ${show(fault.came)}, expected ${fault.expected}${why(fault.because)}.`;
    case 'file':
      return `${fault.path}: ${fault.problem}.${todo(fault.todo)}`;
    case 'format':
      return `${fault.path ?? fault.format}: not a valid ${fault.format} file: ${fault.problem}.${todo(fault.todo)}`;
    case 'unsupported': {
      const lines = fault.items.map((item) => `\n  ${fault.where}: node "${item.name}" (${item.op}): ${item.reason}`);
      return `${fault.where}: ${fault.items.length} node${fault.items.length === 1 ? '' : 's'} cannot be used:${lines.join('')}${fault.todo ? `\n${fault.todo}` : ''}`;
    }
    case 'data':
      return `${fault.where}: ${fault.problem}.${todo(fault.todo)}`;
    case 'graph':
      return `graph: ${fault.problem}.${todo(fault.todo)}`;
    case 'kernel':
      return `${fault.op}: kernel row "${fault.row}" ${fault.problem}.`;
    case 'native':
      return `the native addon could not be loaded: ${fault.problem}. ${fault.todo}`;
    case 'missing':
      return `${fault.what} is not installed, and ${fault.because}. ${fault.todo}`;
    case 'device':
      return `${fault.op}: its inputs lie on ${fault.devices.join(' and ')}, expected one device; move them with tensor.to(device).`;
    case 'cuda':
      return `the graphics card cannot be used: ${fault.problem}. Without one everything runs on device "cpu".`;
    case 'aborted':
      return `${fault.what} was stopped by its signal.`;
    case 'internal':
      return `internal error: ${fault.problem}. This is a bug in lowbit, please report it.`;
  }
}

const why = (because?: string) => (because ? ` because ${because}` : '');
const todo = (text?: string) => (text ? ` ${text}` : '');
const show = (value: unknown) =>
  typeof value === 'string' ? `"${value}"` : Array.isArray(value) ? `[${value.join(', ')}]` : String(value);

/** A shape as people write it; unknown dimensions print as ?. */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.map((n) => (Number.isNaN(n) ? '?' : n)).join(', ')}]`;
}

/** The candidate with the smallest edit distance, if it is close enough to be a slip of the keyboard. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}

/** Refuses options that nobody knows, naming the nearest one that exists. */
export function checkOptions(where: string, options: object, allowed: readonly string[]): void {
  for (const option of Object.keys(options)) {
    if (!allowed.includes(option)) fail({ code: 'unknownOption', where, option, allowed });
  }
}
