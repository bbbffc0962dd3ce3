// How the references walk: y[n, i, j, o] = outputAt(sizes, n, i, j, o), one output at a time.
#pragma once
#include "../../cpu/pool.h"
#include "conv2d.h"

namespace lowbit {
namespace {

bool eachOutput(const Conv& p, float (*outputAt)(const Conv& p, int64_t n, int64_t i, int64_t j, int64_t o)) {
  parallel(p.batch * p.height * p.width, 4096 / (p.depth() * p.out + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t pixel = begin; pixel < end; pixel++) {
      const int64_t j = pixel % p.width, i = pixel / p.width % p.height, n = pixel / p.width / p.height;
      for (int64_t o = 0; o < p.out; o++) p.y[pixel * p.out + o] = outputAt(p, n, i, j, o);
    }
  });
  return true;
}

}  // namespace
}  // namespace lowbit
