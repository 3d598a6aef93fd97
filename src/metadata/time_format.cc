#include "metadata/time_format.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "base/check.h"
#include "metadata/names.h"

namespace strom::metadata {

namespace {

constexpr std::array<std::string_view, 5> kFieldNames{"year", "quarter", "month", "day", "hour"};
constexpr std::array<size_t, 5> kFieldWidths{4, 1, 2, 2, 2};

// Letters that the reference's formatter knows but that are no part of partition names. Any other
// letter makes the pattern invalid.
constexpr std::string_view kOtherLetters = "GDYwWEecFaBhKkmsSAnNgVvzOXxZp";
constexpr std::string_view kReserved = "{}#";
constexpr CivilHour kSample{2024, 11, 11, 11};

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string_view DefaultPattern(AutoPartitionUnit unit) {
  constexpr std::array<std::string_view, 5> kPatterns{"yyyy", "yyyyQ", "yyyyMM", "yyyyMMdd",
                                                      "yyyyMMddHH"};
  return kPatterns[static_cast<size_t>(unit)];
}

constexpr CivilHour kFirst{0, 1, 1, 0};
constexpr CivilHour kLast{9999, 12, 31, 23};

CivilHour ShiftedMonths(const CivilHour& time, int64_t months) {
  const int64_t month = int64_t{time.year} * 12 + (time.month - 1) + months;
  if (month < 0) return kFirst;
  if (month / 12 > kLast.year) return kLast;
  const std::chrono::year_month_day_last last_day{
      std::chrono::year(static_cast<int>(month / 12)),
      std::chrono::month_day_last(std::chrono::month(static_cast<unsigned>(month % 12 + 1)))};
  return {static_cast<int32_t>(month / 12), static_cast<int32_t>(month % 12 + 1),
          std::min(time.day, static_cast<int32_t>(static_cast<unsigned>(last_day.day()))),
          time.hour};
}

std::chrono::sys_days DayOf(const CivilHour& time) {
  return std::chrono::year(time.year) / time.month / time.day;
}

CivilHour ShiftedHours(const CivilHour& time, int64_t hours) {
  const auto shifted = DayOf(time) + std::chrono::hours(time.hour + hours);
  if (shifted < DayOf(kFirst)) return kFirst;
  if (shifted >= DayOf(kLast) + std::chrono::days(1)) return kLast;
  const auto day = std::chrono::floor<std::chrono::days>(shifted);
  const std::chrono::year_month_day date{day};
  return {static_cast<int>(date.year()), static_cast<int32_t>(static_cast<unsigned>(date.month())),
          static_cast<int32_t>(static_cast<unsigned>(date.day())),
          static_cast<int32_t>((shifted - day).count())};
}

}  // namespace

class TimeFormatReader {
 public:
  using Field = TimeFormat::Field;

  TimeFormatReader(std::string_view pattern, AutoPartitionUnit unit)
      : pattern_(pattern), unit_(unit) {}

  std::expected<TimeFormat, std::string> Read() {
    std::optional<std::string> problem = Split();
    if (!problem) problem = ProblemOfFields();
    if (!problem) problem = ProblemOfSample();
    if (problem) return std::unexpected(*std::move(problem));
    return std::move(format_);
  }

 private:
  // Into pieces. A pattern that is malformed as such is reported before anything else.
  std::optional<std::string> Split() {
    std::optional<char> unsupported;
    bool brackets = false;
    for (size_t i = 0; i < pattern_.size();) {
      const char c = pattern_[i];
      if (c == '\'') {
        const auto end = Quoted(i);
        if (!end) return Invalid();
        i = *end;
      } else if (IsLetter(c)) {
        size_t width = 1;
        while (i + width < pattern_.size() && pattern_[i + width] == c)
          ++width;
        i += width;
        if (const auto field = FieldOf(c)) {
          format_.pieces_.push_back({*field, width, {}});
        } else if (kOtherLetters.find(c) != std::string_view::npos) {
          unsupported = unsupported.value_or(c);
        } else {
          return Invalid();
        }
      } else {
        if (kReserved.find(c) != std::string_view::npos) return Invalid();
        brackets = brackets || c == '[' || c == ']';
        AddLiteral(c);
        ++i;
      }
    }
    if (brackets) {
      return fmt::format("Time format '{}' must not contain optional sections ('[' or ']').",
                         pattern_);
    }
    if (unsupported) {
      return fmt::format("Time format '{}' contains unsupported time field '{}'.", pattern_,
                         *unsupported);
    }
    return std::nullopt;
  }

  // Position after the quoted text that begins at `begin`, or nothing if it does not end.
  std::optional<size_t> Quoted(size_t begin) {
    const auto quote_at = [&](size_t i) { return i < pattern_.size() && pattern_[i] == '\''; };
    if (quote_at(begin + 1)) {
      AddLiteral('\'');
      return begin + 2;
    }
    for (size_t i = begin + 1; i < pattern_.size(); ++i) {
      if (quote_at(i) && !quote_at(i + 1)) return i + 1;
      if (quote_at(i)) ++i;
      AddLiteral(pattern_[i]);
    }
    return std::nullopt;
  }

  std::optional<std::string> ProblemOfFields() const {
    std::vector<std::string_view> found;
    std::vector<std::string_view> needed;
    for (const auto& piece : format_.pieces_) {
      if (piece.field != Field::kLiteral) found.push_back(NameOf(piece.field));
    }
    for (const Field field : FieldsOf(unit_))
      needed.push_back(NameOf(field));
    if (found != needed) {
      return fmt::format(
          "Time format '{}' must contain fields [{}] in this order for time unit '{}', but found "
          "[{}].",
          pattern_, fmt::join(needed, ", "), TextOf(unit_), fmt::join(found, ", "));
    }
    for (const auto& piece : format_.pieces_) {
      if (piece.field == Field::kLiteral) continue;
      const size_t width = kFieldWidths[static_cast<size_t>(piece.field)];
      if (piece.width != width) {
        return fmt::format("Time field '{}' in format '{}' must have fixed width {}, but found {}.",
                           NameOf(piece.field), pattern_, width, piece.width);
      }
    }
    return std::nullopt;
  }

  std::optional<std::string> ProblemOfSample() const {
    const std::string sample = format_.Format(kSample);
    auto problem = ProblemOfName(sample);
    if (!problem) problem = ProblemOfPrefix(sample);
    if (!problem) return std::nullopt;
    return fmt::format("Time format '{}' generates invalid partition value '{}': {}.", pattern_,
                       sample, *problem);
  }

  std::string Invalid() const {
    return fmt::format("Invalid date-time format pattern '{}'.", pattern_);
  }

  void AddLiteral(char c) {
    auto& pieces = format_.pieces_;
    if (pieces.empty() || pieces.back().field != Field::kLiteral) pieces.emplace_back();
    pieces.back().literal += c;
  }

  static std::optional<Field> FieldOf(char letter) {
    switch (letter) {
      case 'y':
      case 'u':
        return Field::kYear;
      case 'Q':
      case 'q':
        return Field::kQuarter;
      case 'M':
      case 'L':
        return Field::kMonth;
      case 'd':
        return Field::kDay;
      case 'H':
        return Field::kHour;
      default:
        return std::nullopt;
    }
  }

  static std::vector<Field> FieldsOf(AutoPartitionUnit unit) {
    switch (unit) {
      case AutoPartitionUnit::kYear:
        return {Field::kYear};
      case AutoPartitionUnit::kQuarter:
        return {Field::kYear, Field::kQuarter};
      case AutoPartitionUnit::kMonth:
        return {Field::kYear, Field::kMonth};
      case AutoPartitionUnit::kDay:
        return {Field::kYear, Field::kMonth, Field::kDay};
      case AutoPartitionUnit::kHour:
        return {Field::kYear, Field::kMonth, Field::kDay, Field::kHour};
    }
    return {};
  }

  static std::string_view NameOf(Field field) { return kFieldNames[static_cast<size_t>(field)]; }

  std::string_view pattern_;
  AutoPartitionUnit unit_;
  TimeFormat format_;
};

std::expected<TimeFormat, std::string> TimeFormat::Parse(std::string_view pattern,
                                                         AutoPartitionUnit unit) {
  return TimeFormatReader(pattern, unit).Read();
}

CivilHour Shifted(const CivilHour& time, AutoPartitionUnit unit, int32_t units) {
  switch (unit) {
    case AutoPartitionUnit::kYear:
      return ShiftedMonths(time, int64_t{12} * units);
    case AutoPartitionUnit::kQuarter:
      return ShiftedMonths(time, int64_t{3} * units);
    case AutoPartitionUnit::kMonth:
      return ShiftedMonths(time, units);
    case AutoPartitionUnit::kDay:
      return ShiftedHours(time, int64_t{24} * units);
    case AutoPartitionUnit::kHour:
      return ShiftedHours(time, units);
  }
  return time;
}

TimeFormat TimeFormat::Default(AutoPartitionUnit unit) {
  auto format = Parse(DefaultPattern(unit), unit);
  STROM_CHECK(format.has_value());
  return *std::move(format);
}

std::string TimeFormat::Format(const CivilHour& time) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    switch (piece.field) {
      case Field::kYear:
        text += fmt::format("{:04}", time.year);
        break;
      case Field::kQuarter:
        text += fmt::format("{}", time.quarter());
        break;
      case Field::kMonth:
        text += fmt::format("{:02}", time.month);
        break;
      case Field::kDay:
        text += fmt::format("{:02}", time.day);
        break;
      case Field::kHour:
        text += fmt::format("{:02}", time.hour);
        break;
      case Field::kLiteral:
        text += piece.literal;
        break;
    }
  }
  return text;
}

}  // namespace strom::metadata
