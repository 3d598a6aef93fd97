#include "kv/roaring_set.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace strom::kv {
namespace {

constexpr size_t kWords = 1024;
constexpr uint32_t kNumbers = 65536;
constexpr uint32_t kMaxArray = 4096;  // above, bits are smaller

std::optional<std::vector<uint16_t>> ReadNumbers(ByteReader& in, size_t count) {
  const auto bytes = in.Take(uint64_t{count} * 2);
  if (!bytes) return std::nullopt;
  std::vector<uint16_t> numbers(count);
  for (size_t i = 0; i < count; ++i)
    numbers[i] = LoadLittle<uint16_t>(bytes->data() + i * 2);
  return numbers;
}

bool ReadRuns(ByteReader& in, RoaringContainer& out) {
  const auto count = in.Little<uint16_t>();
  if (!count) return false;
  auto runs = ReadNumbers(in, size_t{*count} * 2);
  if (!runs) return false;
  out.values = std::move(*runs);
  uint32_t cardinality = 0;
  uint32_t next_free = 0;
  for (size_t i = 0; i < out.values.size(); i += 2) {
    const uint32_t first = out.values[i];
    const uint32_t end = first + out.values[i + 1] + 1;
    if (first < next_free || end > kNumbers) return false;
    cardinality += end - first;
    next_free = end;
  }
  return cardinality == out.cardinality;
}

bool ReadBits(ByteReader& in, RoaringContainer& out) {
  const auto bytes = in.Take(kWords * 8);
  if (!bytes) return false;
  out.words.resize(kWords);
  uint32_t cardinality = 0;
  for (size_t i = 0; i < kWords; ++i) {
    out.words[i] = LoadLittle<uint64_t>(bytes->data() + i * 8);
    cardinality += static_cast<uint32_t>(std::popcount(out.words[i]));
  }
  return cardinality == out.cardinality;
}

bool ReadArray(ByteReader& in, RoaringContainer& out) {
  auto numbers = ReadNumbers(in, out.cardinality);
  if (!numbers) return false;
  out.values = std::move(*numbers);
  return std::ranges::adjacent_find(out.values, std::ranges::greater_equal()) == out.values.end();
}

void SetRange(std::vector<uint64_t>& words, uint32_t first, uint32_t last) {
  const size_t first_word = first / 64;
  const size_t last_word = last / 64;
  const uint64_t from_first = ~uint64_t{0} << (first % 64);
  const uint64_t to_last = ~uint64_t{0} >> (63 - last % 64);
  if (first_word == last_word) {
    words[first_word] |= from_first & to_last;
    return;
  }
  words[first_word] |= from_first;
  for (size_t i = first_word + 1; i < last_word; ++i)
    words[i] = ~uint64_t{0};
  words[last_word] |= to_last;
}

// Adds the container's numbers to 1024 words.
void AddTo(const RoaringContainer& container, std::vector<uint64_t>& words) {
  switch (container.kind) {
    case ContainerKind::kArray:
      for (const uint16_t number : container.values)
        words[number / 64] |= uint64_t{1} << (number % 64);
      break;
    case ContainerKind::kRuns:
      for (size_t i = 0; i < container.values.size(); i += 2) {
        const uint32_t first = container.values[i];
        SetRange(words, first, first + container.values[i + 1]);
      }
      break;
    case ContainerKind::kBits:
      for (size_t i = 0; i < kWords; ++i)
        words[i] |= container.words[i];
      break;
  }
}

size_t CountRuns(const std::vector<uint64_t>& words) {
  size_t runs = 0;
  uint64_t previous_top = 0;
  for (const uint64_t word : words) {
    runs += static_cast<size_t>(std::popcount(word & ~(word << 1 | previous_top)));
    previous_top = word >> 63;
  }
  return runs;
}

size_t CountRuns(const std::vector<uint16_t>& array) {
  size_t runs = array.empty() ? 0 : 1;
  for (size_t i = 1; i < array.size(); ++i)
    runs += array[i] != array[i - 1] + 1 ? 1 : 0;
  return runs;
}

template <class Visit>
void ForEachNumber(const std::vector<uint64_t>& words, Visit visit) {
  for (size_t i = 0; i < kWords; ++i) {
    for (uint64_t rest = words[i]; rest != 0; rest &= rest - 1)
      visit(static_cast<uint16_t>(i * 64 + static_cast<size_t>(std::countr_zero(rest))));
  }
}

// Appends a number that is greater than all before.
void AddToRuns(std::vector<uint16_t>& runs, uint16_t number) {
  if (!runs.empty() && runs[runs.size() - 2] + runs.back() + 1 == number) {
    ++runs.back();
  } else {
    runs.push_back(number);
    runs.push_back(0);
  }
}

bool RunsAreSmaller(size_t runs, uint32_t cardinality) {
  return 2 + runs * 4 < (cardinality <= kMaxArray ? size_t{cardinality} * 2 : kWords * 8);
}

RoaringContainer FromWords(std::vector<uint64_t> words) {
  RoaringContainer made;
  for (const uint64_t word : words)
    made.cardinality += static_cast<uint32_t>(std::popcount(word));
  const size_t runs = CountRuns(words);
  if (RunsAreSmaller(runs, made.cardinality)) {
    made.kind = ContainerKind::kRuns;
    made.values.reserve(runs * 2);
    ForEachNumber(words, [&](uint16_t number) { AddToRuns(made.values, number); });
  } else if (made.cardinality <= kMaxArray) {
    made.values.reserve(made.cardinality);
    ForEachNumber(words, [&](uint16_t number) { made.values.push_back(number); });
  } else {
    made.kind = ContainerKind::kBits;
    made.words = std::move(words);
  }
  return made;
}

RoaringContainer FromArray(std::vector<uint16_t> array) {
  RoaringContainer made{.cardinality = static_cast<uint32_t>(array.size())};
  const size_t runs = CountRuns(array);
  if (!RunsAreSmaller(runs, made.cardinality)) {
    made.values = std::move(array);
    return made;
  }
  made.kind = ContainerKind::kRuns;
  made.values.reserve(runs * 2);
  for (const uint16_t number : array)
    AddToRuns(made.values, number);
  return made;
}

// In its smallest form.
RoaringContainer Shrink(RoaringContainer container) {
  if (container.kind == ContainerKind::kArray && container.cardinality <= kMaxArray) {
    return FromArray(std::move(container.values));
  }
  // Runs that touch each other count as one, so they cannot be taken as they are.
  std::vector<uint64_t> words(kWords);
  AddTo(container, words);
  return FromWords(std::move(words));
}

RoaringContainer Unite(const RoaringContainer& a, const RoaringContainer& b) {
  const bool arrays = a.kind == ContainerKind::kArray && b.kind == ContainerKind::kArray;
  if (arrays && a.cardinality + b.cardinality <= kMaxArray) {
    std::vector<uint16_t> both;
    both.reserve(a.cardinality + b.cardinality);
    std::ranges::set_union(a.values, b.values, std::back_inserter(both));
    return FromArray(std::move(both));
  }
  std::vector<uint64_t> words(kWords);
  AddTo(a, words);
  AddTo(b, words);
  return FromWords(std::move(words));
}

}  // namespace

std::optional<RoaringContainer> ReadContainer(ByteReader& in, ContainerKind kind,
                                              uint32_t cardinality) {
  if (cardinality < 1 || cardinality > kNumbers) return std::nullopt;
  RoaringContainer made{.kind = kind, .cardinality = cardinality};
  bool whole = false;
  switch (kind) {
    case ContainerKind::kRuns:
      whole = ReadRuns(in, made);
      break;
    case ContainerKind::kBits:
      whole = ReadBits(in, made);
      break;
    case ContainerKind::kArray:
      whole = ReadArray(in, made);
      break;
  }
  if (!whole) return std::nullopt;
  return made;
}

void AppendContainer(const RoaringContainer& container, Bytes& out) {
  if (container.kind == ContainerKind::kRuns) {
    AppendLittle(out, static_cast<uint16_t>(container.values.size() / 2));
  }
  size_t at = out.size();
  out.resize(at + container.values.size() * 2 + container.words.size() * 8);
  for (const uint16_t value : container.values) {
    StoreLittle(out.data() + at, value);
    at += 2;
  }
  for (const uint64_t word : container.words) {
    StoreLittle(out.data() + at, word);
    at += 8;
  }
}

RoaringSet Unite(RoaringSet a, RoaringSet b) {
  RoaringSet united;
  united.keys.reserve(a.keys.size() + b.keys.size());
  united.containers.reserve(a.keys.size() + b.keys.size());
  size_t i = 0;
  size_t k = 0;
  while (i < a.keys.size() || k < b.keys.size()) {
    if (k == b.keys.size() || (i < a.keys.size() && a.keys[i] < b.keys[k])) {
      united.keys.push_back(a.keys[i]);
      united.containers.push_back(Shrink(std::move(a.containers[i++])));
    } else if (i == a.keys.size() || b.keys[k] < a.keys[i]) {
      united.keys.push_back(b.keys[k]);
      united.containers.push_back(Shrink(std::move(b.containers[k++])));
    } else {
      united.keys.push_back(a.keys[i]);
      united.containers.push_back(Unite(a.containers[i++], b.containers[k++]));
    }
  }
  return united;
}

std::vector<std::pair<uint64_t, uint64_t>> RangesOf(const RoaringSet& set) {
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (size_t i = 0; i < set.keys.size(); ++i) {
    std::vector<uint64_t> words(kWords);
    AddTo(set.containers[i], words);
    ForEachNumber(words, [&](uint16_t low) {
      const uint64_t number = set.keys[i] << 16 | low;
      if (!ranges.empty() && ranges.back().second + 1 == number) {
        ranges.back().second = number;
      } else {
        ranges.emplace_back(number, number);
      }
    });
  }
  return ranges;
}

}  // namespace strom::kv
