// The SLB kernels (choice.h) on the card, one pass over the logits each. A thread has up to four neighbouring weights of a block with all
// their logits and what an optimizer keeps of them in registers, read before anything is computed; memory is the limit.
#include "../../cpu/f32/updateRules.h"
#include "../../cuda/few.cuh"
#include "../../cuda/reduce.cuh"
#include "../../op.h"
#include "choice.h"

namespace lowbit {
namespace {

// Weights of a thread that has K logits of each.
template <int K> constexpr int kWeights = K <= 4 ? 4 : K == 8 ? 2 : 1;

// The logits of W weights.
template <class T, int K, int W> struct Logits {
  Few<T, W> of[K];

  Logits() = default;
  DEVICE explicit Logits(const T* at) {
    each<K>([&](auto c) { of[c] = readFew<W>(at + c * kBlock); });
  }
  DEVICE void write(T* at) const {
    each<K>([&](auto c) { writeFew(at + c * kBlock, of[c]); });
  }
  DEVICE Choice<K, T> choice(int w, T temperature, const T* values) const {
    Choice<K, T> made(temperature, values);
    each<K>([&](auto c) { made.logits[c] = of[c].of[w]; });
    return made;
  }
};

// body(at, i, Index<W>()) for the weights i, ... i + W - 1, whose logits are at `at`; W is 1 for the last ones.
template <int K, class F> DEVICE void eachWeights(int64_t size, F body) {
  constexpr int W = kWeights<K>;
  const auto logitsAt = [](int64_t i) { return i / kBlock * K * kBlock + i % kBlock; };
  FOR_EACH(group, size / W) body(logitsAt(group * W), group * W, Index<W>());
  FOR_EACH(last, size % W) body(logitsAt(size / W * W + last), size / W * W + last, Index<1>());
}
template <int K> Launch launchOfWeights(int64_t size) { return launchOver(size / kWeights<K> + 1); }

template <class T, int K>
__global__ void expectations(const T* __restrict__ logits, const T* __restrict__ values, T* __restrict__ weight, int64_t size,
                             T temperature, bool hard) {
  eachWeights<K>(size, [&](int64_t at, int64_t i, auto width) {
    const Logits<T, K, width> all(logits + at);
    Few<T, width> out;
    each<width>([&](auto w) {
      auto choice = all.choice(w, temperature, values);
      out.of[w] = hard ? choice.decided() : choice.expected();
    });
    writeFew(weight + i, out);
  });
}

template <class T, int K>
__global__ void gradients(const T* __restrict__ dy, const T* __restrict__ logits, const T* __restrict__ values, T* __restrict__ dlogits,
                          int64_t size, T temperature) {
  eachWeights<K>(size, [&](int64_t at, int64_t i, auto width) {
    Logits<T, K, width> all(logits + at);
    const auto g = readFew<width>(dy + i);
    each<width>([&](auto w) {
      auto choice = all.choice(w, temperature, values);
      choice.expected();
      choice.eachGradient(g.of[w], [&](auto c, T d) { all.of[c].of[w] = d; });
    });
    all.write(dlogits + at);
  });
  // Past the last weight there is nothing to choose.
  const int64_t real = size % kBlock;
  if (real == 0) return;
  FOR_EACH(place, K * kBlock) {
    if (place % kBlock >= real) dlogits[size / kBlock * K * kBlock + place] = 0;
  }
}

template <class T, int K>
__global__ void confidences(const T* __restrict__ logits, const T* __restrict__ values, T* __restrict__ y, int64_t size, T temperature) {
  eachWeights<K>(size, [&](int64_t at, int64_t i, auto width) {
    const Logits<T, K, width> all(logits + at);
    Few<T, width> out;
    each<width>([&](auto w) {
      auto choice = all.choice(w, temperature, values);
      choice.expected();
      out.of[w] = choice.confidence();
    });
    writeFew(y + i, out);
  });
}

template <class T, int K> __global__ void selections(const T* __restrict__ logits, uint8_t* __restrict__ codes, int64_t size) {
  eachWeights<K>(size, [&](int64_t at, int64_t i, auto width) {
    const Logits<T, K, width> all(logits + at);
    Few<uint8_t, width> out;
    each<width>([&](auto w) {
      T most = all.of[0].of[w];
      int best = K == 1 && most > 0;
      each<K - 1>([&](auto c) {
        const T logit = all.of[c + 1].of[w];
        if (logit > most) best = c + 1, most = logit;
      });
      out.of[w] = static_cast<uint8_t>(best);
    });
    writeFew(codes + i, out);
  });
}

// An optimizer's rule and the tensors it keeps beside the logits.
template <class R, class Constants, int kept> struct Search {
  using Rule = R;
  static constexpr int kKept = kept;
  Constants constants;
  float* states[2];
};

// The gradient of the logits, the rule's step on them, and the weight of the next step.
template <int K, class S>
__global__ void __launch_bounds__(256)
    searchSteps(float* __restrict__ weight, const float* __restrict__ gradient, float* __restrict__ logits,
                const float* __restrict__ values, const float* __restrict__ control, int64_t size, float temperature, bool hard, S search) {
  if (isLeftOut(control)) return;
  const typename S::Rule rule(search.constants, control);
  eachWeights<K>(size, [&](int64_t at, int64_t i, auto width) {
    constexpr int W = width;
    Logits<float, K, W> all(logits + at), slopes, states[2];
    each<S::kKept>([&](auto k) { states[k] = Logits<float, K, W>(search.states[k] + at); });
    const auto g = readFew<W>(gradient + i);
    Few<float, W> next;
    each<W>([&](auto w) {
      auto choice = all.choice(w, temperature, values);
      choice.expected();
      choice.eachGradient(g.of[w], [&](auto c, float d) { slopes.of[c].of[w] = d; });
      each<K>([&](auto c) {
        float &logit = all.of[c].of[w], slope = slopes.of[c].of[w];
        if constexpr (S::kKept == 0) rule.step(logit, slope);
        if constexpr (S::kKept == 1) rule.step(logit, slope, states[0].of[c].of[w]);
        if constexpr (S::kKept == 2) rule.step(logit, slope, states[0].of[c].of[w], states[1].of[c].of[w]);
      });
      auto after = all.choice(w, temperature, values);
      next.of[w] = hard ? after.decided() : after.expected();
    });
    all.write(logits + at);
    each<S::kKept>([&](auto k) { states[k].write(search.states[k] + at); });
    writeFew(weight + i, next);
  });
}

template <class Call, class S> bool searchOnCard(const Call& c, S search) {
  const int64_t size = c.weight.size();
  checkLogits(c.logits, c.values, size);
  EXPECT(isFloats(c.weight, size) && isFloats(c.gradient, size) && isFloats(c.logits, c.logits.size()) && isControl(c.control));
  withLogits(c.logits.shape[1], [&](auto k) {
    run(searchSteps<k, S>, launchOfWeights<k>(size), c.weight.template as<float>(), c.gradient.template as<float>(),
        c.logits.template as<float>(), c.values.template as<float>(), c.control.template as<float>(), size, c.temperature, c.hard != 0,
        search);
  });
  return true;
}

}  // namespace

bool slbExpectation_cuda(const slbExpectation_call& c) {
  const int64_t size = c.weight.size();
  checkLogits(c.logits, c.values, size);
  return asFloating(c.logits.dtype, [&]<class T>(T) {
    withLogits(c.logits.shape[1], [&](auto k) {
      run(expectations<T, k>, launchOfWeights<k>(size), c.logits.as<T>(), c.values.as<T>(), c.weight.as<T>(), size, c.temperature,
          c.mode != 0);
    });
  });
}

bool slbExpectationGrad_cuda(const slbExpectationGrad_call& c) {
  const int64_t size = c.dy.size();
  checkLogits(c.logits, c.values, size);
  EXPECT(c.dlogits.size() == c.logits.size());
  return asFloating(c.logits.dtype, [&]<class T>(T) {
    withLogits(c.logits.shape[1], [&](auto k) {
      run(gradients<T, k>, launchOfWeights<k>(size), c.dy.as<T>(), c.logits.as<T>(), c.values.as<T>(), c.dlogits.as<T>(), size,
          c.temperature);
    });
  });
}

bool slbConfidence_cuda(const slbConfidence_call& c) {
  const int64_t size = c.y.size();
  checkLogits(c.logits, c.values, size);
  return asFloating(c.logits.dtype, [&]<class T>(T) {
    withLogits(c.logits.shape[1], [&](auto k) {
      run(confidences<T, k>, launchOfWeights<k>(size), c.logits.as<T>(), c.values.as<T>(), c.y.as<T>(), size, c.temperature);
    });
  });
}

bool slbSelect_cuda(const slbSelect_call& c) {
  const int64_t size = c.codes.size();
  EXPECT(c.logits.rank == 3 && c.logits.shape[2] == kBlock && c.logits.shape[0] == (size + kBlock - 1) / kBlock);
  return asFloating(c.logits.dtype, [&]<class T>(T) {
    withLogits(c.logits.shape[1],
               [&](auto k) { run(selections<T, k>, launchOfWeights<k>(size), c.logits.as<T>(), c.codes.as<uint8_t>(), size); });
  });
}

bool slbSgdUpdate_cuda(const slbSgdUpdate_call& c) {
  const SgdConstants constants(c);
  if (constants.momentum == 0) return searchOnCard(c, Search<SgdRule, SgdConstants, 0>{constants, {}});
  EXPECT(isFloats(c.velocity, c.logits.size()));
  return searchOnCard(c, Search<SgdRule, SgdConstants, 1>{constants, {c.velocity.as<float>()}});
}

bool slbAdamUpdate_cuda(const slbAdamUpdate_call& c) {
  EXPECT(isFloats(c.m, c.logits.size()) && isFloats(c.v, c.logits.size()));
  return searchOnCard(c, Search<AdamRule, AdamConstants, 2>{AdamConstants(c), {c.m.as<float>(), c.v.as<float>()}});
}

}  // namespace lowbit
