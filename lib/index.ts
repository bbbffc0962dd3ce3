/** The public names of lowbit and nothing else. */
export { type Fault, type FaultCode, LowbitError } from './error.js';
export { type AnyOp, inferType, offThread, opTable, record, rowsOf, runOp, tableMismatch, threads } from './op.js';
export * from './ops/index.js';
export { type Dtype, dtypes, type Shape, type TensorType } from './shape.js';
export { keep, memory, scope, Tensor, type TensorData } from './tensor.js';
