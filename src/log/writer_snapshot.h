// Writer state in a file, named by the exclusive end of the log it covers (spec 04, 6.7). One line
// of JSON, which the reference reads too:
//
//   {"version":1,"writer_id_entries":[{"writer_id":3,"last_batch_sequence":7,
//     "last_batch_base_offset":23,"offset_delta":2,"last_batch_timestamp":1700000000000,
//     "earlier_batches":[[6,20,2,1699999999000]]}]}
//
// last_batch_base_offset holds the LAST offset of the writer's newest batch. earlier_batches is
// ours, left out when empty: up to four more, oldest first, each [sequence, last offset, offset
// delta, timestamp], so that a client that retries after a restart is still recognised.
#pragma once

#include <string>
#include <string_view>

#include "log/writer_state.h"

namespace strom::log {

inline constexpr uint64_t kMaxWriterSnapshotBytes = 64 << 20;

// Entries by ascending writer id.
std::string WriteWriterSnapshot(const WriterStates& states);
// kLogStorage if the text is no snapshot of version 1; it may be torn.
Result<WriterStates> ReadWriterSnapshot(std::string_view json);

}  // namespace strom::log
