/** What a target has against a model, as people read it. */
import type { Finding } from '../targets/finding.js';
import type { AppliedFix } from '../targets/fitModel.js';

const width = 80;
const namesShown = 3;

/** A paragraph for each finding. */
export function findingLines(findings: readonly Finding[]): string {
  return findings
    .map(({ severity, op, nodes, problem, todo, fix }) => {
      const what = op === '' ? 'the file' : `${op}${nodesText(nodes)}`;
      const todoText = fix ? `${todo} --fix does that.` : todo;
      return [`${severity}: ${what}`, ...wrapped(`${problem}.`), ...wrapped(todoText)].join('\n');
    })
    .join('\n\n');
}

/** A line for each rewriting. */
export function fixLines(fixes: readonly AppliedFix[]): string {
  return fixes.map(({ what, nodes }) => [`mended: ${what}`, ...wrapped(nodesText(nodes).slice(2))].join('\n').trimEnd()).join('\n');
}

function nodesText(nodes: readonly string[]): string {
  if (nodes.length === 0) return '';
  const more = nodes.length > namesShown ? ` and ${nodes.length - namesShown} more` : '';
  return `: ${nodes.slice(0, namesShown).join(', ')}${more}`;
}

/** Words in indented lines. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ').filter((part) => part !== '')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`  ${word}`);
  }
  return lines;
}
