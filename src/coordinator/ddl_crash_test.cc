// Random statements on a disk that loses power at a random moment, many lives in a row. Whatever
// was acknowledged is there afterwards; the statement under way happened completely or not at all.
#include <optional>
#include <random>
#include <set>

#include "coordinator/test_coordinator.h"
#include "runtime/test_runtime.h"

namespace strom::coordinator {
namespace {

using metadata::Catalog;
using metadata::TestDisk;
using runtime::RunOnShard;
using runtime::Task;

// What should be there: databases, their comments and their tables with their ids. The id of a
// table whose creation was not acknowledged is not known.
struct Model {
  std::map<std::string, std::string> comments;
  std::map<TablePath, std::optional<TableId>> tables;
};

Model ModelOf(const Catalog& catalog) {
  Model model;
  for (const std::string& database : catalog.DatabaseNames()) {
    model.comments[database] = catalog.FindDatabase(database)->descriptor.comment.value_or("");
    for (const std::string& name : catalog.TableNames(database)) {
      const TablePath path{database, name};
      model.tables[path] = catalog.FindTable(path)->id;
    }
  }
  return model;
}

// Unknown ids match any.
bool Fits(const Model& expected, const Model& found) {
  if (expected.comments != found.comments || expected.tables.size() != found.tables.size()) {
    return false;
  }
  return std::ranges::all_of(expected.tables, [&](const auto& entry) {
    const auto other = found.tables.find(entry.first);
    return other != found.tables.end() && (!entry.second || entry.second == other->second);
  });
}

class Lives {
 public:
  explicit Lives(uint64_t seed) : random_(seed), disk_(seed) {}

  Task<void> Run(int lives) {
    for (int life = 0; life < lives && !testing::Test::HasFailure(); ++life) {
      disk_.CutPowerAt(disk_.operations() + static_cast<int64_t>(random_() % 60));
      co_await Live();
      disk_.Restart();
    }
    // The last life has a healthy disk: everything can be read.
    co_await Live();
  }

  int acknowledged() const { return acknowledged_; }

 private:
  Task<void> Live() {
    auto started = co_await TestCoordinator::Start(
        disk_, TestSettings(), {}, {.compact_min_bytes = 4000, .compact_factor = 2});
    if (!started) {
      EXPECT_TRUE(disk_.failed_any()) << started.error().message;
      co_return;
    }
    Coordinator& coordinator = *started->coordinator;
    CheckAfterStart(coordinator);
    for (int step = 0; step < 15; ++step) {
      if (random_() % 4 == 0) {
        if (!co_await TakeWriterId(coordinator)) break;
      } else if (!co_await RunStatement(coordinator)) {
        break;
      }
    }
    co_await coordinator.Stop();
  }

  void CheckAfterStart(const Coordinator& coordinator) {
    const Model found = ModelOf(coordinator.catalog());
    EXPECT_TRUE(!expected_ || Fits(*expected_, found) || Fits(*under_way_, found));
    for (const auto& [path, id] : found.tables) {
      const auto table = coordinator.catalog().FindTable(*id);
      EXPECT_EQ(table->path, path);
      EXPECT_EQ(table->assignment.size(), 1U);
      // A table that appears under an id for the first time takes an id nobody had.
      if (!expected_ || !expected_->tables.contains(path)) NoteNewTable(path, *id);
    }
    EXPECT_GT(coordinator.epoch(), epoch_);
    epoch_ = coordinator.epoch();
    expected_ = under_way_ = found;
  }

  void NoteNewTable(const TablePath& path, TableId id) {
    EXPECT_TRUE(table_ids_.insert(id).second) << fmt::format("{} has id {} again", path, id);
  }

  Task<bool> TakeWriterId(Coordinator& coordinator) {
    const auto id = co_await coordinator.NextWriterId();
    if (id) EXPECT_TRUE(writer_ids_.insert(*id).second) << fmt::format("writer id {} again", *id);
    co_return id.has_value();
  }

  // False when the disk is gone.
  Task<bool> RunStatement(Coordinator& coordinator) {
    const std::string database(1, static_cast<char>('a' + random_() % 3));
    const TablePath table{random_() % 2 == 0 ? "fluss" : database,
                          std::string(1, static_cast<char>('t' + random_() % 4))};
    const std::string comment(random_() % 300 + 1, 'c');
    under_way_ = expected_;
    Status status;
    switch (random_() % 6) {
      case 0:
        under_way_->comments.emplace(database, "");
        status = co_await coordinator.CreateDatabase(database, std::nullopt, true);
        break;
      case 1:
        if (under_way_->comments.contains(database)) under_way_->comments[database] = comment;
        status = co_await coordinator.AlterDatabase(database, {}, comment, true);
        break;
      case 2:
        under_way_->comments.erase(database);
        std::erase_if(under_way_->tables,
                      [&](const auto& entry) { return entry.first.database == database; });
        status = co_await coordinator.DropDatabase(database, true, true);
        break;
      case 3:
        under_way_->tables.erase(table);
        status = co_await coordinator.DropTable(table, true);
        break;
      default:
        if (!under_way_->comments.contains(table.database)) co_return true;
        under_way_->tables.emplace(table, std::nullopt);
        status = co_await coordinator.CreateTable(table, LogTableJson(), true);
    }
    if (!status) {
      EXPECT_EQ(status.error().code, ErrorCode::kStorage) << status.error().message;
      EXPECT_TRUE(disk_.failed_any());
      EXPECT_TRUE(Fits(*expected_, ModelOf(coordinator.catalog())));
      co_return false;
    }
    ++acknowledged_;
    const Model found = ModelOf(coordinator.catalog());
    EXPECT_TRUE(Fits(*under_way_, found));
    for (const auto& [path, id] : found.tables) {
      if (!expected_->tables.contains(path)) NoteNewTable(path, *id);
    }
    expected_ = under_way_ = found;
    co_return true;
  }

  std::mt19937_64 random_;
  TestDisk disk_;
  std::optional<Model> expected_;   // none: no life began yet
  std::optional<Model> under_way_;  // as if the last statement had happened
  std::set<TableId> table_ids_;
  std::set<WriterId> writer_ids_;
  CoordinatorEpoch epoch_{-1};
  int acknowledged_ = 0;
};

TEST(CoordinatorCrash, AcknowledgedStatementsSurviveAndIdsNeverRepeat) {
  RunOnShard([]() -> Task<void> {
    int acknowledged = 0;
    for (uint64_t seed = 1; seed <= 100 && !testing::Test::HasFailure(); ++seed) {
      SCOPED_TRACE(fmt::format("seed {}", seed));
      Lives lives(seed);
      co_await lives.Run(20);
      acknowledged += lives.acknowledged();
    }
    EXPECT_GT(acknowledged, 5000);
  });
}

}  // namespace
}  // namespace strom::coordinator
