// Strong types for the numbers of the protocol: two of them never mix by accident.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <fmt/format.h>

namespace strom {

template <class Tag, class Rep>
struct StrongId {
  using rep_type = Rep;
  Rep value{};

  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep v) : value(v) {}
  friend constexpr auto operator<=>(StrongId, StrongId) = default;
};

using TableId = StrongId<struct TableIdTag, int64_t>;
using PartitionId = StrongId<struct PartitionIdTag, int64_t>;
using BucketId = StrongId<struct BucketIdTag, int32_t>;  // 0-based within a table or partition
using SchemaId = StrongId<struct SchemaIdTag, int32_t>;  // 1.. per table, fits int16
using WriterId = StrongId<struct WriterIdTag, int64_t>;
using ServerId = StrongId<struct ServerIdTag, int32_t>;
using LeaderEpoch = StrongId<struct LeaderEpochTag, int32_t>;
using CoordinatorEpoch = StrongId<struct CoordinatorEpochTag, int32_t>;

inline constexpr WriterId kNoWriterId{-1};

// A record's position in the log of a bucket. Ends are exclusive.
struct Offset {
  int64_t value = 0;

  constexpr Offset() = default;
  constexpr explicit Offset(int64_t v) : value(v) {}
  friend constexpr auto operator<=>(Offset, Offset) = default;
  friend constexpr Offset operator+(Offset a, int64_t n) { return Offset(a.value + n); }
  friend constexpr Offset operator-(Offset a, int64_t n) { return Offset(a.value - n); }
  friend constexpr int64_t operator-(Offset a, Offset b) { return a.value - b.value; }
};

// Milliseconds since 1970 (UTC), as the protocol carries them.
struct Timestamp {
  int64_t ms = 0;

  constexpr Timestamp() = default;
  constexpr explicit Timestamp(int64_t v) : ms(v) {}
  friend constexpr auto operator<=>(Timestamp, Timestamp) = default;
};

struct TableBucket {
  TableId table;
  std::optional<PartitionId> partition;
  BucketId bucket;

  friend auto operator<=>(const TableBucket&, const TableBucket&) = default;
};

// "table 7 bucket 0" or "table 7 partition 12 bucket 0", for messages.
std::string ToString(const TableBucket& bucket);

struct TablePath {
  std::string database;
  std::string table;

  friend auto operator<=>(const TablePath&, const TablePath&) = default;
};

inline std::string ToString(const TablePath& path) {
  return path.database + "." + path.table;
}

inline uint64_t MixHash(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

}  // namespace strom

template <class Tag, class Rep>
struct std::hash<strom::StrongId<Tag, Rep>> {
  size_t operator()(strom::StrongId<Tag, Rep> id) const {
    return strom::MixHash(static_cast<uint64_t>(id.value));
  }
};

template <>
struct std::hash<strom::TableBucket> {
  size_t operator()(const strom::TableBucket& b) const {
    const uint64_t partition = b.partition ? static_cast<uint64_t>(b.partition->value) + 1 : 0;
    return strom::MixHash(static_cast<uint64_t>(b.table.value) * 0x9e3779b97f4a7c15ULL +
                          strom::MixHash(partition) + static_cast<uint64_t>(b.bucket.value));
  }
};

template <>
struct std::hash<strom::TablePath> {
  size_t operator()(const strom::TablePath& p) const {
    return std::hash<std::string>()(p.database) * 31 + std::hash<std::string>()(p.table);
  }
};

template <class Tag, class Rep>
struct fmt::formatter<strom::StrongId<Tag, Rep>> : fmt::formatter<Rep> {
  auto format(strom::StrongId<Tag, Rep> id, fmt::format_context& context) const {
    return fmt::formatter<Rep>::format(id.value, context);
  }
};

template <>
struct fmt::formatter<strom::Offset> : fmt::formatter<int64_t> {
  auto format(strom::Offset offset, fmt::format_context& context) const {
    return fmt::formatter<int64_t>::format(offset.value, context);
  }
};

template <>
struct fmt::formatter<strom::Timestamp> : fmt::formatter<int64_t> {
  auto format(strom::Timestamp timestamp, fmt::format_context& context) const {
    return fmt::formatter<int64_t>::format(timestamp.ms, context);
  }
};

template <>
struct fmt::formatter<strom::TableBucket> : fmt::formatter<std::string> {
  auto format(const strom::TableBucket& bucket, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(strom::ToString(bucket), context);
  }
};

template <>
struct fmt::formatter<strom::TablePath> : fmt::formatter<std::string> {
  auto format(const strom::TablePath& path, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(strom::ToString(path), context);
  }
};
