#include "check.h"

#include <cstring>
#include <stdexcept>
#include <string>

namespace lowbit {

void expectFailed(const char* condition, const char* file, int line) {
  const char* slash = std::strrchr(file, '/');
  throw std::logic_error(std::string(slash ? slash + 1 : file) + ":" + std::to_string(line) + " expected " + condition);
}

}  // namespace lowbit
