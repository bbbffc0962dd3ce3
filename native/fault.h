// Faults that TypeScript turns into a LowbitError (lib/calls.ts); the message begins with the code.
#pragma once
#include <exception>
#include <string>

namespace lowbit {

struct Fault : std::exception {
  std::string text;
  Fault(const char* code, const std::string& why) : text(std::string(code) + ": " + why) {}
  const char* what() const noexcept override { return text.c_str(); }
};

}  // namespace lowbit
