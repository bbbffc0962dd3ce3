// Cross entropy of rows of logits x, m the largest of a row, d = x − m, log Z = log Σ e^d, Σ as in core/interleaved.h:
//   with labels    loss of a row = log Z − (1 − ε)·d[label] − ε / classes·Σ d         ε = labelSmoothing; ignored rows do not count
//   with targets t loss of a row = Σ t·(log Z − d), where t is not 0
// The result is Σ loss / rows that count, rows in order, in double; exponentials of float32 are those of cpu/f32/functions.h.
// The gradients, with p = e^d / Z and g = dy / rows that count:
//   with labels    dx = (p − ε / classes)·g, at the label (p − ε / classes − (1 − ε))·g        for float32 p − ε / classes is one
//   multiply-add with targets   dx = (p·Σ t − t)·g, in double
#include <cmath>
#include <vector>

#include "../../core/interleaved.h"
#include "../../cpu/f32/functions.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "labels.h"
#include "real.h"

namespace lowbit {
namespace {

float power(float x) { return exponential(x); }
double power(double x) { return std::exp(x); }

template <class T> T largest(const T* x, int64_t classes) {
  T most = -INFINITY;
  for (int64_t j = 0; j < classes; j++) most = x[j] > most ? x[j] : most;
  return most;
}

template <class T> double sumOfPowers(const T* x, int64_t classes, T most) {
  InterleavedSum sum;
  for (int64_t j = 0; j < classes; j++) sum.add(j, power(x[j] - most));
  return sum.total();
}

template <class T> double lossOf(const T* x, int64_t classes, int64_t label, double smoothing) {
  const T most = largest(x, classes);
  double loss = std::log(sumOfPowers(x, classes, most)) - (1 - smoothing) * (static_cast<double>(x[label]) - static_cast<double>(most));
  if (smoothing == 0) return loss;
  InterleavedSum sum;
  for (int64_t j = 0; j < classes; j++) sum.add(j, static_cast<double>(x[j]) - static_cast<double>(most));
  return loss - smoothing / static_cast<double>(classes) * sum.total();
}

template <class T> double softLossOf(const T* x, const T* target, int64_t classes) {
  const T most = largest(x, classes);
  const double logarithm = std::log(sumOfPowers(x, classes, most));
  InterleavedSum sum;
  for (int64_t j = 0; j < classes; j++)
    if (target[j] != 0) sum.addProduct(j, target[j], logarithm - (static_cast<double>(x[j]) - static_cast<double>(most)));
  return sum.total();
}

// body(row) for all rows of `classes`
template <class F> void eachRow(int64_t rows, int64_t classes, F body) {
  parallel(rows, 2048 / (classes + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) body(row);
  });
}

template <class T> void store(const View& y, const std::vector<double>& losses, int64_t count) {
  double sum = 0;
  for (const double loss : losses) sum += loss;
  y.as<T>()[0] = static_cast<T>(sum / static_cast<double>(count));
}

}  // namespace

bool crossEntropy_reference(const crossEntropy_call& c) {
  const int64_t rows = c.logits.shape[0], classes = c.logits.shape[1], ignored = c.ignoreIndex.integer();
  const int64_t count = countLabels(c.labels, classes, ignored);
  return withFloat(c.logits.dtype, [&]<class T>(T) {
    std::vector<double> losses(static_cast<size_t>(rows));
    eachRow(rows, classes, [&](int64_t row) {
      const int64_t label = labelAt(c.labels, row);
      if (label != ignored) losses[row] = lossOf(c.logits.as<T>() + row * classes, classes, label, c.labelSmoothing);
    });
    store<T>(c.loss, losses, count);
  });
}

bool crossEntropyGrad_reference(const crossEntropyGrad_call& c) {
  const int64_t rows = c.logits.shape[0], classes = c.logits.shape[1], ignored = c.ignoreIndex.integer();
  const int64_t count = countLabels(c.labels, classes, ignored);
  const double smoothing = c.labelSmoothing;
  return withFloat(c.logits.dtype, [&]<class T>(T) {
    const T g = static_cast<T>(static_cast<double>(c.dy.as<T>()[0]) / static_cast<double>(count));
    const T on = static_cast<T>(1 - smoothing), off = static_cast<T>(smoothing / static_cast<double>(classes));
    eachRow(rows, classes, [&](int64_t row) {
      const T* x = c.logits.as<T>() + row * classes;
      T* dx = c.dx.as<T>() + row * classes;
      const int64_t label = labelAt(c.labels, row);
      if (label == ignored) {
        for (int64_t j = 0; j < classes; j++) dx[j] = 0;
        return;
      }
      const T most = largest(x, classes), inverse = static_cast<T>(1 / sumOfPowers(x, classes, most));
      for (int64_t j = 0; j < classes; j++) {
        const T difference = std::fma(power(x[j] - most), inverse, -off);
        dx[j] = (j == label ? difference - on : difference) * g;
      }
    });
  });
}

bool softCrossEntropy_reference(const softCrossEntropy_call& c) {
  const int64_t rows = c.logits.shape[0], classes = c.logits.shape[1];
  return withFloat(c.logits.dtype, [&]<class T>(T) {
    std::vector<double> losses(static_cast<size_t>(rows));
    eachRow(rows, classes,
            [&](int64_t row) { losses[row] = softLossOf(c.logits.as<T>() + row * classes, c.targets.as<T>() + row * classes, classes); });
    store<T>(c.loss, losses, rows);
  });
}

bool softCrossEntropyGrad_reference(const softCrossEntropyGrad_call& c) {
  const int64_t rows = c.logits.shape[0], classes = c.logits.shape[1];
  return withFloat(c.logits.dtype, [&]<class T>(T) {
    const double g = static_cast<double>(c.dy.as<T>()[0]) / static_cast<double>(rows);
    eachRow(rows, classes, [&](int64_t row) {
      const T *x = c.logits.as<T>() + row * classes, *target = c.targets.as<T>() + row * classes;
      T* dx = c.dx.as<T>() + row * classes;
      const T most = largest(x, classes);
      InterleavedSum weight;
      for (int64_t j = 0; j < classes; j++) weight.add(j, target[j]);
      const double factor = weight.total() / sumOfPowers(x, classes, most);
      for (int64_t j = 0; j < classes; j++) dx[j] = static_cast<T>((static_cast<double>(power(x[j] - most)) * factor - target[j]) * g);
    });
  });
}

}  // namespace lowbit
