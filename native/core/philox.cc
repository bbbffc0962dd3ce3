// The published known answers (kat_vectors of the authors' Random123), checked by the compiler.
#include "philox.h"

namespace lowbit {
namespace {

constexpr bool gives(Philox got, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return got.word[0] == a && got.word[1] == b && got.word[2] == c && got.word[3] == d;
}

constexpr uint32_t kOnes = 0xffffffff;
static_assert(gives(philox(0, 0, {}), 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
static_assert(gives(philox(kOnes, kOnes, {{kOnes, kOnes, kOnes, kOnes}}), 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
static_assert(gives(philox(0xa4093822, 0x299f31d0, {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}), 0xd16cfe09, 0x94fdcceb, 0x5001e420,
                    0x24126ea1));
// As in test/random.test.ts.
static_assert(gives(philoxBlock(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88), 0xd16cfe09, 0x94fdcceb, 0x5001e420,
                    0x24126ea1));
static_assert(uniformOf(kOnes) < 1 && uniformOf(0) == 0 && uniformOf(0x80000000) == 0.5f);

}  // namespace
}  // namespace lowbit
