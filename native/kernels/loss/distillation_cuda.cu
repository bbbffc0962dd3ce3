// Distillation on the card with the formulas of distillation_reference.cc and its order of sums, 16 lanes a row, all in double.
#include "../../cuda/reduce.cuh"
#include "../../op.h"
#include "total.cuh"

namespace lowbit {
namespace {

// log softmax of a row over T, element by element
template <class T> struct LogSoftmax {
  const T* x;
  double most = -INFINITY, temperature, logarithm;

  DEVICE LogSoftmax(const T* row, double divisor, int lane, int64_t n) : x(row), temperature(divisor) {
    for (int64_t j = lane; j < n; j += kLineLanes) most = static_cast<double>(x[j]) > most ? static_cast<double>(x[j]) : most;
    most = largestLane(most);
    double part = 0;
    for (int64_t j = lane; j < n; j += kLineLanes) part += exp((static_cast<double>(x[j]) - most) / temperature);
    logarithm = log(foldLanes(part));
  }
  DEVICE double operator[](int64_t j) const { return (static_cast<double>(x[j]) - most) / temperature - logarithm; }
};

template <class T>
__global__ void rowLosses(const T* __restrict__ student, const T* __restrict__ teacher, int64_t rows, int64_t classes, double temperature,
                          double* __restrict__ losses) {
  eachLine(rows, classes, [&](int64_t row, int lane, int64_t n) {
    const LogSoftmax<T> p(student + row * classes, temperature, lane, n), q(teacher + row * classes, temperature, lane, n);
    double part = 0;
    for (int64_t j = lane; j < n; j += kLineLanes) {
      const double weight = exp(q[j]);
      if (weight != 0) part = __fma_rn(weight, q[j] - p[j], part);
    }
    const double loss = foldLanes(part);
    if (row < rows && lane == 0) losses[row] = loss;
  });
}

template <class T>
__global__ void rowGradients(const T* __restrict__ dy, const T* __restrict__ student, const T* __restrict__ teacher, int64_t rows,
                             int64_t classes, double temperature, T* __restrict__ dx) {
  const double factor = temperature * static_cast<double>(dy[0]) / static_cast<double>(rows);
  eachLine(rows, classes, [&](int64_t row, int lane, int64_t n) {
    const LogSoftmax<T> p(student + row * classes, temperature, lane, n), q(teacher + row * classes, temperature, lane, n);
    for (int64_t j = lane; j < n; j += kLineLanes) dx[row * classes + j] = static_cast<T>((exp(p[j]) - exp(q[j])) * factor);
  });
}

}  // namespace

bool distillation_cuda(const distillation_call& c) {
  const int64_t rows = c.student.shape[0], classes = c.student.shape[1];
  const double temperature = c.temperature;
  const CardScratch losses(static_cast<size_t>(rows + 1) * sizeof(double));
  return asFloating(c.student.dtype, [&]<class T>(T) {
    if (rows) run(rowLosses<T>, launchOfLines(rows), c.student.as<T>(), c.teacher.as<T>(), rows, classes, temperature, losses.as<double>());
    totalOf<T>(losses, rows, temperature * temperature, static_cast<double>(rows), c.loss);
  });
}

bool distillationGrad_cuda(const distillationGrad_call& c) {
  const int64_t rows = c.student.shape[0], classes = c.student.shape[1];
  return asFloating(c.student.dtype, [&]<class T>(T) {
    if (c.dx.size())
      run(rowGradients<T>, launchOfLines(rows), c.dy.as<T>(), c.student.as<T>(), c.teacher.as<T>(), rows, classes, c.temperature,
          c.dx.as<T>());
  });
}

}  // namespace lowbit
