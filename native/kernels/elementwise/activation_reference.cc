// Activation functions with their ONNX parameters, computed in double and rounded once. Comparisons are written so that NaN
// stays NaN. sigmoid, silu and gelu are in smooth_reference.cc.
#include <cmath>

#include "../../op.h"
#include "activation.h"
#include "map.h"

namespace lowbit {

// y = clamp(alpha·x + beta, 0, 1)
bool hardSigmoid_reference(const hardSigmoid_call& c) {
  const double alpha = c.alpha, beta = c.beta;
  return mapReal(c.x, c.y, [=](double x) { return clampToUnit(alpha * x + beta); });
}

// y = x·clamp(x / 6 + 1/2, 0, 1)
bool hardSwish_reference(const hardSwish_call& c) {
  return mapReal(c.x, c.y, [](double x) { return x * clampToUnit(x / 6 + 0.5); });
}

// y = x, or alpha·x below 0
bool leakyRelu_reference(const leakyRelu_call& c) {
  const double alpha = c.alpha;
  return mapReal(c.x, c.y, [=](double x) { return x < 0 ? alpha * x : x; });
}

// y = x, or alpha·(e^x - 1) below 0
bool elu_reference(const elu_call& c) {
  const double alpha = c.alpha;
  return mapReal(c.x, c.y, [=](double x) { return x < 0 ? alpha * std::expm1(x) : x; });
}

// y = gamma·elu(x)
bool selu_reference(const selu_call& c) {
  const double alpha = c.alpha, gamma = c.gamma;
  return mapReal(c.x, c.y, [=](double x) { return gamma * (x < 0 ? alpha * std::expm1(x) : x); });
}

// y = x, or alpha·(e^(x / alpha) - 1) below 0
bool celu_reference(const celu_call& c) {
  const double alpha = c.alpha;
  return mapReal(c.x, c.y, [=](double x) { return x < 0 ? alpha * std::expm1(x / alpha) : x; });
}

// y = log(1 + e^x)
bool softplus_reference(const softplus_call& c) {
  return mapReal(c.x, c.y, [](double x) { return logOnePlusExp(x); });
}

// y = x / (1 + |x|)
bool softsign_reference(const softsign_call& c) {
  return mapReal(c.x, c.y, [](double x) { return x / (1 + std::fabs(x)); });
}

// y = x·tanh(log(1 + e^x))
bool mish_reference(const mish_call& c) {
  return mapReal(c.x, c.y, [](double x) { return x * std::tanh(logOnePlusExp(x)); });
}

// y = x above alpha, else 0
bool thresholdedRelu_reference(const thresholdedRelu_call& c) {
  const double alpha = c.alpha;
  return mapReal(c.x, c.y, [=](double x) { return x > alpha ? x : 0; });
}

}  // namespace lowbit
