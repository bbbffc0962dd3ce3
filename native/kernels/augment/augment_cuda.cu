// Training images on the card, a thread for each element of the result; writing memory is the limit.
#include "../../core/types.h"
#include "../../cuda/launch.h"
#include "../../op.h"
#include "crop.h"

namespace lowbit {
namespace {

// Of images (n, channels, height, width).
struct Images {
  int64_t channels, height, width;
};

template <class T>
__global__ void cropImages(const T* __restrict__ x, const int32_t* __restrict__ choices, const T* __restrict__ fill, T* __restrict__ y,
                           int64_t size, Images from, Images to, int64_t mode) {
  FOR_EACH(at, size) {
    const int64_t j = at % to.width, i = at / to.width % to.height, image = at / to.width / to.height;
    const int32_t* choice = choices + image / to.channels * 3;
    const int64_t row = sourceOf(choice[0] + i, from.height, mode);
    const int64_t column = sourceOf(choice[1] + (choice[2] ? to.width - 1 - j : j), from.width, mode);
    y[at] = row < 0 || column < 0 ? fill[image % to.channels] : x[(image * from.height + row) * from.width + column];
  }
}

template <class T>
__global__ void cutSquares(const T* __restrict__ x, const int32_t* __restrict__ places, T* __restrict__ y, int64_t elements, Images images,
                           int64_t size) {
  FOR_EACH(at, elements) {
    const int64_t j = at % images.width, i = at / images.width % images.height;
    const int32_t* place = places + at / images.width / images.height / images.channels * 2;
    const int64_t row = i - place[0], column = j - place[1];
    y[at] = row >= 0 && row < size && column >= 0 && column < size ? T{0} : x[at];
  }
}

template <class T>
__global__ void lookUp(const uint8_t* __restrict__ x, const T* __restrict__ levels, T* __restrict__ y, int64_t size, int64_t channels,
                       int64_t plane) {
  FOR_EACH(i, size) y[i] = levels[i / plane % channels * 256 + x[i]];
}

}  // namespace

bool cropFlip_cuda(const cropFlip_call& c) {
  EXPECT(c.x.rank == 4 && c.y.rank == 4 && c.choices.dtype == Dtype::int32 && c.choices.size() == 3 * c.x.shape[0]);
  EXPECT(c.x.shape[0] == c.y.shape[0] && c.x.shape[1] == c.y.shape[1] && c.fill.size() == c.x.shape[1]);
  const Images from{c.x.shape[1], c.x.shape[2], c.x.shape[3]}, to{c.y.shape[1], c.y.shape[2], c.y.shape[3]};
  const int64_t size = c.y.size(), mode = c.mode.integer();
  if (!size) return true;
  EXPECT(mode == constant || from.height * from.width > 0);
  asBits(c.x.dtype, [&]<class T>(Type<T>) {
    run(cropImages<T>, launchOver(size), c.x.as<T>(), c.choices.as<int32_t>(), c.fill.as<T>(), c.y.as<T>(), size, from, to, mode);
  });
  return true;
}

bool cutout_cuda(const cutout_call& c) {
  EXPECT(c.x.rank == 4 && c.places.dtype == Dtype::int32 && c.places.size() == 2 * c.x.shape[0]);
  const int64_t elements = c.y.size();
  if (!elements) return true;
  asBits(c.x.dtype, [&]<class T>(Type<T>) {
    const Images images{c.x.shape[1], c.x.shape[2], c.x.shape[3]};
    run(cutSquares<T>, launchOver(elements), c.x.as<T>(), c.places.as<int32_t>(), c.y.as<T>(), elements, images, c.size.integer());
  });
  return true;
}

bool lookupLevels_cuda(const lookupLevels_call& c) {
  EXPECT(c.x.dtype == Dtype::uint8 && c.x.rank >= 2 && c.levels.size() == 256 * c.x.shape[1]);
  const int64_t size = c.y.size(), channels = c.x.shape[1], plane = c.x.count(2, c.x.rank);
  if (!size) return true;
  asBits(c.y.dtype, [&]<class T>(Type<T>) {
    run(lookUp<T>, launchOver(size), c.x.as<uint8_t>(), c.levels.as<T>(), c.y.as<T>(), size, channels, plane);
  });
  return true;
}

}  // namespace lowbit
