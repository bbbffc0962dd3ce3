/** The public names of lowbit and nothing else. */

export { type Differentiated, noGrad, valueAndGradients } from './autograd.js';
export { offThread } from './calls.js';
export { type CudaCard, type CudaPrecision, cudaCard, cudaPrecision } from './cuda.js';
export type { Augmentation } from './data/augment.js';
export { type Batch, type Dataset, dataset, type Samples, type Source, type Window } from './data/dataset.js';
export { type DigitsOptions, digits } from './data/digits.js';
export { type NpyArray, readNpy, writeNpy } from './data/npy.js';
export { type DatasetOptions, datasetKinds, openDataset } from './data/open.js';
export { Tokenizer, type TokenizerOptions } from './data/tokenizer.js';
export { stepsPerEpoch, type TrainingBatch, type TrainingOptions, trainingBatches } from './data/training.js';
export { type Fault, type FaultCode, LowbitError } from './error.js';
export { Graph, type Node, type NodeParams, type Output, Uses, type Value } from './graph/graph.js';
export { print } from './graph/print.js';
export { rewrite } from './graph/rewrite.js';
export { preferRow, type RunOptions, referenceRows, run, runAsync } from './graph/run.js';
export { type TraceOptions, trace } from './graph/trace.js';
export { type Traceable, type TraceModuleOptions, traceModule } from './graph/traceModule.js';
export { Types } from './graph/types.js';
export { verify } from './graph/verify.js';
export * as nn from './nn/index.js';
export { type ExportOptions, type ExportReport, exportOnnx, toOnnx } from './onnx/exportOnnx.js';
export { encodeModel, type OnnxModel, readModel, writeModel } from './onnx/file.js';
export { type ImportOptions, importOnnx } from './onnx/importOnnx.js';
export { onnxOperators } from './onnx/operators/index.js';
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
export { type NamedTensor, readTensor, tensorFromProto, tensorToProto } from './onnx/tensors.js';
export type { ExportedWeight, WeightStorage } from './onnx/weights.js';
export {
  type AnyOp,
  type GradCall,
  type GradRule,
  inferType,
  opTable,
  type RecordedCall,
  record,
  rowsOf,
  runOp,
  tableMismatch,
  threads,
} from './op.js';
export * from './ops/index.js';
export * as ops from './ops/index.js';
export { type AbsorbedLayer, absorbBias, type ChannelSpreads } from './passes/absorbBias.js';
export { batchNormToConv } from './passes/batchNormToConv.js';
export { cancelTransposes } from './passes/cancelTransposes.js';
export { type Equalized, type EqualizedLayer, type EqualizeOptions, type Extremes, equalizeLayers } from './passes/equalizeLayers.js';
export { foldBatchNorm } from './passes/foldBatchNorm.js';
export { foldConstants } from './passes/foldConstants.js';
export { fuseElementwise } from './passes/fuseElementwise.js';
export { fuseEpilogues } from './passes/fuseEpilogues.js';
export { insertQdq, type QdqOptions } from './passes/insertQdq.js';
export { type FloatNode, lowerInteger } from './passes/lowerInteger.js';
export {
  type Migrated,
  type MigratedScales,
  type MigrateOptions,
  type Migration,
  migrateScales,
  migrations,
  type SeenChannels,
} from './passes/migrateScales.js';
export { narrowWeights } from './passes/narrowWeights.js';
export { packWeights, unpackWeights } from './passes/packWeights.js';
export { prepareToQuantize } from './passes/prepareToQuantize.js';
export { quantizeBeforeMoves } from './passes/quantizeBeforeMoves.js';
export { removeDead } from './passes/removeDead.js';
export { removeDropout } from './passes/removeDropout.js';
export { replaceRelu6 } from './passes/replaceRelu6.js';
export { singlePrecision } from './passes/singlePrecision.js';
export { type RunningStatistics, type TrainingForm, trainingForm } from './passes/trainingForm.js';
export { type AdaRound, adaround, type RoundingProgress } from './quant/adaround/adaround.js';
export type { LayerRounding } from './quant/adaround/layer.js';
export type { AdaroundOptions } from './quant/adaround/options.js';
export { type Batches, type CalibrateOptions, calibrate } from './quant/calibrate.js';
export { type Expectations, expectations } from './quant/channels/expectations.js';
export { clippedMean, normalShare } from './quant/channels/normal.js';
export { batchNormStatistics, type ChannelStatistics, ChannelWatch, type Statistics } from './quant/channels/statistics.js';
export { analyticCorrections } from './quant/correct/analytic.js';
export { type EmpiricalOptions, empiricalCorrections } from './quant/correct/empirical.js';
export { type Correction, type Corrections, withCorrections } from './quant/correct/layers.js';
export { type WeightRepair, weightCorrections, weightRepair } from './quant/correct/weights.js';
export { leastSquares } from './quant/leastSquares/leastSquares.js';
export type { LeastSquaresOptions } from './quant/leastSquares/options.js';
export { type Observer, type ObserverName, observer, observerNames } from './quant/observers/index.js';
export { type Plan, type PlanOptions, quantizationPlan } from './quant/plan.js';
export { type CodeType, type QParams, qparamsOf, type Range, type ScaleKind } from './quant/scheme.js';
export type { SlbEpoch } from './quant/slb/callback.js';
export { type SlbOptions, slbPresets } from './quant/slb/options.js';
export { type Slb, slb } from './quant/slb/slb.js';
export { type QuantizedWeight, quantizeWeight, type WeightBits, type WeightRange, type WeightScheme } from './quant/weightScheme.js';
export { normal, permutation, philox, uniform, words } from './random.js';
export { autoQuantize } from './recipes/auto/autoQuantize.js';
export type { AutoOptions, AutoQuantized } from './recipes/auto/options.js';
export type { BenchForm } from './recipes/benchForms.js';
export { type BenchOptions, benchModel } from './recipes/benchModel.js';
export { type Ceiling, measureCeiling, type StepRate } from './recipes/benchRates.js';
export type { BenchReport, BenchRuntime, Slower, Timing } from './recipes/benchReport.js';
export { type CalibratedNetwork, calibrateNetwork, withFloat } from './recipes/calibrated.js';
export type { CodedWeight } from './recipes/codedWeights.js';
export { type CompareOptions, compareModels, type ModelDistance, type TensorDistance } from './recipes/compareModels.js';
export type { Agreement } from './recipes/compareRuntime.js';
export type { Conditioning } from './recipes/conditioned.js';
export type { Corrected, CorrectionMethod } from './recipes/corrected.js';
export type { Difference } from './recipes/difference.js';
export { type EvaluateOptions, type Evaluation, type EvaluationMode, evaluate } from './recipes/evaluate.js';
export { type Golden, type GoldenOptions, writeGolden } from './recipes/golden.js';
export { type Inspection, type InspectOptions, inspect, type Layer, type Port } from './recipes/inspect.js';
export { Judge, type JudgeOptions, type Score } from './recipes/judge.js';
export type { BitSearchOptions, BitTrial } from './recipes/mixed/options.js';
export { type BitSearch, searchBits } from './recipes/mixed/searchBits.js';
export { type PartialOptions, type PartialQuantization, type PartialTrial, partialQuantization } from './recipes/partial.js';
export { calibrationBatches, type Feed, feed, type Piece } from './recipes/prepare.js';
export { quantizationRecord, type RecordOptions } from './recipes/quantizationRecord.js';
export { type Quantized, type QuantizedLayer, quantize, quantizeCalibrated } from './recipes/quantize.js';
export { inputRange, isQuantized, withoutQuantization } from './recipes/quantized.js';
export type { QuantizeOptions, QuantizeStep } from './recipes/quantizeOptions.js';
export { readQuantizationRecord } from './recipes/readQuantizationRecord.js';
export { reestimateBatchNorm } from './recipes/reestimateBatchNorm.js';
export { readTrained } from './recipes/runFolder.js';
export { type SearchesReport, type SearchOptions, searchModel } from './recipes/search.js';
export { resolveSearchConfig, type SearchConfig } from './recipes/searchConfig.js';
export type { SearchReport } from './recipes/searchReports.js';
export { type SensitivityMode, type SensitivityOptions, type SensitivityOrder, sensitivity } from './recipes/sensitivity.js';
export { type TrainOptions, type TrainReport, trainModel } from './recipes/train.js';
export { printConfig, resolveConfig, type TrainConfig } from './recipes/trainConfig.js';
export { type Verification, type VerifiedRow, type VerifyOptions, verifyModel } from './recipes/verifyModel.js';
export { accuracies, recordedOptions, type WrittenReport, writeQuantizationReport } from './recipes/writeQuantizationReport.js';
export { type QuantizationRun, quantizationComparison } from './report/quantizationComparison.js';
export type {
  Accuracy,
  ActivationRecord,
  Histogram,
  LadderRecord,
  LayerRecord,
  QuantizationRecord,
  RungRecord,
  SensitivityRecord,
  WeightRecord,
} from './report/quantizationRecord.js';
export { quantizationReport } from './report/quantizationReport.js';
export {
  decodeSafetensors,
  encodeSafetensors,
  type NamedTensors,
  readSafetensors,
  type Safetensors,
  writeSafetensors,
} from './safetensors.js';
export { type CompileOptions, compile } from './session/compile.js';
export { Session, type SessionInputs, type SessionPort, type SessionRunOptions, type StepTime } from './session/session.js';
export { type Device, type Dtype, dtypes, type Shape, type TensorType } from './shape.js';
export type { Finding, FixName, Severity } from './targets/finding.js';
export { type AppliedFix, type FittedModel, fitModel } from './targets/fitModel.js';
export { lintModel } from './targets/lint.js';
export { type TargetName, targetNames } from './targets/targets.js';
export { keep, memory, scope, Tensor, type TensorData } from './tensor.js';
export { fit } from './train/fit.js';
export * as train from './train/index.js';
export { type Model, Trainable, type TrainableOptions, trainableOf } from './train/trainable.js';
