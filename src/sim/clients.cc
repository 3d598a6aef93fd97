#include "sim/clients.h"

namespace strom::sim {
namespace {

using runtime::Task;
using server::TestClient;
using std::chrono::milliseconds;

constexpr runtime::Duration kRetryDelay = milliseconds(3);

// Connected, or null when the scenario is over.
Task<std::unique_ptr<TestClient>> ConnectSometime(SharedState& shared) {
  while (!shared.over()) {
    if (shared.server.up() && shared.table.value >= 0) {
      auto client = co_await TestClient::Connect(shared.server.endpoint());
      if (client) co_return std::move(*client);
    }
    co_await runtime::Sleep{kRetryDelay};
  }
  co_return nullptr;
}

runtime::Sleep Pause(SharedState& shared, runtime::Duration most) {
  return {shared.world.RandomDelay(most)};
}

// Errors that no state of the log explains.
bool Unexplained(const Error& error) {
  return error.code == ErrorCode::kOutOfOrderSequence || error.code == ErrorCode::kCorruptRecord ||
         error.code == ErrorCode::kUnknownTableOrBucket;
}

}  // namespace

Task<void> WriteRows(SharedState& shared, int32_t bucket, bool idempotent) {
  int writer = ++shared.writers;
  BucketModel& model = shared.buckets[static_cast<size_t>(bucket)];
  WriterId id = kNoWriterId;
  int32_t sequence = 0;
  uint64_t number = 0;
  bool sent_before = false;
  while (!shared.over()) {
    const auto client = co_await ConnectSometime(shared);
    if (!client) co_return;
    if (idempotent && id == kNoWriterId) {
      const auto got = co_await client->InitWriter();
      if (!got) continue;
      id = *got;
    }
    while (!shared.over()) {
      if (!sent_before) ++number;
      const RowValue value = RowValue::Make(writer, number);
      model.Sent(value);
      const auto base = co_await client->Produce(shared.table, bucket, value.value, id,
                                                 idempotent ? sequence : -1);
      sent_before = idempotent && !base;
      if (!base) {
        if (!model.lossy() && Unexplained(base.error())) {
          shared.Violate(fmt::format("writer {} of bucket {} got error {}: {}", writer, bucket,
                                     static_cast<int>(base.error().code), base.error().message));
        }
        // What got no answer may still be appended, behind what is sent on another connection.
        if (!idempotent) writer = ++shared.writers;
        co_await Pause(shared, kRetryDelay);
        break;
      }
      ++sequence;
      shared.Violate(model.Acknowledged(*base, value));
      if (shared.world.random().Chance(0.3)) co_await Pause(shared, milliseconds(5));
    }
  }
}

Task<void> ReadRows(SharedState& shared, int32_t bucket) {
  BucketModel& model = shared.buckets[static_cast<size_t>(bucket)];
  Offset position(0);
  while (!shared.over()) {
    const auto client = co_await ConnectSometime(shared);
    if (!client) co_return;
    while (!shared.over()) {
      if (shared.world.random().Chance(0.05)) position = Offset(0);
      const auto wait = static_cast<int32_t>(shared.world.random().Below(30));
      const auto fetched = co_await client->Fetch(shared.table, bucket, position, wait);
      if (!fetched) {
        if (fetched.error().code == ErrorCode::kLogOffsetOutOfRange) {
          const auto start = co_await client->ListOffset(shared.table, bucket, 0);
          if (!start) break;
          if (*start > position) {
            position = *start;
            continue;
          }
          shared.Violate(
              model.lossy() ? "" : fmt::format("bucket {}: {}", bucket, fetched.error().message));
          position = Offset(0);
        }
        co_await Pause(shared, kRetryDelay);
        break;
      }
      const auto rows = TestClient::ParseRows(fetched->records, position);
      if (!rows) {
        shared.Violate(fmt::format("bucket {}: {}", bucket, rows.error().message));
        break;
      }
      std::vector<ReadRow> read;
      for (const auto& row : *rows)
        read.push_back({row.offset, RowValue{row.value}, row.timestamp});
      if (!read.empty() && read.back().offset >= fetched->high_watermark) {
        shared.Violate(fmt::format("bucket {}: offset {} was served above the high watermark {}",
                                   bucket, read.back().offset, fetched->high_watermark));
      }
      shared.Violate(model.Seen(read));
      position = position + static_cast<int64_t>(read.size());
    }
  }
}

Task<void> ChangeTables(SharedState& shared, int client_number) {
  while (!shared.over()) {
    const auto client = co_await ConnectSometime(shared);
    if (!client) co_return;
    while (!shared.over()) {
      const std::string name = fmt::format("c{}_{}", client_number, shared.world.random().Below(3));
      const bool create = shared.world.random().Chance(0.6);
      const auto known = shared.tables.find(name);
      const bool was_there = known != shared.tables.end() && known->second;
      if (known != shared.tables.end()) shared.tables.erase(known);
      const auto waits = shared.unsettled.find(name);
      const bool settled = waits == shared.unsettled.end() || waits->second < shared.server.lives();
      if (create) {
        const auto id = co_await client->CreateTable(name, 2);
        if (!id) {
          shared.unsettled[name] = shared.server.lives();
          break;
        }
        const auto [entry, is_new] = shared.table_ids.emplace(id->value, name);
        if (!is_new && entry->second != name) {
          shared.Violate(fmt::format("tables {} and {} have the id {}", entry->second, name, *id));
        }
        if (settled) shared.tables[name] = true;
      } else {
        wire::pb::DropTableRequest drop;
        drop.mutable_table_path()->set_database_name("fluss");
        drop.mutable_table_path()->set_table_name(name);
        drop.set_ignore_if_not_exists(!was_there);
        const auto dropped =
            co_await client->Ask<wire::pb::DropTableResponse>(wire::Api::kDropTable, drop);
        if (!dropped) {
          if (dropped.error().code == ErrorCode::kTableNotExist) {
            shared.Violate(fmt::format("table {} was created and is not there", name));
          }
          shared.unsettled[name] = shared.server.lives();
          break;
        }
        if (settled) shared.tables[name] = false;
      }
      co_await Pause(shared, milliseconds(20));
    }
    co_await Pause(shared, kRetryDelay);
  }
}

Task<void> SendGarbage(SharedState& shared) {
  while (!shared.over()) {
    co_await Pause(shared, milliseconds(30));
    if (!shared.server.up()) continue;
    auto connection = co_await runtime::ThisShard().network().Connect(shared.server.endpoint());
    if (!connection) continue;
    Bytes bytes(1 + shared.world.random().Below(300));
    for (uint8_t& byte : bytes)
      byte = static_cast<uint8_t>(shared.world.random().Below(256));
    if (shared.world.random().Chance(0.5)) {
      // A plausible length, so that it gets past the frame.
      StoreBig(bytes.data(), static_cast<int32_t>(bytes.size()));
    }
    const ByteView piece = bytes;
    (void)co_await (*connection)->Write({&piece, 1});
  }
}

Task<Result<WholeBucket>> ReadBucket(TestClient& client, TableId table, int32_t bucket) {
  STROM_CO_TRY(const Offset start, co_await client.ListOffset(table, bucket, 0));
  STROM_CO_TRY(const Offset end, co_await client.ListOffset(table, bucket, 1));
  std::vector<ReadRow> rows;
  while (start + static_cast<int64_t>(rows.size()) < end) {
    const Offset from = start + static_cast<int64_t>(rows.size());
    STROM_CO_TRY(const auto fetched, co_await client.Fetch(table, bucket, from));
    STROM_CO_TRY(const auto parsed, TestClient::ParseRows(fetched.records, from));
    if (parsed.empty()) {
      co_return Fail(ErrorCode::kUnknownServerError, "nothing is served at offset {} below {}",
                     from, end);
    }
    for (const auto& row : parsed)
      rows.push_back({row.offset, RowValue{row.value}, row.timestamp});
  }
  co_return WholeBucket{start, std::move(rows)};
}

Task<void> CheckTimestamps(SharedState& shared, TestClient& client, int32_t bucket,
                           const std::vector<ReadRow>& rows) {
  for (int i = 0; i < 5 && !rows.empty(); ++i) {
    const int64_t at = rows[shared.world.random().Below(rows.size())].timestamp.ms;
    const Timestamp wanted(at - 1 + static_cast<int64_t>(shared.world.random().Below(3)));
    const auto found = co_await client.ListOffset(shared.table, bucket, 2, wanted);
    if (!found && found.error().code == ErrorCode::kInvalidTimestamp) continue;  // in the future
    if (!found) {
      shared.Violate(
          fmt::format("bucket {}: no offset for a timestamp: {}", bucket, found.error().message));
      co_return;
    }
    Offset expected = rows.back().offset + 1;
    for (const ReadRow& row : rows) {
      if (row.timestamp >= wanted) {
        expected = row.offset;
        break;
      }
    }
    if (*found != expected) {
      shared.Violate(fmt::format("bucket {}: the first row at or after {} is at {}, told was {}",
                                 bucket, wanted.ms, expected, *found));
    }
  }
}

}  // namespace strom::sim
