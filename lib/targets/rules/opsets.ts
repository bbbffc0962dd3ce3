/** Is the operator set of the file one that the target reads? */
import type { Rule } from '../finding.js';

export const opsets: Rule = (view, { opsets: [oldest, newest], runtime }) => {
  const opset = view.opset() ?? oldest; // a file of other domains only
  if (opset >= oldest && opset <= newest) return [];
  const problem = `the file is of opset ${opset}, ${runtime} reads ${oldest} to ${newest}`;
  return [
    { severity: 'refuses', op: '', node: '', problem, todo: `Write it with opset ${opset < oldest ? oldest : newest}.`, fix: 'opset' },
  ];
};
