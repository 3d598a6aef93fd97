// What only the simulated runtime promises: a seed replays, crashes keep what was synced, faults
// happen when they are asked for.
#include "runtime/sim.h"

#include <set>

#include <gtest/gtest.h>

#include "runtime/contract_test.h"
#include "runtime/sync.h"

namespace strom::runtime {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kFolder = "/d";

// Two clients that talk to an echo on another machine, which notes what it got in a file.
uint64_t TraceOfASession(uint64_t seed) {
  SimWorld world(seed);
  SimMachine& server = world.AddMachine(2);
  SimMachine& client = world.AddMachine(2);
  Endpoint endpoint;
  const auto serve = [](std::unique_ptr<PendingConnection> pending) -> Task<void> {
    auto connection = ThisShard().network().Attach(std::move(pending));
    auto file = ThisShard().files().Open("/log", OpenMode::kCreate);
    Bytes buffer(100);
    for (uint64_t at = 0;;) {
      auto got = co_await connection->Read(buffer);
      if (!got || *got == 0) co_return;
      const ByteView piece = ByteView(buffer).first(*got);
      EXPECT_TRUE((*file)->WriteAt(at, {&piece, 1}));
      at += *got;
      EXPECT_TRUE(co_await (*file)->Sync());
      EXPECT_TRUE(co_await connection->Write({&piece, 1}));
    }
  };
  TaskGroup servers;
  EXPECT_TRUE(world.Run(server, [&]() -> Task<void> {
    auto listener = std::shared_ptr(std::move(*ThisShard().network().Listen({"0.0.0.0", 0})));
    endpoint = {server.address(), listener->endpoint().port};
    servers.Spawn([](auto listening, auto& group, auto serve_one) -> Task<void> {
      for (int i = 0; i < 2; ++i)
        group.Spawn(serve_one(std::move(*co_await listening->Accept())));
    }(listener, servers, serve));
    co_return;
  }));
  int echoed = 0;
  EXPECT_TRUE(world.Run(client, [&]() -> Task<void> {
    std::vector<Task<bool>> talks;
    for (int i = 0; i < 2; ++i) {
      talks.push_back(CallOn(ThisShard().peer(ShardId(i)), [&, i]() -> Task<bool> {
        auto connection = co_await ThisShard().network().Connect(endpoint);
        STROM_CHECK(connection);
        for (int round = 0; round < 10; ++round) {
          const Bytes sent(10, static_cast<uint8_t>(i));
          const ByteView piece = sent;
          EXPECT_TRUE(co_await (*connection)->Write({&piece, 1}));
          Bytes back(10);
          for (size_t have = 0; have < back.size();)
            have += *co_await (*connection)->Read(MutableByteView(back).subspan(have));
          echoed += back == sent ? 1 : 0;
        }
        co_return true;
      }));
    }
    co_await WhenAll(std::move(talks));
  }));
  EXPECT_EQ(echoed, 20);
  EXPECT_TRUE(world.Run(server, [&]() -> Task<void> { co_await servers.Join(); }));
  return world.trace();
}

TEST(SimWorld, ASeedReplaysExactlyAndOthersDoOtherThings) {
  std::set<uint64_t> traces;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const uint64_t trace = TraceOfASession(seed);
    EXPECT_EQ(TraceOfASession(seed), trace) << "seed " << seed;
    traces.insert(trace);
  }
  EXPECT_EQ(traces.size(), 20U);
}

TEST(SimWorld, RunTellsWhenNothingCanHappenAnyMore) {
  SimWorld world(1);
  SimMachine& machine = world.AddMachine(1);
  auto event = std::make_unique<Event>();
  EXPECT_FALSE(world.Run(machine, [&]() -> Task<void> { co_await event->Wait(); }));
  // Woken, it ends; nothing is left behind.
  EXPECT_TRUE(world.Run(machine, [&]() -> Task<void> {
    event->Notify();
    co_return;
  }));
  world.Settle();
}

TEST(SimWorld, TimeJumpsToTheNextTimer) {
  SimWorld world(1);
  SimMachine& machine = world.AddMachine(1);
  const Instant start = world.now();
  EXPECT_TRUE(
      world.Run(machine, []() -> Task<void> { co_await Sleep{std::chrono::hours(24 * 365)}; }));
  EXPECT_GE(world.now() - start, std::chrono::hours(24 * 365));
  EXPECT_LT(world.steps(), 10U);
}

TEST(SimWorld, TheWallClockStepsAndTheClockDoesNot) {
  SimWorld world(1);
  SimMachine& machine = world.AddMachine(1);
  EXPECT_TRUE(world.Run(machine, [&]() -> Task<void> {
    const Timestamp wall = ThisShard().WallClock();
    const Instant now = ThisShard().Now();
    machine.StepWallClock(std::chrono::hours(-1));
    EXPECT_EQ(ThisShard().WallClock().ms, wall.ms - 3'600'000);
    EXPECT_EQ(ThisShard().Now(), now);
    co_return;
  }));
}

std::string ContentOf(FileSystem& files, const std::string& path) {
  auto content = ReadFile(files, path);
  return content ? std::string(AsText(*content)) : "missing";
}

// A file with "safe" synced and three sectors of 'm' not, then a crash; what it holds after it, in
// short: per sector of the rest its first byte ('0' for zero), then whether a new file is there.
std::string AfterACrash(uint64_t seed, SimCrash kind) {
  SimWorld world(seed);
  SimMachine& machine = world.AddMachine(1);
  std::string content;
  EXPECT_TRUE(world.Run(machine, [&]() -> Task<void> {
    FileSystem& files = machine.files();
    EXPECT_TRUE(files.CreateDirectories(std::string(kFolder)));
    {
      auto file = files.Open("/d/a", OpenMode::kCreate);
      EXPECT_TRUE((*file)->WriteAt(0, std::array{AsBytes("safe")}));
      EXPECT_TRUE(co_await (*file)->Sync());
      EXPECT_TRUE(files.SyncDirectory(std::string(kFolder)));
      const Bytes more(3 * 512 - 4, 'm');
      EXPECT_TRUE((*file)->WriteAt(4, std::array{ByteView(more)}));
      EXPECT_TRUE(files.Open("/d/new", OpenMode::kCreate));
      machine.Crash(kind);
      EXPECT_FALSE((*file)->WriteAt(9, std::array{AsBytes("ghost")}));
      EXPECT_FALSE(co_await (*file)->Sync());
      EXPECT_FALSE(files.Open("/d/a", OpenMode::kRead));
      machine.Reboot();
      // A handle of an earlier life stays dead.
      EXPECT_FALSE((*file)->WriteAt(9, std::array{AsBytes("ghost")}));
    }
    const std::string found = ContentOf(files, "/d/a");
    content = found.substr(0, 4) + ",";
    for (size_t at = 4; at < found.size(); at += 512 - at % 512)
      content += found[at] == '\0' ? '0' : found[at];
    content += "," + ContentOf(files, "/d/new");
  }));
  return content;
}

TEST(SimDisk, APowerCutKeepsWhatWasSyncedAndAnyPartOfTheRest) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 600; ++seed)
    seen.insert(AfterACrash(seed, SimCrash::kPower));
  // None, all, cut after a sector, a sector that is missing in the middle; with and without the
  // other name.
  for (const std::string_view rest : {"", "mmm", "m", "m0m", "000", "0m0"}) {
    for (const std::string_view other : {"", "missing"}) {
      const std::string expected = fmt::format("safe,{},{}", rest, other);
      EXPECT_TRUE(seen.contains(expected)) << expected;
    }
  }
  for (const std::string& content : seen)
    EXPECT_TRUE(content.starts_with("safe,")) << content;
}

TEST(SimDisk, AKilledProcessLosesNothing) {
  for (uint64_t seed = 0; seed < 20; ++seed)
    EXPECT_EQ(AfterACrash(seed, SimCrash::kProcess), "safe,mmm,");
}

TEST(SimDisk, NamesArriveInOrderAndRenamesWhole) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    SimWorld world(seed);
    SimMachine& machine = world.AddMachine(1);
    FileSystem& files = machine.files();
    ASSERT_TRUE(files.CreateDirectories(std::string(kFolder)));
    ASSERT_TRUE(ReplaceFile(files, "/d/a", AsBytes("old")));
    {
      auto file = files.Open("/d/b", OpenMode::kCreate);
      ASSERT_TRUE((*file)->WriteAt(0, std::array{AsBytes("new")}));
      ASSERT_TRUE((*file)->SyncNow());
    }
    ASSERT_TRUE(files.Rename("/d/b", "/d/a"));
    ASSERT_TRUE(files.Open("/d/c", OpenMode::kCreate));
    machine.Crash(SimCrash::kPower);
    machine.Reboot();
    seen.insert(ContentOf(files, "/d/a") + "," + ContentOf(files, "/d/b") + "," +
                ContentOf(files, "/d/c"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"old,missing,missing", "old,new,missing",
                                         "new,missing,missing", "new,missing,"}));
}

TEST(SimDisk, AFailedSyncForgetsWhatItShouldHaveWritten) {
  bool lost = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimWorld world(seed);
    SimMachine& machine = world.AddMachine(1);
    FileSystem& files = machine.files();
    {
      auto file = files.Open("/a", OpenMode::kCreate);
      ASSERT_TRUE(files.SyncDirectory("/"));
      ASSERT_TRUE((*file)->WriteAt(0, std::array{AsBytes("bytes")}));
      machine.disk_faults.sync_error = 1;
      ASSERT_FALSE((*file)->SyncNow());
      machine.disk_faults.sync_error = 0;
      ASSERT_TRUE((*file)->SyncNow());
      EXPECT_EQ(ContentOf(files, "/a"), "bytes");
    }
    machine.Crash(SimCrash::kPower);
    machine.Reboot();
    lost |= ContentOf(files, "/a") != "bytes";
  }
  EXPECT_TRUE(lost);
}

TEST(SimDisk, AFullDiskTakesWhatFitsAndSaysSo) {
  SimWorld world(1);
  SimMachine& machine = world.AddMachine(1);
  machine.disk_faults.capacity_bytes = 10;
  auto file = machine.files().Open("/a", OpenMode::kCreate);
  ASSERT_TRUE((*file)->WriteAt(0, std::array{AsBytes("12345678")}));
  const Status full = (*file)->WriteAt(8, std::array{AsBytes("9abc")});
  EXPECT_EQ(full.error().message, "Cannot write to '/a': no space left on device.");
  EXPECT_EQ(ContentOf(machine.files(), "/a"), "123456789a");
  EXPECT_EQ(machine.files().Usage("/")->available_bytes, 0U);
}

TEST(SimDisk, APlannedCrashComesAtItsCall) {
  SimWorld world(1);
  SimMachine& machine = world.AddMachine(1);
  machine.CrashAfter(3, SimCrash::kProcess);
  int done = 0;
  {
    auto file = machine.files().Open("/a", OpenMode::kCreate);
    while ((*file)->WriteAt(0, std::array{AsBytes("x")}))
      ++done;
  }
  EXPECT_EQ(done, 1);
  EXPECT_TRUE(machine.down());
  EXPECT_EQ(machine.crashes(), 1U);
  machine.Reboot();
  EXPECT_EQ(ContentOf(machine.files(), "/a"), "x");
}

TEST(SimDisk, AFlippedBitIsSeenByEverybody) {
  SimWorld world(1);
  SimMachine& machine = world.AddMachine(1);
  auto file = machine.files().Open("/a", OpenMode::kCreate);
  ASSERT_TRUE((*file)->WriteAt(0, std::array{AsBytes("abc")}));
  auto mapping = (*file)->Map(100);
  ASSERT_TRUE(machine.FlipBit("/a", 1, 0));
  EXPECT_FALSE(machine.FlipBit("/a", 3, 0));
  EXPECT_FALSE(machine.FlipBit("/b", 0, 0));
  EXPECT_EQ(ContentOf(machine.files(), "/a"), "acc");
  EXPECT_EQ(AsText((*mapping)->View(0, 3)), "acc");
}

TEST(SimNetwork, ACrashBreaksConnectionsAndClosesListeners) {
  SimWorld world(1);
  SimMachine& server = world.AddMachine(1);
  SimMachine& client = world.AddMachine(1);
  std::unique_ptr<Listener> listener;
  EXPECT_TRUE(world.Run(server, [&]() -> Task<void> {
    listener = std::move(*ThisShard().network().Listen({"0.0.0.0", 9123}));
    co_return;
  }));
  EXPECT_TRUE(world.Run(client, [&]() -> Task<void> {
    auto connection = co_await ThisShard().network().Connect({server.address(), 9123});
    STROM_CO_ASSERT(connection);
    server.Crash(SimCrash::kPower);
    Bytes buffer(1);
    EXPECT_FALSE(co_await (*connection)->Read(buffer));
    const ByteView piece = buffer;
    EXPECT_FALSE(co_await (*connection)->Write({&piece, 1}));
    auto again = co_await ThisShard().network().Connect({server.address(), 9123});
    EXPECT_EQ(again.error().message, "Cannot connect to 10.0.0.1:9123: connection refused.");
  }));
  EXPECT_TRUE(world.Run(server, [&]() -> Task<void> {
    EXPECT_FALSE(co_await listener->Accept());
    EXPECT_FALSE(ThisShard().network().Listen({"0.0.0.0", 9123}));
    server.Reboot();
    EXPECT_TRUE(ThisShard().network().Listen({"0.0.0.0", 9123}));
  }));
}

TEST(SimNetwork, ACutEndsAConnectionSooner) {
  SimWorld world(1);
  SimMachine& machine = world.AddMachine(1);
  world.network_faults.cut = 0.1;
  EXPECT_TRUE(world.Run(machine, []() -> Task<void> {
    auto listener = ThisShard().network().Listen({"127.0.0.1", 0});
    auto client = co_await ThisShard().network().Connect((*listener)->endpoint());
    const ByteView piece = AsBytes("x");
    int written = 0;
    while (written < 1000 && co_await (*client)->Write({&piece, 1}))
      ++written;
    EXPECT_LT(written, 1000);
  }));
}

}  // namespace
}  // namespace strom::runtime
