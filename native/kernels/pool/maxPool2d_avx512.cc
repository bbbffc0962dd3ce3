// The largest code of each window, 64 channels at a time.
#include <immintrin.h>

#include "pool.h"

namespace lowbit {
namespace {

template <bool SIGNED> INLINE __m512i larger(__m512i a, __m512i b) { return SIGNED ? _mm512_max_epi8(a, b) : _mm512_max_epu8(a, b); }

template <bool SIGNED> void maxCodes(const maxPool2d_call& call) {
  EXPECT(call.x.rank == 4 && call.y.rank == 4 && call.x.dim(0) == call.y.dim(0) && call.x.dim(3) == call.y.dim(3));
  const Window rows = rowsOf(call, call.x), columns = columnsOf(call, call.x);
  const uint8_t* in = call.x.as<uint8_t>();
  uint8_t* out = call.y.as<uint8_t>();
  const int64_t height = call.y.dim(1), width = call.y.dim(2), channels = call.y.dim(3);
  const int64_t rowStep = rows.dilation * columns.input * channels, tapStep = columns.dilation * channels;
  const __m512i lowest = _mm512_set1_epi8(SIGNED ? -128 : 0);
  parallel(call.y.dim(0) * height * width, kElementGrain / (channels * rows.kernel * columns.kernel + 1) + 1,
           [=](int64_t begin, int64_t end) {
             for (int64_t pixel = begin; pixel < end; pixel++) {
               const int64_t j = pixel % width, i = pixel / width % height, n = pixel / width / height;
               const Inside vertical = rows.taps(i), horizontal = columns.taps(j);
               const int64_t row = n * rows.input + rows.start(i) + vertical.first * rows.dilation;
               const int64_t origin = (row * columns.input + columns.start(j) + horizontal.first * columns.dilation) * channels;
               for (int64_t c = 0; c < channels; c += 64) {
                 const __mmask64 some = channels - c >= 64 ? ~0ull : (1ull << (channels - c)) - 1;
                 __m512i best = lowest;
                 const uint8_t* line = in + origin + c;
                 for (int64_t r = vertical.first; r < vertical.end; r++, line += rowStep) {
                   const uint8_t* from = line;
                   for (int64_t s = horizontal.first; s < horizontal.end; s++, from += tapStep)
                     best = larger<SIGNED>(best, _mm512_maskz_loadu_epi8(some, from));
                 }
                 _mm512_mask_storeu_epi8(out + pixel * channels + c, some, best);
               }
             }
           });
}

}  // namespace

bool maxPool2d_avx512(const maxPool2d_call& call) {
  if (call.x.dtype == Dtype::uint8) maxCodes<false>(call);
  else if (call.x.dtype == Dtype::int8) maxCodes<true>(call);
  else return false;
  return true;
}

}  // namespace lowbit
