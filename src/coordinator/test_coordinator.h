// For tests only: a coordinator on a disk in memory, and table descriptors.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "coordinator/ddl.h"
#include "metadata/journal_store.h"
#include "metadata/test_disk.h"

namespace strom::coordinator {

inline CoordinatorSettings TestSettings() {
  CoordinatorSettings settings;
  settings.remote_data_dir = "file:///r";
  settings.tablet_servers = {ServerId(3)};
  settings.writer_id_block = 5;
  return settings;
}

// One life of a process: store and coordinator. Stop before it goes.
struct TestCoordinator {
  std::unique_ptr<metadata::JournalStore> store;
  std::unique_ptr<Coordinator> coordinator;

  static runtime::Task<Result<TestCoordinator>> Start(
      metadata::TestDisk& disk, CoordinatorSettings settings = TestSettings(),
      Publisher publisher = {}, const metadata::JournalOptions& options = {}) {
    TestCoordinator made;
    STROM_CO_TRY(made.store, metadata::JournalStore::Open(disk, "/data", options));
    STROM_CO_TRY(made.coordinator, co_await Coordinator::Start(*made.store, std::move(settings),
                                                               std::move(publisher)));
    co_return made;
  }

  Coordinator* operator->() const { return coordinator.get(); }
};

// {"version":1,…} of a log table with the columns a INTEGER and b STRING; `members` is put in front
// of the others.
inline std::string LogTableJson(std::string_view members = "") {
  return fmt::format(
      R"({{{}"version":1,"schema":{{"version":1,"columns":[)"
      R"({{"name":"a","data_type":{{"type":"INTEGER"}},"id":0}},)"
      R"({{"name":"b","data_type":{{"type":"STRING"}},"id":1}}],"highest_field_id":1}},)"
      R"("partition_key":[],"properties":{{}},"custom_properties":{{}}}})",
      members);
}

inline void ExpectError(const Status& status, ErrorCode code, std::string_view message) {
  ASSERT_FALSE(status) << message;
  EXPECT_EQ(status.error(), (Error{code, std::string(message)}));
}

}  // namespace strom::coordinator
