// Distillation: with p and q the softmax of a row of student / T and teacher / T, in double,
//   loss = T²·Σ q·(log q − log p) / rows          dstudent = T·(p − q)·dy / rows
#include <cmath>
#include <vector>

#include "../../core/interleaved.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "real.h"

namespace lowbit {
namespace {

// log softmax of a row over T: (x − m) / T − log Σ e^((x − m) / T)
template <class T> struct LogSoftmax {
  const T* x;
  double most = -INFINITY, temperature, logarithm;

  LogSoftmax(const T* row, int64_t classes, double divisor) : x(row), temperature(divisor) {
    for (int64_t j = 0; j < classes; j++) most = x[j] > most ? static_cast<double>(x[j]) : most;
    InterleavedSum sum;
    for (int64_t j = 0; j < classes; j++) sum.add(j, std::exp((x[j] - most) / temperature));
    logarithm = std::log(sum.total());
  }
  double operator[](int64_t j) const { return (x[j] - most) / temperature - logarithm; }
};

template <class F> void eachRow(int64_t rows, int64_t classes, F body) {
  parallel(rows, 2048 / (classes + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) body(row);
  });
}

}  // namespace

bool distillation_reference(const distillation_call& c) {
  const int64_t rows = c.student.shape[0], classes = c.student.shape[1];
  const double temperature = c.temperature;
  return withFloat(c.student.dtype, [&]<class T>(T) {
    std::vector<double> losses(static_cast<size_t>(rows));
    eachRow(rows, classes, [&](int64_t row) {
      const LogSoftmax<T> p(c.student.as<T>() + row * classes, classes, temperature),
          q(c.teacher.as<T>() + row * classes, classes, temperature);
      InterleavedSum sum;
      for (int64_t j = 0; j < classes; j++) {
        const double weight = std::exp(q[j]);
        if (weight != 0) sum.addProduct(j, weight, q[j] - p[j]);
      }
      losses[row] = sum.total();
    });
    double sum = 0;
    for (const double loss : losses) sum += loss;
    c.loss.as<T>()[0] = static_cast<T>(temperature * temperature * sum / static_cast<double>(rows));
  });
}

bool distillationGrad_reference(const distillationGrad_call& c) {
  const int64_t rows = c.student.shape[0], classes = c.student.shape[1];
  const double temperature = c.temperature;
  return withFloat(c.student.dtype, [&]<class T>(T) {
    const double factor = temperature * static_cast<double>(c.dy.as<T>()[0]) / static_cast<double>(rows);
    eachRow(rows, classes, [&](int64_t row) {
      const LogSoftmax<T> p(c.student.as<T>() + row * classes, classes, temperature),
          q(c.teacher.as<T>() + row * classes, classes, temperature);
      T* dx = c.dx.as<T>() + row * classes;
      for (int64_t j = 0; j < classes; j++) dx[j] = static_cast<T>((std::exp(p[j]) - std::exp(q[j])) * factor);
    });
  });
}

}  // namespace lowbit
