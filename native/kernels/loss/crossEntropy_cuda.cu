// Cross entropy on the card with the formulas of crossEntropy_reference.cc and its order of sums, 16 lanes a row. Nobody waits to see
// whether labels are good: with one outside the classes there is no number of rows that count, so loss and gradient are NaN.
#include "../../core/check.h"
#include "../../cuda/powers.cuh"
#include "../../op.h"
#include "labels.h"
#include "total.cuh"

namespace lowbit {
namespace {

struct Labels {
  View view;
  int64_t rows, classes, ignored;

  template <class C>
  explicit Labels(const C& c) : view(c.labels), rows(c.logits.shape[0]), classes(c.logits.shape[1]), ignored(c.ignoreIndex.integer()) {
    EXPECT(view.dtype == Dtype::int32 || view.dtype == Dtype::int64);
  }
  DEVICE int64_t operator[](int64_t row) const { return labelAt(view, row); }
  DEVICE bool isClass(int64_t label) const { return label >= 0 && label < classes; }
};

// How many labels count, for the first thread of a block of kOrderedThreads.
DEVICE double countOf(const Labels& labels) {
  SHARED(double, counts, [kOrderedThreads]);
  const int t = static_cast<int>(threadIdx.x);
  double count = 0;
  for (int64_t row = t; row < labels.rows; row += kOrderedThreads) {
    const int64_t label = labels[row];
    if (label != labels.ignored) count += labels.isClass(label) ? 1.0 : static_cast<double>(NAN);
  }
  counts[t] = count;
  for (int half = kOrderedThreads / 2; half; half /= 2) {
    __syncthreads();
    if (t < half) counts[t] += counts[t + half];
  }
  return counts[t];
}

template <class T> __global__ void labelLosses(const T* __restrict__ logits, Labels labels, double smoothing, double* __restrict__ losses) {
  eachLine(labels.rows, labels.classes, [&](int64_t row, int lane, int64_t n) {
    const T* x = logits + row * labels.classes;
    const Powers<T> powers(elementsOf([=](int64_t j) { return x[j]; }, lane, n));
    const double most = static_cast<double>(powers.most);
    double differences = 0;
    if (smoothing != 0) {
      for (int64_t j = lane; j < n; j += kLineLanes) differences += static_cast<double>(x[j]) - most;
      differences = foldLanes(differences);
    }
    if (row >= labels.rows || lane) return;
    const int64_t label = labels[row];
    double loss = 0;
    if (label != labels.ignored && labels.isClass(label)) {
      loss = log(powers.sum) - (1 - smoothing) * (static_cast<double>(x[label]) - most);
      if (smoothing != 0) loss -= smoothing / static_cast<double>(labels.classes) * differences;
    }
    losses[row] = loss;
  });
}

template <class T> __global__ void joinLabelLosses(const double* __restrict__ losses, Labels labels, T* __restrict__ loss) {
  const double count = countOf(labels), sum = sumInOrder(losses, labels.rows);
  if (threadIdx.x == 0) loss[0] = static_cast<T>(sum / count);
}

__global__ void putCount(Labels labels, double* __restrict__ count) {
  const double counted = countOf(labels);
  if (threadIdx.x == 0) *count = counted;
}

template <class T>
__global__ void labelGradients(const T* __restrict__ dy, const T* __restrict__ logits, Labels labels, double smoothing,
                               const double* __restrict__ count, T* __restrict__ dx) {
  const T g = static_cast<T>(static_cast<double>(dy[0]) / *count);
  const T on = static_cast<T>(1 - smoothing), off = static_cast<T>(smoothing / static_cast<double>(labels.classes));
  eachLine(labels.rows, labels.classes, [&](int64_t row, int lane, int64_t n) {
    const T* x = logits + row * labels.classes;
    const Powers<T> powers(elementsOf([=](int64_t j) { return x[j]; }, lane, n));
    const T inverse = static_cast<T>(1 / powers.sum);
    const int64_t label = n ? labels[row] : 0;
    for (int64_t j = lane; j < n; j += kLineLanes) {
      const T difference = fma(power(x[j] - powers.most), inverse, -off);
      dx[row * labels.classes + j] = label == labels.ignored ? T{0} : (j == label ? difference - on : difference) * g;
    }
  });
}

template <class T>
__global__ void targetLosses(const T* __restrict__ logits, const T* __restrict__ targets, int64_t rows, int64_t classes,
                             double* __restrict__ losses) {
  eachLine(rows, classes, [&](int64_t row, int lane, int64_t n) {
    const T *x = logits + row * classes, *target = targets + row * classes;
    const Powers<T> powers(elementsOf([=](int64_t j) { return x[j]; }, lane, n));
    const double logarithm = log(powers.sum), most = static_cast<double>(powers.most);
    double part = 0;
    for (int64_t j = lane; j < n; j += kLineLanes)
      if (target[j] != 0) part = __fma_rn(static_cast<double>(target[j]), logarithm - (static_cast<double>(x[j]) - most), part);
    const double loss = foldLanes(part);
    if (row < rows && lane == 0) losses[row] = loss;
  });
}

template <class T>
__global__ void targetGradients(const T* __restrict__ dy, const T* __restrict__ logits, const T* __restrict__ targets, int64_t rows,
                                int64_t classes, T* __restrict__ dx) {
  const double g = static_cast<double>(dy[0]) / static_cast<double>(rows);
  eachLine(rows, classes, [&](int64_t row, int lane, int64_t n) {
    const T *x = logits + row * classes, *target = targets + row * classes;
    const Powers<T> powers(elementsOf([=](int64_t j) { return x[j]; }, lane, n));
    double weight = 0;
    for (int64_t j = lane; j < n; j += kLineLanes) weight += static_cast<double>(target[j]);
    const double factor = foldLanes(weight) / powers.sum;
    for (int64_t j = lane; j < n; j += kLineLanes) {
      const double p = static_cast<double>(power(x[j] - powers.most)) * factor;
      dx[row * classes + j] = static_cast<T>((p - static_cast<double>(target[j])) * g);
    }
  });
}

}  // namespace

bool crossEntropy_cuda(const crossEntropy_call& c) {
  const Labels labels(c);
  const CardScratch losses(static_cast<size_t>(labels.rows + 1) * sizeof(double));
  return asFloating(c.logits.dtype, [&]<class T>(T) {
    if (labels.rows) run(labelLosses<T>, launchOfLines(labels.rows), c.logits.as<T>(), labels, c.labelSmoothing, losses.as<double>());
    run(joinLabelLosses<T>, {dim3(1), dim3(kOrderedThreads)}, losses.as<double>(), labels, c.loss.as<T>());
  });
}

bool crossEntropyGrad_cuda(const crossEntropyGrad_call& c) {
  const Labels labels(c);
  const CardScratch count(sizeof(double));
  return asFloating(c.logits.dtype, [&]<class T>(T) {
    if (!c.dx.size()) return;
    run(putCount, {dim3(1), dim3(kOrderedThreads)}, labels, count.as<double>());
    run(labelGradients<T>, launchOfLines(labels.rows), c.dy.as<T>(), c.logits.as<T>(), labels, c.labelSmoothing, count.as<double>(),
        c.dx.as<T>());
  });
}

bool softCrossEntropy_cuda(const softCrossEntropy_call& c) {
  const int64_t rows = c.logits.shape[0], classes = c.logits.shape[1];
  const CardScratch losses(static_cast<size_t>(rows + 1) * sizeof(double));
  return asFloating(c.logits.dtype, [&]<class T>(T) {
    if (rows) run(targetLosses<T>, launchOfLines(rows), c.logits.as<T>(), c.targets.as<T>(), rows, classes, losses.as<double>());
    totalOf<T>(losses, rows, 1, static_cast<double>(rows), c.loss);
  });
}

bool softCrossEntropyGrad_cuda(const softCrossEntropyGrad_call& c) {
  const int64_t rows = c.logits.shape[0], classes = c.logits.shape[1];
  return asFloating(c.logits.dtype, [&]<class T>(T) {
    if (c.dx.size())
      run(targetGradients<T>, launchOfLines(rows), c.dy.as<T>(), c.logits.as<T>(), c.targets.as<T>(), rows, classes, c.dx.as<T>());
  });
}

}  // namespace lowbit
