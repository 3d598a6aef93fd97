#include "format/record_walk.h"

namespace strom::format {

Parsed<RawRecord> RecordWalk::Stop(std::string_view problem) {
  left_ = 0;
  return std::unexpected(problem);
}

Parsed<RawRecord> RecordWalk::Next() {
  if (records_.size() < sizeof(int32_t)) return Stop("it ends before its last record");
  const auto length = LoadLittle<int32_t>(records_.data());
  records_ = records_.subspan(sizeof(int32_t));
  if (length < 1) return Stop("a record is shorter than its change type");
  if (static_cast<uint32_t>(length) > records_.size()) return Stop("a record ends behind it");
  const uint8_t change = records_[0];
  if (change > kMaxChangeType) return Stop("a change type is not 0 to 4");
  const RawRecord record{static_cast<ChangeType>(change),
                         records_.subspan(1, static_cast<size_t>(length) - 1)};
  records_ = records_.subspan(static_cast<size_t>(length));
  if (--left_ == 0 && !records_.empty()) return Stop("bytes follow its last record");
  return record;
}

}  // namespace strom::format
