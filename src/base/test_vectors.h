// For tests only: golden data under tests/vectors, and the line that says how much of a file
// passed.
#pragma once

#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace strom {

// e.g. "metadata/names.json". A missing or broken file fails the test.
inline nlohmann::ordered_json LoadVectors(std::string_view file) {
  std::ifstream stream(fmt::format("{}/{}", STROM_VECTORS_DIR, file));
  if (!stream) throw std::runtime_error(fmt::format("vector file {} is missing", file));
  return nlohmann::ordered_json::parse(stream);
}

// Counts the cases of one vector file. A case passes when no assertion failed since the last one.
class VectorReport {
 public:
  explicit VectorReport(std::string_view file) : file_(file) {}
  VectorReport(const VectorReport&) = delete;
  VectorReport& operator=(const VectorReport&) = delete;

  // Call after the assertions of a case.
  void CaseDone(const std::string& name) {
    const int failures = CountFailures();
    if (failures == failures_) {
      ++passed_;
    } else {
      std::printf("VECTORS %s: failed: %s\n", file_.c_str(), name.c_str());
    }
    failures_ = failures;
  }
  // A case that waits for another part of the project.
  void Later(std::string name) { later_.push_back(std::move(name)); }

  ~VectorReport() {
    std::string line = fmt::format("VECTORS {}: {} passed", file_, passed_);
    if (!later_.empty()) line += fmt::format(", later: {}", fmt::join(later_, ", "));
    std::printf("%s\n", line.c_str());
  }

 private:
  static int CountFailures() {
    const auto* result = testing::UnitTest::GetInstance()->current_test_info()->result();
    int failures = 0;
    for (int i = 0; i < result->total_part_count(); ++i) {
      if (result->GetTestPartResult(i).failed()) ++failures;
    }
    return failures;
  }

  std::string file_;
  int passed_ = 0;
  int failures_ = 0;
  std::vector<std::string> later_;
};

}  // namespace strom
