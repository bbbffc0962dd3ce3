#include "labels.h"

#include <stdexcept>
#include <string>

#include "../../core/check.h"

namespace lowbit {

int64_t countLabels(const View& labels, int64_t classes, int64_t ignored) {
  EXPECT(labels.dtype == Dtype::int32 || labels.dtype == Dtype::int64);
  int64_t count = 0;
  for (int64_t row = 0; row < labels.size(); row++) {
    const int64_t label = labelAt(labels, row);
    if (label == ignored) continue;
    if (label < 0 || label >= classes)
      throw std::out_of_range("label " + std::to_string(label) + " of row " + std::to_string(row) + " is none of the " +
                              std::to_string(classes) + " classes");
    count++;
  }
  return count;
}

}  // namespace lowbit
