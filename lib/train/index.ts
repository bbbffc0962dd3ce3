/** Training: the loop, and everything that can be put into it. */
export { sampleFit } from '../graph/sampleFit.js';
export { type CalibrateOptions, calibrateBatchNorm } from './calibrateBatchNorm.js';
export { type Callback, type EpochReport, type Means, type NonFinite, numberOf, type StepReport, type TrainingRun } from './callback.js';
export { type CheckpointsOptions, checkpoints } from './callbacks/checkpoints.js';
export { csvLog } from './callbacks/csvLog.js';
export { type EarlyStopOptions, earlyStop } from './callbacks/earlyStop.js';
export { type NanGuardOptions, nanGuard } from './callbacks/nanGuard.js';
export { progress, type TrainingProgress } from './callbacks/progress.js';
export { CapturedSteps } from './capturedSteps.js';
export {
  type Checkpoint,
  checkpointsIn,
  freeCheckpoint,
  latestCheckpoint,
  type Progress,
  readCheckpoint,
  writeCheckpoint,
} from './checkpoint.js';
export { type DistillationOptions, distillation } from './distillation.js';
export { type FitOptions, type FitResult, fit } from './fit.js';
export { type CrossEntropyOptions, crossEntropy, klDivergence, type Loss, meanSquaredError } from './losses.js';
export { accuracy, type Metric } from './metrics.js';
export { type AdamOptions, adam, adamw } from './optim/adam.js';
export { mixed, type OptimizerPart } from './optim/mixed.js';
export type { Optimizer, OptimizerOptions, ParameterGroup, RunningOptimizer } from './optim/optimizer.js';
export { type SgdOptions, sgd } from './optim/sgd.js';
export {
  type CosineOptions,
  constant,
  cosine,
  type OneCycleOptions,
  oneCycle,
  type PolynomialOptions,
  polynomial,
  type Schedule,
  type Span,
  type StepDecayOptions,
  schedules,
  stepDecay,
  type WarmUpOptions,
  warmUp,
} from './schedule.js';
export { SearchedWeight } from './searchedWeight.js';
export type { Selection } from './selection.js';
export { type LabelledBatch, type StepOptions, type StepResult, startStep, trainingStep } from './step.js';
export { validate } from './validate.js';
