/** The public names of lowbit and nothing else. */

export type { Batch, Dataset } from './data/dataset.js';
export { type DigitsOptions, digits } from './data/digits.js';
export { type NpyArray, readNpy, writeNpy } from './data/npy.js';
export { type DatasetOptions, datasetKinds, openDataset } from './data/open.js';
export { type Fault, type FaultCode, LowbitError } from './error.js';
export { encodeModel, type OnnxModel, readModel, writeModel } from './onnx/file.js';
export {
  type AttributeProto,
  AttributeType,
  DataLocation,
  DataType,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type OnnxMessage,
  onnxMessage,
  type TensorProto,
  type TypeProto,
  type ValueInfoProto,
} from './onnx/schema.js';
export { type NamedTensor, tensorFromProto, tensorToProto } from './onnx/tensors.js';
export { type AnyOp, offThread, opTable, record, rowsOf, runOp, tableMismatch, threads } from './op.js';
export * from './ops/index.js';
export type { Dtype, Shape, TensorType } from './shape.js';
export { keep, memory, scope, Tensor, type TensorData } from './tensor.js';
