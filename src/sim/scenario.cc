#include "sim/scenario.h"

#include "kv/memory_store.h"
#include "runtime/sync.h"
#include "sim/clients.h"
#include "sim/faults.h"

namespace strom::sim {
namespace {

using runtime::Task;
using server::TestClient;
using std::chrono::milliseconds;

constexpr int kMaxStartAttempts = 50;
constexpr std::string_view kTable = "t";
constexpr std::string_view kRowTable = "rows";
constexpr uint64_t kMaxSteps = 20'000'000;

class Scenario {
 public:
  explicit Scenario(uint64_t seed)
      : world_(seed),
        profile_(ChooseProfile(world_.random())),
        client_machine_(world_.AddMachine(1)),
        server_(world_, static_cast<int>(world_.random().Between(1, 3)),
                ChooseSettings(world_.random(), profile_)),
        shared_(world_, server_) {
    shared_.buckets.resize(world_.random().Between(1, 3));
    if (profile_.ttl_ms > 0) {
      for (BucketModel& bucket : shared_.buckets)
        bucket.SetTtl(profile_.ttl_ms);
    }
    if (world_.random().Chance(0.6)) AddRowTable();
  }

  Outcome Run() {
    if (!world_.Run(client_machine_, [this] { return Main(); }, kMaxSteps)) {
      shared_.Violate(fmt::format("it got stuck {}", where_));
    }
    Outcome outcome{.violation = shared_.violation,
                    .profile = profile_.ToString(),
                    .trace = world_.trace(),
                    .steps = world_.steps(),
                    .lives = lives_,
                    .crashes = server_.machine().crashes()};
    for (const BucketModel& bucket : shared_.buckets) {
      outcome.acknowledged += bucket.acknowledged();
      outcome.read += bucket.seen();
    }
    for (const RowModel& bucket : shared_.row_buckets) {
      outcome.upserted += bucket.acknowledged();
      outcome.read += bucket.seen();
    }
    return outcome;
  }

 private:
  void AddRowTable() {
    const auto buckets = static_cast<int32_t>(world_.random().Between(1, 2));
    const auto ttl = profile_.ttl_ms > 0 ? std::optional(profile_.ttl_ms) : std::nullopt;
    shared_.row_table.emplace(world_.random(), buckets, ttl);
    shared_.row_buckets.resize(static_cast<size_t>(buckets), RowModel(shared_.row_table->rules()));
    server_.settings().store_engine = kv::MakeMemoryEngine(
        server_.machine().files(), {.flush_every = static_cast<int>(world_.random().Below(30)),
                                    .miss_every = static_cast<int>(world_.random().Below(6))});
  }

  Task<void> Main() {
    runtime::TaskGroup clients;
    SpawnClients(clients);
    const uint64_t lives = world_.random().Between(1, 4);
    for (uint64_t life = 0; life < lives && shared_.violation.empty(); ++life)
      co_await Live();
    where_ = "at the end of the clients";
    shared_.stopping = true;
    co_await clients.Join();
    if (shared_.violation.empty()) co_await Verify();
  }

  void SpawnClients(runtime::TaskGroup& clients) {
    for (size_t bucket = 0; bucket < shared_.row_buckets.size(); ++bucket) {
      const auto number = static_cast<int32_t>(bucket);
      for (uint64_t i = world_.random().Between(1, 3); i > 0; --i)
        clients.Spawn(WriteKeys(shared_, number, world_.random().Chance(0.7)));
      for (uint64_t i = world_.random().Below(3); i > 0; --i)
        clients.Spawn(ReadChanges(shared_, number));
      for (uint64_t i = world_.random().Below(3); i > 0; --i)
        clients.Spawn(LookUpKeys(shared_, number));
    }
    for (size_t bucket = 0; bucket < shared_.buckets.size(); ++bucket) {
      const auto number = static_cast<int32_t>(bucket);
      if (shared_.row_table && world_.random().Chance(0.5)) continue;  // rows alone
      for (uint64_t i = world_.random().Between(1, 3); i > 0; --i)
        clients.Spawn(WriteRows(shared_, number, world_.random().Chance(0.7)));
      for (uint64_t i = world_.random().Below(3); i > 0; --i)
        clients.Spawn(ReadRows(shared_, number));
    }
    if (world_.random().Chance(0.4)) clients.Spawn(ChangeTables(shared_, 1));
    if (world_.random().Chance(0.2)) clients.Spawn(ChangeTables(shared_, 2));
    if (world_.random().Chance(0.2)) clients.Spawn(SendGarbage(shared_));
  }

  // From a start that succeeds to a machine without a process.
  Task<void> Live() {
    ++lives_;
    where_ = fmt::format("in life {}", lives_);
    if (profile_.clock_steps && world_.random().Chance(0.5)) {
      const auto hours = static_cast<int>(world_.random().Below(5)) - 2;
      server_.machine().StepWallClock(std::chrono::hours(hours));
    }
    SetFaults(profile_, shared_.has_tables(), world_, server_.machine());
    if (!co_await StartServer()) co_return;
    if (!shared_.has_tables()) co_await MakeTables();
    SetFaults(profile_, true, world_, server_.machine());
    if (profile_.planned_crashes && world_.random().Chance(0.7)) {
      server_.machine().CrashAfter(world_.random().Between(1, 300), CrashKind());
    }
    const runtime::Instant end = world_.now() + milliseconds(world_.random().Between(2, 150));
    while (world_.now() < end && !server_.machine().down() && shared_.violation.empty())
      co_await runtime::Sleep{milliseconds(1)};
    if (!server_.machine().down() && world_.random().Chance(0.6)) {
      server_.machine().Crash(CrashKind());
    }
    where_ = fmt::format("taking down life {}", lives_);
    const uint64_t crashes = server_.machine().crashes();
    bool crashed = server_.machine().down();
    const Status stopped = co_await server_.TakeDown();
    crashed |= server_.machine().crashes() > crashes;
    if (!crashed && !stopped && !profile_.disk_errors() && !profile_.bit_rot) {
      shared_.Violate(fmt::format("stopping failed: {}", stopped.error().message));
    }
    if (profile_.bit_rot) RotBits();
  }

  // Faults may make starts fail; after enough of them the disk is well again.
  Task<bool> StartServer() {
    for (int attempt = 0; attempt < kMaxStartAttempts; ++attempt) {
      if (attempt == kMaxStartAttempts / 2) {
        SetFaults(profile_, false, world_, server_.machine());
      }
      if (profile_.planned_crashes && attempt < 3 && world_.random().Chance(0.3)) {
        server_.machine().CrashAfter(world_.random().Between(1, 60), CrashKind());
      }
      const Status started = co_await server_.Start();
      if (started) co_return true;
      const bool expected =
          server_.machine().down() || (profile_.disk_errors() && attempt < kMaxStartAttempts / 2);
      (void)co_await server_.TakeDown();
      if (!expected && !profile_.bit_rot) {
        shared_.Violate(fmt::format("a start failed: {}", started.error().message));
        co_return false;
      }
    }
    if (!profile_.bit_rot) shared_.Violate("it does not start any more");
    co_return false;
  }

  Task<void> MakeTables() {
    auto client = co_await TestClient::Connect(server_.endpoint());
    if (!client) {
      NoteTable(kTable, shared_.table, Fail(client.error()));
      co_return;
    }
    NoteTable(kTable, shared_.table,
              co_await (*client)->CreateTable(
                  std::string(kTable), static_cast<int32_t>(shared_.buckets.size()),
                  profile_.ttl_ms > 0 ? fmt::format("{} ms", profile_.ttl_ms) : "7 d"));
    if (!shared_.row_table) co_return;
    NoteTable(kRowTable, shared_.row_table_id,
              co_await shared_.row_table->Create(**client, std::string(kRowTable)));
  }

  void NoteTable(std::string_view name, TableId& table, const Result<TableId>& made) {
    if (made) {
      table = *made;
      shared_.table_ids[made->value] = name;
    } else if (!server_.machine().down()) {
      shared_.Violate(fmt::format("no table {}: {}", name, made.error().message));
    }
  }

  // Without faults everything that was promised is there.
  Task<void> Verify() {
    where_ = "at the last start";
    server_.settings().retention_interval = std::chrono::hours(1);  // what is read twice must stay
    SetFaults(profile_, false, world_, server_.machine());
    if (!co_await StartServer()) co_return;
    server_.machine().CancelCrash();
    where_ = "checking";
    {
      auto client = co_await TestClient::Connect(server_.endpoint());
      if (!client) {
        shared_.Violate(client.error().message);
        co_return;
      }
      for (size_t bucket = 0; bucket < shared_.buckets.size() && shared_.table.value >= 0; ++bucket)
        co_await VerifyBucket(**client, static_cast<int32_t>(bucket));
      IdOwners ids;
      for (size_t bucket = 0;
           bucket < shared_.row_buckets.size() && shared_.row_table_id.value >= 0; ++bucket)
        co_await VerifyRows(**client, static_cast<int32_t>(bucket), ids);
      for (const auto& [name, there] : shared_.tables)
        co_await VerifyTable(**client, name, there);
    }
    where_ = "at the last stop";
    const Status stopped = co_await server_.TakeDown();
    if (!stopped && !profile_.bit_rot) {
      shared_.Violate(fmt::format("stopping failed: {}", stopped.error().message));
    }
  }

  // Damage may be answered with an error, never with rows that are wrong.
  template <class Model>
  void NoteUnreadable(const Model& model, std::string_view kind, int32_t bucket,
                      const Error& error) {
    const bool refused = model.lossy() && error.message.find("served") == std::string::npos;
    if (!refused) shared_.Violate(fmt::format("{} {}: {}", kind, bucket, error.message));
  }

  Task<void> VerifyBucket(TestClient& client, int32_t bucket) {
    BucketModel& model = shared_.buckets[static_cast<size_t>(bucket)];
    const auto whole = co_await ReadBucket(client, shared_.table, bucket);
    if (!whole) {
      NoteUnreadable(model, "bucket", bucket, whole.error());
      co_return;
    }
    // Where the clock stepped back nobody can say how old a row is.
    const Timestamp now =
        profile_.clock_steps ? Timestamp(INT64_MAX) : server_.machine().shard(0).WallClock();
    if (const std::string wrong = model.Complete(whole->start, whole->rows, now); !wrong.empty()) {
      shared_.Violate(fmt::format("bucket {}: {}", bucket, wrong));
      co_return;
    }
    if (!model.lossy()) co_await CheckTimestamps(shared_, client, bucket, whole->rows);
  }

  Task<void> VerifyRows(TestClient& client, int32_t bucket, IdOwners& ids) {
    const RowModel& model = shared_.row_buckets[static_cast<size_t>(bucket)];
    const auto whole = co_await ReadRowBucket(shared_, client, bucket);
    if (!whole) {
      NoteUnreadable(model, "row bucket", bucket, whole.error());
      co_return;
    }
    const std::string wrong =
        model.Complete(whole->start, whole->changelog, whole->rows, whole->row_count, ids);
    if (!wrong.empty()) shared_.Violate(fmt::format("row bucket {}: {}", bucket, wrong));
  }

  Task<void> VerifyTable(TestClient& client, const std::string& name, bool there) {
    wire::pb::TableExistsRequest request;
    request.mutable_table_path()->set_database_name("fluss");
    request.mutable_table_path()->set_table_name(name);
    const auto answer =
        co_await client.Ask<wire::pb::TableExistsResponse>(wire::Api::kTableExists, request);
    if (!answer) {
      shared_.Violate(answer.error().message);
    } else if (answer->exists() != there) {
      shared_.Violate(fmt::format("table {} was {} and is {}", name, there ? "created" : "dropped",
                                  answer->exists() ? "there" : "not there"));
    }
  }

  runtime::SimCrash CrashKind() const {
    return profile_.power_cuts ? runtime::SimCrash::kPower : runtime::SimCrash::kProcess;
  }

  // A few bits of segment files, which makes the affected buckets lossy.
  void RotBits() {
    if (shared_.table.value >= 0) RotBits(kTable, shared_.table, shared_.buckets);
    if (shared_.row_table_id.value >= 0) {
      RotBits(kRowTable, shared_.row_table_id, shared_.row_buckets);
    }
  }

  template <class Model>
  void RotBits(std::string_view name, TableId table, std::vector<Model>& buckets) {
    for (uint64_t i = world_.random().Below(4); i > 0; --i) {
      const size_t bucket = world_.random().Below(buckets.size());
      const std::string folder = fmt::format("/data/fluss/{}-{}/log-{}", name, table, bucket);
      const auto entries = server_.machine().files().List(folder);
      if (!entries || entries->empty()) continue;
      const runtime::DirectoryEntry& file = (*entries)[world_.random().Below(entries->size())];
      if (!file.name.ends_with(".log") || file.size_bytes == 0) continue;
      buckets[bucket].SetLossy();
      server_.machine().FlipBit(folder + "/" + file.name, world_.random().Below(file.size_bytes),
                                static_cast<int>(world_.random().Below(8)));
    }
  }

  runtime::SimWorld world_;
  Profile profile_;
  runtime::SimMachine& client_machine_;
  SimServer server_;
  SharedState shared_;
  uint64_t lives_ = 0;
  std::string where_;
};

}  // namespace

Outcome RunScenario(uint64_t seed) {
  return Scenario(seed).Run();
}

}  // namespace strom::sim
