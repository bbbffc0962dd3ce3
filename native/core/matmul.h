// The matrices of a numpy matmul: y (batch, m, n) = a (batch, m, k) · b (batch, k, n), each operand with its own broadcast batch. A
// matrix that is `turned` is stored as (k, m) or (n, k).
#pragma once
#include "check.h"
#include "view.h"

namespace lowbit {
namespace {

struct Matmul {
  int64_t m, k, n, batch;
  View a, b, y;
  bool turnedA, turnedB;

  Matmul(const View& left, const View& right, const View& product, bool turnLeft = false, bool turnRight = false)
      : a(left), b(right), y(product), turnedA(turnLeft), turnedB(turnRight) {
    EXPECT((!turnedA || a.rank > 1) && (!turnedB || b.rank > 1));
    m = a.rank > 1 ? a.dim(turnedA ? -1 : -2) : 1;
    k = a.dim(turnedA ? -2 : -1);
    n = b.rank > 1 ? b.dim(turnedB ? -2 : -1) : 1;
    batch = y.count(0, batchRank());
    EXPECT(b.dim(b.rank > 1 && !turnedB ? -2 : -1) == k && y.size() == batch * m * n);
    EXPECT(broadcasts(a) && broadcasts(b));
  }
  // The matrix of an operand that is used for matrix i of y.
  HOST_DEVICE int64_t indexOfA(int64_t i) const { return index(a, i); }
  HOST_DEVICE int64_t indexOfB(int64_t i) const { return index(b, i); }

 private:
  HOST_DEVICE int batchRank() const { return y.rank - (a.rank > 1) - (b.rank > 1); }
  bool broadcasts(const View& operand) const {
    for (int d = batchRank() - 1, e = operand.rank - 3; e >= 0; d--, e--)
      if (d < 0 || (operand.shape[e] != 1 && operand.shape[e] != y.shape[d])) return false;
    return true;
  }
  HOST_DEVICE int64_t index(const View& operand, int64_t i) const {
    int64_t at = 0, step = 1;
    for (int d = batchRank() - 1, e = operand.rank - 3; e >= 0; d--, e--) {
      if (operand.shape[e] > 1) at += i % y.shape[d] * step;
      step *= operand.shape[e];
      i /= y.shape[d];
    }
    return at;
  }
};

}  // namespace
}  // namespace lowbit
