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
    if (shared.server.up() && shared.has_tables()) {
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

// Writes to a bucket again and again. `make` makes what a writer sends next; `send` sends it, with
// a sequence or -1, and takes note of it. With a writer id it is sent until it is acknowledged.
template <class Model, class Make, class Send>
Task<void> Write(SharedState& shared, const TableId& table, int32_t bucket, bool idempotent,
                 const Model& model, Make make, Send send) {
  int writer = ++shared.writers;
  WriterId id = kNoWriterId;
  int32_t sequence = 0;
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
      if (!sent_before) make(writer);
      const Status sent = co_await send(*client, id, idempotent ? sequence : -1);
      sent_before = idempotent && !sent;
      if (!sent) {
        if (!model.lossy() && Unexplained(sent.error())) {
          shared.Violate(fmt::format("writer {} of bucket {} of {} got error {}: {}", writer,
                                     bucket, table, static_cast<int>(sent.error().code),
                                     sent.error().message));
        }
        // What got no answer may still be appended, behind what is sent on another connection.
        if (!idempotent) writer = ++shared.writers;
        co_await Pause(shared, kRetryDelay);
        break;
      }
      ++sequence;
      if (shared.world.random().Chance(0.3)) co_await Pause(shared, milliseconds(5));
    }
  }
}

// Reads a bucket again and again. `take` gets the records of an answer and the offset that they
// were asked from, and says how many offsets they cover.
template <class Model, class Take>
Task<void> Tail(SharedState& shared, const TableId& table, int32_t bucket, const Model& model,
                Take take) {
  Offset position(0);
  while (!shared.over()) {
    const auto client = co_await ConnectSometime(shared);
    if (!client) co_return;
    while (!shared.over()) {
      if (shared.world.random().Chance(0.05)) position = Offset(0);
      const auto wait = static_cast<int32_t>(shared.world.random().Below(30));
      const auto fetched = co_await client->Fetch(table, bucket, position, wait);
      if (!fetched) {
        if (fetched.error().code == ErrorCode::kLogOffsetOutOfRange) {
          const auto start = co_await client->ListOffset(table, bucket, 0);
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
      const Result<int64_t> taken = take(fetched->records, position);
      if (!taken) {
        shared.Violate(fmt::format("bucket {} of {}: {}", bucket, table, taken.error().message));
        break;
      }
      position = position + *taken;
      if (*taken > 0 && position > fetched->high_watermark) {
        shared.Violate(
            fmt::format("bucket {} of {}: rows to {} were served above the high watermark {}",
                        bucket, table, position, fetched->high_watermark));
      }
    }
  }
}

Result<std::vector<ReadRow>> ParseRead(ByteView records, Offset from) {
  STROM_TRY(const auto rows, TestClient::ParseRows(records, from));
  std::vector<ReadRow> read;
  for (const auto& row : rows)
    read.push_back({row.offset, RowValue{row.value}, row.timestamp});
  return read;
}

// Everything from the log start on, piece by piece; the start.
template <class Take>
Task<Result<Offset>> ReadLog(TestClient& client, TableId table, int32_t bucket, Take take) {
  STROM_CO_TRY(const Offset start, co_await client.ListOffset(table, bucket, 0));
  STROM_CO_TRY(const Offset end, co_await client.ListOffset(table, bucket, 1));
  for (Offset from = start; from < end;) {
    STROM_CO_TRY(const auto fetched, co_await client.Fetch(table, bucket, from));
    STROM_CO_TRY(const int64_t taken, take(fetched.records, from));
    if (taken == 0) {
      co_return Fail(ErrorCode::kUnknownServerError, "nothing is served at offset {} below {}",
                     from, end);
    }
    from = from + taken;
  }
  co_return start;
}

}  // namespace

Task<void> WriteRows(SharedState& shared, int32_t bucket, bool idempotent) {
  BucketModel& model = shared.buckets[static_cast<size_t>(bucket)];
  uint64_t number = 0;
  RowValue value;
  const auto make = [&](int writer) { value = RowValue::Make(writer, ++number); };
  const auto send = [&](TestClient& client, WriterId id, int32_t sequence) -> Task<Status> {
    model.Sent(value);
    STROM_CO_TRY(const Offset base,
                 co_await client.Produce(shared.table, bucket, value.value, id, sequence));
    shared.Violate(model.Acknowledged(base, value));
    co_return Status{};
  };
  co_await Write(shared, shared.table, bucket, idempotent, model, make, send);
}

Task<void> ReadRows(SharedState& shared, int32_t bucket) {
  BucketModel& model = shared.buckets[static_cast<size_t>(bucket)];
  const auto take = [&model](ByteView records, Offset from) -> Result<int64_t> {
    STROM_TRY(const auto read, ParseRead(records, from));
    if (const std::string wrong = model.Seen(read); !wrong.empty()) {
      return Fail(ErrorCode::kCorruptRecord, "{}", wrong);
    }
    return static_cast<int64_t>(read.size());
  };
  co_await Tail(shared, shared.table, bucket, model, take);
}

Task<void> ReadChanges(SharedState& shared, int32_t bucket) {
  RowModel& model = shared.row_buckets[static_cast<size_t>(bucket)];
  const auto take = [&](ByteView records, Offset from) -> Result<int64_t> {
    STROM_TRY(const auto changes, shared.row_table->ParseChanges(records, from));
    if (const std::string wrong = model.Seen(changes); !wrong.empty()) {
      return Fail(ErrorCode::kCorruptRecord, "{}", wrong);
    }
    return static_cast<int64_t>(changes.size());
  };
  co_await Tail(shared, shared.row_table_id, bucket, model, take);
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

namespace {

// A few changes of the writer's own keys and of those that all write.
std::vector<KeyChange> MakeBatch(runtime::RandomSource& random, int writer, uint64_t& number) {
  std::vector<KeyChange> batch(random.Between(1, 4));
  for (KeyChange& change : batch) {
    const int32_t owner = random.Chance(0.6) ? writer : 0;
    change.key = owner * kKeysPerWriter + static_cast<int32_t>(random.Below(kKeysPerWriter));
    if (random.Chance(0.7)) change.value = RowValue::Make(writer, ++number);
  }
  return batch;
}

std::optional<RowValue> ValueOf(const std::optional<KeyRow>& row) {
  return row && row->value.value != 0 ? std::optional(row->value) : std::nullopt;
}

// What an acknowledged batch wrote must be there for who reads it next.
Task<void> LookUpOwn(SharedState& shared, TestClient& client, int32_t bucket, int writer) {
  const RowModel& model = shared.row_buckets[static_cast<size_t>(bucket)];
  std::vector<int32_t> keys;
  for (int32_t i = 0; i < kKeysPerWriter; ++i)
    keys.push_back(writer * kKeysPerWriter + i);
  const auto found = co_await shared.row_table->LookUp(client, shared.row_table_id, bucket, keys);
  if (!found) {
    if (!model.lossy() && found.error().code == ErrorCode::kCorruptRecord) {
      shared.Violate(fmt::format("bucket {}: {}", bucket, found.error().message));
    }
    co_return;
  }
  for (size_t i = 0; i < keys.size(); ++i)
    shared.Violate(model.LookedUpByOwner(keys[i], ValueOf((*found)[i])));
}

}  // namespace

Task<void> WriteKeys(SharedState& shared, int32_t bucket, bool idempotent) {
  RowModel& model = shared.row_buckets[static_cast<size_t>(bucket)];
  const RowTable& table = *shared.row_table;
  int writer = 0;
  uint64_t number = 0;
  std::vector<KeyChange> batch;
  const auto make = [&](int of_writer) {
    writer = of_writer;
    batch = MakeBatch(shared.world.random(), writer, number);
  };
  const auto send = [&](TestClient& client, WriterId id, int32_t sequence) -> Task<Status> {
    model.Sent(batch);
    STROM_CO_TRY(const Offset end,
                 co_await table.Put(client, shared.row_table_id, bucket, batch, id, sequence));
    model.Acknowledged(batch, end);
    if (shared.world.random().Chance(0.3)) co_await LookUpOwn(shared, client, bucket, writer);
    co_return Status{};
  };
  co_await Write(shared, shared.row_table_id, bucket, idempotent, model, make, send);
}

Task<void> LookUpKeys(SharedState& shared, int32_t bucket) {
  const int reader = ++shared.writers;
  RowModel& model = shared.row_buckets[static_cast<size_t>(bucket)];
  while (!shared.over()) {
    const auto client = co_await ConnectSometime(shared);
    if (!client) co_return;
    while (!shared.over()) {
      std::vector<int32_t> keys(shared.world.random().Between(1, 4));
      const auto known = static_cast<uint64_t>(shared.writers + 1) * kKeysPerWriter;
      for (int32_t& key : keys)
        key = static_cast<int32_t>(shared.world.random().Below(known));
      const auto found =
          co_await shared.row_table->LookUp(*client, shared.row_table_id, bucket, keys);
      if (!found) {
        co_await Pause(shared, kRetryDelay);
        break;
      }
      for (size_t i = 0; i < keys.size(); ++i)
        shared.Violate(model.LookedUp(reader, keys[i], ValueOf((*found)[i])));
      co_await Pause(shared, milliseconds(3));
    }
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
  WholeBucket whole;
  const auto take = [&whole](ByteView records, Offset from) -> Result<int64_t> {
    STROM_TRY(const auto read, ParseRead(records, from));
    whole.rows.insert(whole.rows.end(), read.begin(), read.end());
    return static_cast<int64_t>(read.size());
  };
  STROM_CO_TRY(whole.start, co_await ReadLog(client, table, bucket, take));
  co_return whole;
}

Task<Result<WholeTable>> ReadRowBucket(SharedState& shared, TestClient& client, int32_t bucket) {
  const RowTable& table = *shared.row_table;
  const TableId id = shared.row_table_id;
  WholeTable whole;
  const auto take = [&](ByteView records, Offset from) -> Result<int64_t> {
    STROM_TRY(const auto changes, table.ParseChanges(records, from));
    whole.changelog.insert(whole.changelog.end(), changes.begin(), changes.end());
    return static_cast<int64_t>(changes.size());
  };
  STROM_CO_TRY(whole.start, co_await ReadLog(client, id, bucket, take));
  const auto batch_bytes = static_cast<int32_t>(shared.world.random().Between(1, 1000));
  STROM_CO_TRY(whole.rows, co_await table.Scan(client, id, bucket, batch_bytes));
  STROM_CO_TRY(whole.row_count, co_await table.CountRows(client, id, bucket));
  co_return whole;
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
