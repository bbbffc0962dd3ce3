/** The model read and written again: in an opset that the target reads, all weights for every runtime. */

import { toOnnx } from '../../onnx/exportOnnx.js';
import { embedded } from '../../onnx/external.js';
import { encodeModel, readModel } from '../../onnx/file.js';
import { importOnnx, newestOpset, oldestOpset } from '../../onnx/importOnnx.js';
import type { Fix } from './fix.js';

/** Throws LowbitError 'unsupported' for operators that we do not read, or that the opset does not have. */
export const rewritten: Fix = (view, { opsets: [oldest, newest] }) => {
  const { proto, folder } = view.model;
  const graph = importOnnx(encodeModel({ proto: embedded(proto, folder) }));
  const opset = Math.min(Math.max(view.opset() ?? newest, oldest, oldestOpset), newest, newestOpset);
  return readModel(toOnnx(graph, { opset, weights: 'int8' }));
};
