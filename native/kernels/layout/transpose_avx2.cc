// Matrices turned over, one after another: images from channels first to channels last and back, the keys of an attention. Elements of
// one or four bytes; other permutations are declined.
#include <immintrin.h>

#include "../../core/arithmetic.h"
#include "../../core/check.h"
#include "../../core/unroll.h"
#include "../../cpu/pool.h"
#include "../../op.h"

namespace lowbit {
namespace {

// y (batch, rows, columns) from x (batch, columns, rows)
struct Matrices {
  int64_t batch = 1, rows = 1, columns = 1;
  bool found = false;

  INLINE explicit Matrices(const transpose_call& c) {
    int64_t shape[kMaxRank], steps[kMaxRank];  // of y, and in x; axes that stay neighbours are one
    int rank = 0;
    for (int d = 0; d < c.y.rank; d++) {
      const int64_t size = c.y.shape[d], step = c.x.count(static_cast<int>(c.perm[d]) + 1, c.x.rank);
      if (size == 1) continue;
      if (rank && steps[rank - 1] == size * step) {
        shape[rank - 1] *= size;
        steps[rank - 1] = step;
        continue;
      }
      shape[rank] = size;
      steps[rank++] = step;
    }
    if (rank < 2 || rank > 3) return;
    rows = shape[rank - 2];
    columns = shape[rank - 1];
    if (rank == 3) batch = shape[0];
    found = steps[rank - 2] == 1 && steps[rank - 1] == rows && (rank == 2 || steps[0] == rows * columns);
  }
};

// Few columns: to[row·K + k] = from[k·rows + row], which the compiler makes shuffles of.
template <int K, class T> void join(const T* __restrict from, int64_t rows, int64_t begin, int64_t end, T* __restrict to) {
  for (int64_t row = begin; row < end; row++)
    for (int k = 0; k < K; k++) to[row * K + k] = from[k * rows + row];
}

// Few rows: to[k·columns + column] = from[column·K + k]
template <int K, class T> void split(const T* __restrict from, int64_t columns, int64_t begin, int64_t end, T* __restrict to) {
  for (int64_t column = begin; column < end; column++)
    for (int k = 0; k < K; k++) to[k * columns + column] = from[column * K + k];
}

// to[c][r] = from[r][c] for 16 × 16 bytes: four rounds, each of which interleaves the lines i and i + 8.
INLINE void turn(const uint8_t* from, int64_t fromStep, uint8_t* to, int64_t toStep) {
  __m128i a[16], b[16];
  each<16>([&](auto i) { a[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i * fromStep)); });
  const auto round = [](const __m128i(&in)[16], __m128i(&out)[16]) {
    each<8>([&](auto i) {
      out[2 * i] = _mm_unpacklo_epi8(in[i], in[i + 8]);
      out[2 * i + 1] = _mm_unpackhi_epi8(in[i], in[i + 8]);
    });
  };
  round(a, b);
  round(b, a);
  round(a, b);
  round(b, a);
  each<16>([&](auto i) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i * toStep), a[i]); });
}

// The same for 8 × 8 floats.
INLINE void turn(const uint32_t* from, int64_t fromStep, uint32_t* to, int64_t toStep) {
  __m256 lines[8], pairs[8], quads[8];
  each<8>([&](auto i) { lines[i] = _mm256_loadu_ps(reinterpret_cast<const float*>(from + i * fromStep)); });
  each<4>([&](auto i) {
    pairs[2 * i] = _mm256_unpacklo_ps(lines[2 * i], lines[2 * i + 1]);
    pairs[2 * i + 1] = _mm256_unpackhi_ps(lines[2 * i], lines[2 * i + 1]);
  });
  each<4>([&](auto i) {
    constexpr int at = i / 2 * 4 + i % 2;
    quads[2 * i] = _mm256_shuffle_ps(pairs[at], pairs[at + 2], 0x44);
    quads[2 * i + 1] = _mm256_shuffle_ps(pairs[at], pairs[at + 2], 0xee);
  });
  each<4>([&](auto i) {
    _mm256_storeu_ps(reinterpret_cast<float*>(to + i * toStep), _mm256_permute2f128_ps(quads[i], quads[4 + i], 0x20));
    _mm256_storeu_ps(reinterpret_cast<float*>(to + (i + 4) * toStep), _mm256_permute2f128_ps(quads[i], quads[4 + i], 0x31));
  });
}

template <class T> constexpr int64_t kSquare = sizeof(T) == 1 ? 16 : 8;

// Rows [begin, end) of y.
template <class T> void turnRows(const T* from, int64_t rows, int64_t columns, int64_t begin, int64_t end, T* to) {
  constexpr int64_t kSide = kSquare<T>;
  for (int64_t row = begin; row < end; row += kSide) {
    const int64_t height = smaller(kSide, end - row);
    for (int64_t column = 0; column < columns; column += kSide) {
      const int64_t width = smaller(kSide, columns - column);
      const T* source = from + column * rows + row;
      T* target = to + row * columns + column;
      if (height == kSide && width == kSide) {
        turn(source, rows, target, columns);
        continue;
      }
      for (int64_t r = 0; r < height; r++)
        for (int64_t k = 0; k < width; k++) target[r * columns + k] = source[k * rows + r];
    }
  }
}

template <class T> void transposed(const T* x, T* y, const Matrices& m) {
  const int64_t size = m.rows * m.columns;
  if (m.columns <= 4 || m.rows <= 4) {
    const bool joins = m.columns <= m.rows;
    const int64_t count = joins ? m.rows : m.columns;
    parallel(m.batch * count, kElementGrain, [&](int64_t begin, int64_t end) {
      for (int64_t at = begin, next; at < end; at = next) {
        const int64_t matrix = at / count, first = at % count;
        next = smaller(end, (matrix + 1) * count);
        const int64_t last = next - matrix * count;
        const T* from = x + matrix * size;
        T* to = y + matrix * size;
        switch (joins ? m.columns : m.rows) {
          case 2: joins ? join<2>(from, count, first, last, to) : split<2>(from, count, first, last, to); break;
          case 3: joins ? join<3>(from, count, first, last, to) : split<3>(from, count, first, last, to); break;
          default: joins ? join<4>(from, count, first, last, to) : split<4>(from, count, first, last, to);
        }
      }
    });
    return;
  }
  constexpr int64_t kBand = 4 * kSquare<T>;
  const int64_t bands = ceilDiv(m.rows, kBand);
  parallel(m.batch * bands, 1 + kElementGrain / (kBand * m.columns), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t matrix = i / bands, first = i % bands * kBand;
      turnRows(x + matrix * size, m.rows, m.columns, first, smaller(m.rows, first + kBand), y + matrix * size);
    }
  });
}

}  // namespace

bool transpose_avx2(const transpose_call& c) {
  EXPECT(c.perm.count == c.x.rank && c.y.rank == c.x.rank);
  const Matrices matrices(c);
  if (!matrices.found || !c.y.size()) return false;
  switch (c.y.dtype) {
    case Dtype::float32:
    case Dtype::int32:
    case Dtype::uint32: transposed(c.x.as<uint32_t>(), c.y.as<uint32_t>(), matrices); return true;
    case Dtype::int8:
    case Dtype::uint8:
    case Dtype::boolean: transposed(c.x.as<uint8_t>(), c.y.as<uint8_t>(), matrices); return true;
    default: return false;
  }
}

}  // namespace lowbit
