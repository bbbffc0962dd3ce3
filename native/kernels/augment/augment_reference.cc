// Training images (n, c, h, w) cut, mirrored, masked, and turned from bytes into what a model takes. Bytes and numbers are moved, not
// computed with; one row of an image is the unit of work.
#include <string.h>

#include <algorithm>
#include <vector>

#include "../../core/types.h"
#include "../../cpu/pool.h"
#include "../../op.h"
#include "crop.h"

namespace lowbit {
namespace {

template <class T> void cropRow(const T* from, int64_t width, T* to, int64_t count, int64_t left, bool flip, int64_t mode, T fill) {
  // Columns [begin, end) of the window lie inside the image.
  const int64_t begin = std::clamp<int64_t>(-left, 0, count), end = std::clamp<int64_t>(width - left, begin, count);
  auto outside = [&](int64_t j) {
    const int64_t source = sourceOf(left + j, width, mode);
    return source < 0 ? fill : from[source];
  };
  for (int64_t j = 0; j < begin; j++) to[j] = outside(j);
  if (begin < end) memcpy(to + begin, from + left + begin, static_cast<size_t>(end - begin) * sizeof(T));
  for (int64_t j = end; j < count; j++) to[j] = outside(j);
  if (flip) std::reverse(to, to + count);
}

}  // namespace

// y[n, c, i, j] = x[n, c, top + i, left + (flip ? w - 1 - j : j)] with (top, left, flip) = choices[n] and w columns of y;
// outside the image fill[c], or the image mirrored without its border
bool cropFlip_reference(const cropFlip_call& call) {
  EXPECT(call.x.rank == 4 && call.y.rank == 4 && call.choices.dtype == Dtype::int32 && call.choices.size() == 3 * call.x.shape[0]);
  EXPECT(call.x.shape[0] == call.y.shape[0] && call.x.shape[1] == call.y.shape[1] && call.fill.size() == call.x.shape[1]);
  const int64_t channels = call.x.shape[1], height = call.x.shape[2], width = call.x.shape[3];
  const int64_t rows = call.y.shape[2], columns = call.y.shape[3], mode = call.mode.integer();
  if (!call.y.size()) return true;
  EXPECT(mode == constant || height * width > 0);
  asBits(call.x.dtype, [&]<class T>(Type<T>) {
    parallel(call.y.size() / columns, kElementGrain / columns + 1, [&](int64_t begin, int64_t end) {
      for (int64_t at = begin; at < end; at++) {
        const int64_t image = at / rows, c = image % channels;
        const int32_t* choice = call.choices.as<int32_t>() + image / channels * 3;
        const T fill = call.fill.as<T>()[c];
        T* to = call.y.as<T>() + at * columns;
        const int64_t row = sourceOf(choice[0] + at % rows, height, mode);
        if (row < 0) std::fill_n(to, columns, fill);
        else cropRow(call.x.as<T>() + (image * height + row) * width, width, to, columns, choice[1], choice[2] != 0, mode, fill);
      }
    });
  });
  return true;
}

// y = x, and 0 in the square of `size` pixels whose corner is places[n] = (top, left), as much of it as lies inside the image
bool cutout_reference(const cutout_call& call) {
  EXPECT(call.x.rank == 4 && call.places.dtype == Dtype::int32 && call.places.size() == 2 * call.x.shape[0]);
  const int64_t channels = call.x.shape[1], height = call.x.shape[2], width = call.x.shape[3], size = call.size.integer();
  if (!call.y.size()) return true;
  asBits(call.x.dtype, [&]<class T>(Type<T>) {
    parallel(call.y.size() / width, kElementGrain / width + 1, [&](int64_t begin, int64_t end) {
      for (int64_t at = begin; at < end; at++) {
        const int32_t* place = call.places.as<int32_t>() + at / (channels * height) * 2;
        T* to = call.y.as<T>() + at * width;
        memcpy(to, call.x.as<T>() + at * width, static_cast<size_t>(width) * sizeof(T));
        const int64_t row = at % height - place[0];
        if (row < 0 || row >= size) continue;
        const int64_t first = std::clamp<int64_t>(place[1], 0, width), last = std::clamp<int64_t>(place[1] + size, first, width);
        std::fill(to + first, to + last, T{0});
      }
    });
  });
  return true;
}

// y[n, c, ...] = levels[c, x[n, c, ...]]
bool lookupLevels_reference(const lookupLevels_call& call) {
  EXPECT(call.x.dtype == Dtype::uint8 && call.x.rank >= 2 && call.levels.size() == 256 * call.x.shape[1]);
  const int64_t channels = call.x.shape[1], plane = call.x.count(2, call.x.rank);
  if (!call.y.size()) return true;
  asBits(call.y.dtype, [&]<class T>(Type<T>) {
    parallel(call.y.size() / plane, kElementGrain / plane + 1, [&](int64_t begin, int64_t end) {
      for (int64_t at = begin; at < end; at++) {
        const T* levels = call.levels.as<T>() + at % channels * 256;
        const uint8_t* from = call.x.as<uint8_t>() + at * plane;
        T* to = call.y.as<T>() + at * plane;
        for (int64_t i = 0; i < plane; i++) to[i] = levels[from[i]];
      }
    });
  });
  return true;
}

}  // namespace lowbit
