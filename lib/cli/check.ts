/** `lowbit check MODEL --target NAME` */
import type { Command } from 'commander';
import { readModel, writeModel } from '../onnx/file.js';
import { type Golden, writeGolden } from '../recipes/golden.js';
import type { Finding } from '../targets/finding.js';
import { type AppliedFix, fitModel } from '../targets/fitModel.js';
import { lintModel } from '../targets/lint.js';
import { type TargetName, targetNamed } from '../targets/targets.js';
import { command, requires, runs } from './command.js';
import { addDataOptions, type DataOptions, datasetOf, targetOption, wholeFrom } from './options.js';
import { checkOutput } from './output.js';
import { findingLines, fixLines } from './targetText.js';

interface Options extends DataOptions {
  target: TargetName;
  fix?: boolean;
  output?: string;
  golden?: number;
}

/** What --json prints. */
interface Outcome {
  target: TargetName;
  findings: Finding[];
  fixes: AppliedFix[];
  /** The rewritten model. */
  output: string | null;
  golden: Golden | null;
}

export function addCheck(program: Command): void {
  const target = addDataOptions(
    command(program, 'check <model>', 'say what a runtime would refuse, compute inexactly or run slowly')
      .addOption(targetOption('the runtime that the model is meant for'))
      .option('--fix', 'write a model without what can be mended: no number changes')
      .option('-o, --output <file>', 'the mended model')
      .option('--golden <n>', 'write inputs, outputs and a script beside the model, that compares the runtime with them', wholeFrom(1)),
    { needed: false },
  );
  requires(target, 'target');
  requires(target, 'output', () => target.getOptionValue('fix') !== true);
  runs<Options>(target, async ({ options, signal, progress }, path) => {
    const { fix, output, golden, target: name } = options;
    if (fix) checkOutput('check', path, output!);
    const runtime = golden === undefined ? undefined : packageOf(target, name);
    const model = readModel(path);
    const { fixes, findings, model: fitted } = fix ? fitModel(model, name) : { fixes: [], findings: lintModel(model, name), model };
    if (fix) writeModel(output!, fitted);
    const dataset = options.data === undefined ? undefined : await datasetOf(options.data, options);
    const line = progress('golden outputs');
    const made = runtime
      ? await writeGolden(fix ? output! : path, {
          dataset,
          samples: golden,
          package: runtime,
          known: knownOf(findings),
          onProgress: line.update,
          signal,
        })
      : null;
    const data: Outcome = { target: name, findings, fixes, output: fix ? output! : null, golden: made };
    return { data, text: text(data), failed: findings.some(({ severity }) => severity === 'refuses') };
  });
}

/** Why a difference may be nobody's mistake. */
const knownOf = (findings: readonly Finding[]) =>
  findings.filter(({ severity }) => severity === 'inexact').map(({ op, problem }) => `${op}: ${problem}`);

function packageOf(command: Command, name: TargetName) {
  const found = targetNamed(name).package;
  return found ?? command.error(`error: option '--golden <n>' needs a target that runs in Node.js: ort-node or ort-web-wasm`);
}

function text({ target, findings, fixes, output, golden }: Outcome): string {
  const parts = [
    findings.length > 0 ? findingLines(findings) : `${targetNamed(target).runtime} runs this model as it is.`,
    fixes.length > 0 ? fixLines(fixes) : '',
    output === null ? '' : `wrote ${output}`,
    golden === null ? '' : `wrote ${golden.folder}: ${golden.samples} samples; node ${golden.folder}/check.mjs`,
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}
