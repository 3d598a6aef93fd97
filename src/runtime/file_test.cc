// The contract of files (file.h), on every runtime.
#include "runtime/file.h"

#include "runtime/contract_test.h"
#include "runtime/sync.h"

namespace strom::runtime {
namespace {

class Files : public RuntimeContract {
 protected:
  using Body = std::function<void(FileSystem&)>;

  void WithFiles(const Body& body) {
    Run([&]() -> Task<void> {
      body(ThisShard().files());
      co_return;
    });
  }
};
STROM_ON_EVERY_RUNTIME(Files);

void Write(FileSystem& files, const std::string& path, std::string_view text) {
  auto file = files.Open(path, OpenMode::kCreateTruncate);
  ASSERT_TRUE(file) << file.error().message;
  const std::array pieces{AsBytes(text)};
  ASSERT_TRUE((*file)->WriteAt(0, pieces));
}

std::string ContentOf(FileSystem& files, const std::string& path) {
  auto content = ReadFile(files, path);
  return content ? std::string(AsText(*content)) : content.error().message;
}

std::string MessageOf(const Status& status) {
  return status ? "ok" : status.error().message;
}
template <class T>
std::string MessageOf(const Result<T>& result) {
  return result ? "ok" : result.error().message;
}

TEST_P(Files, PiecesAreWrittenBackToBackAtTheOffset) {
  WithFiles([&](FileSystem& files) {
    auto file = files.Open(PathOf("a"), OpenMode::kCreate);
    ASSERT_TRUE(file);
    const std::array pieces{AsBytes("one"), AsBytes(""), AsBytes("two")};
    ASSERT_TRUE((*file)->WriteAt(0, pieces));
    ASSERT_TRUE((*file)->WriteAt(8, std::array{AsBytes("three")}));
    ASSERT_TRUE((*file)->WriteAt(1, std::array{AsBytes("NE")}));
    ASSERT_TRUE((*file)->WriteAt(3, std::span<const ByteView>()));
    EXPECT_EQ((*file)->Size(), 13U);
    EXPECT_EQ(ContentOf(files, PathOf("a")), std::string("oNEtwo\0\0three", 13));
  });
}

TEST_P(Files, MorePiecesThanOneSystemCallTakesAreWrittenAll) {
  WithFiles([&](FileSystem& files) {
    Bytes source(5000);
    for (size_t i = 0; i < source.size(); ++i)
      source[i] = static_cast<uint8_t>(i * 7);
    std::vector<ByteView> pieces;
    for (size_t at = 0; at < source.size(); at += 2)
      pieces.push_back(ByteView(source).subspan(at, 2));
    auto file = files.Open(PathOf("many"), OpenMode::kCreate);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->WriteAt(0, pieces));
    auto content = ReadFile(files, PathOf("many"));
    ASSERT_TRUE(content);
    EXPECT_EQ(*content, source);
  });
}

TEST_P(Files, AReadIsShortOnlyAtTheEndOfTheFile) {
  WithFiles([&](FileSystem& files) {
    Write(files, PathOf("a"), "0123456789");
    auto file = files.Open(PathOf("a"), OpenMode::kRead);
    ASSERT_TRUE(file);
    Bytes out(4);
    EXPECT_EQ((*file)->ReadAt(2, out), 4U);
    EXPECT_EQ(AsText(out), "2345");
    EXPECT_EQ((*file)->ReadAt(8, out), 2U);
    EXPECT_EQ(AsText(ByteView(out).first(2)), "89");
    EXPECT_EQ((*file)->ReadAt(10, out), 0U);
    EXPECT_EQ((*file)->ReadAt(1000, out), 0U);
  });
}

TEST_P(Files, TruncateCutsAndExtendsWithZeros) {
  WithFiles([&](FileSystem& files) {
    Write(files, PathOf("a"), "0123456789");
    auto file = files.Open(PathOf("a"), OpenMode::kReadWrite);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->Truncate(3));
    EXPECT_EQ(ContentOf(files, PathOf("a")), "012");
    ASSERT_TRUE((*file)->Truncate(5));
    EXPECT_EQ(ContentOf(files, PathOf("a")), std::string("012\0\0", 5));
  });
}

TEST_P(Files, OpenModesSayWhatHappensToAFileThatIsThereAndToOneThatIsNot) {
  WithFiles([&](FileSystem& files) {
    const std::string path = PathOf("a");
    const std::string missing = fmt::format("Cannot open '{}': no such file or directory.", path);
    EXPECT_EQ(MessageOf(files.Open(path, OpenMode::kRead)), missing);
    EXPECT_EQ(MessageOf(files.Open(path, OpenMode::kReadWrite)), missing);
    EXPECT_EQ(files.Open(path, OpenMode::kRead).error().code, ErrorCode::kStorage);
    EXPECT_TRUE(files.Open(path, OpenMode::kCreate));
    Write(files, path, "kept");
    EXPECT_TRUE(files.Open(path, OpenMode::kRead));
    EXPECT_TRUE(files.Open(path, OpenMode::kReadWrite));
    EXPECT_TRUE(files.Open(path, OpenMode::kCreate));
    EXPECT_EQ(ContentOf(files, path), "kept");
    EXPECT_TRUE(files.Open(path, OpenMode::kCreateTruncate));
    EXPECT_EQ(ContentOf(files, path), "");
  });
}

TEST_P(Files, OpenNamesThePathAndTheReason) {
  WithFiles([&](FileSystem& files) {
    Write(files, PathOf("file"), "x");
    ASSERT_TRUE(files.CreateDirectories(PathOf("dir")));
    EXPECT_EQ(MessageOf(files.Open(PathOf("dir"), OpenMode::kReadWrite)),
              fmt::format("Cannot open '{}': is a directory.", PathOf("dir")));
    EXPECT_EQ(MessageOf(files.Open(PathOf("file/below"), OpenMode::kCreate)),
              fmt::format("Cannot open '{}': not a directory.", PathOf("file/below")));
    EXPECT_EQ(MessageOf(files.Open(PathOf("no/file"), OpenMode::kCreate)),
              fmt::format("Cannot open '{}': no such file or directory.", PathOf("no/file")));
  });
}

TEST_P(Files, AFileOpenForReadingRefusesChanges) {
  WithFiles([&](FileSystem& files) {
    Write(files, PathOf("a"), "kept");
    auto file = files.Open(PathOf("a"), OpenMode::kRead);
    ASSERT_TRUE(file);
    EXPECT_EQ(MessageOf((*file)->WriteAt(0, std::array{AsBytes("new")})),
              fmt::format("Cannot write to '{}': bad file descriptor.", PathOf("a")));
    EXPECT_EQ(MessageOf((*file)->Truncate(0)),
              fmt::format("Cannot truncate '{}': invalid argument.", PathOf("a")));
    EXPECT_EQ(ContentOf(files, PathOf("a")), "kept");
  });
}

TEST_P(Files, SyncAndSyncNowSucceedAndMaySyncSideBySide) {
  int synced = 0;
  Run([&]() -> Task<void> {
    auto file = ThisShard().files().Open(PathOf("a"), OpenMode::kCreate);
    STROM_CO_ASSERT(file);
    STROM_CO_ASSERT((*file)->WriteAt(0, std::array{AsBytes("abc")}));
    EXPECT_TRUE((*file)->SyncNow());
    std::vector<Task<Status>> syncs;
    for (int i = 0; i < 3; ++i)
      syncs.push_back((*file)->Sync());
    for (const Status& status : co_await WhenAll(std::move(syncs)))
      synced += status ? 1 : 0;
    EXPECT_TRUE(ThisShard().files().SyncDirectory(folder()));
  });
  EXPECT_EQ(synced, 3);
}

TEST_P(Files, AMappingSeesTheFileGrowAndOutlivesItsHandle) {
  WithFiles([&](FileSystem& files) {
    Write(files, PathOf("a"), "first ");
    std::shared_ptr<const Mapping> mapping;
    ByteView early;
    {
      auto file = files.Open(PathOf("a"), OpenMode::kReadWrite);
      ASSERT_TRUE(file);
      auto mapped = (*file)->Map(1 << 20);
      ASSERT_TRUE(mapped);
      mapping = *mapped;
      EXPECT_EQ(mapping->size(), 1U << 20);
      early = mapping->View(0, 6);
      EXPECT_EQ(AsText(early), "first ");
      ASSERT_TRUE((*file)->WriteAt(6, std::array{AsBytes("second")}));
      EXPECT_EQ(AsText(mapping->View(0, 12)), "first second");
      ASSERT_TRUE((*file)->WriteAt(100'000, std::array{AsBytes("far")}));
      ASSERT_TRUE((*file)->WriteAt(0, std::array{AsBytes("FIRST")}));
    }
    EXPECT_EQ(AsText(mapping->View(100'000, 3)), "far");
    EXPECT_EQ(AsText(early), "FIRST ");
    EXPECT_TRUE(mapping->View(1 << 20, 0).empty());
  });
}

TEST_P(Files, MappingsOfOneFileShareItsBytesWhateverTheirCapacity) {
  WithFiles([&](FileSystem& files) {
    auto file = files.Open(PathOf("a"), OpenMode::kCreate);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->WriteAt(0, std::array{AsBytes("0123456789")}));
    auto small = (*file)->Map(4096);
    auto large = (*file)->Map(uint64_t{1} << 30);
    ASSERT_TRUE(small && large);
    ASSERT_TRUE((*file)->WriteAt(5, std::array{AsBytes("XYZ")}));
    EXPECT_EQ(AsText((*small)->View(0, 10)), "01234XYZ89");
    EXPECT_EQ(AsText((*large)->View(0, 10)), "01234XYZ89");
    EXPECT_EQ(MessageOf((*file)->Map(0)),
              fmt::format("Cannot map '{}': invalid argument.", PathOf("a")));
  });
}

TEST_P(Files, AMappingStaysReadableAfterTheFileIsRemoved) {
  WithFiles([&](FileSystem& files) {
    Write(files, PathOf("a"), "still here");
    auto file = files.Open(PathOf("a"), OpenMode::kRead);
    ASSERT_TRUE(file);
    auto mapping = (*file)->Map(10);
    ASSERT_TRUE(mapping);
    ASSERT_TRUE(files.Remove(PathOf("a")));
    EXPECT_EQ(AsText((*mapping)->View(0, 10)), "still here");
    Bytes out(10);
    EXPECT_EQ((*file)->ReadAt(0, out), 10U);
    EXPECT_EQ(AsText(out), "still here");
    EXPECT_EQ(files.Exists(PathOf("a")), false);
  });
}

TEST_P(Files, AListIsSortedAndTellsFoldersFromFiles) {
  WithFiles([&](FileSystem& files) {
    Write(files, PathOf("b"), "12345");
    Write(files, PathOf("a"), "");
    ASSERT_TRUE(files.CreateDirectories(PathOf("c/d")));
    auto entries = files.List(folder());
    ASSERT_TRUE(entries);
    ASSERT_EQ(entries->size(), 3U);
    EXPECT_EQ((*entries)[0].name, "a");
    EXPECT_EQ((*entries)[1].name, "b");
    EXPECT_EQ((*entries)[1].size_bytes, 5U);
    EXPECT_FALSE((*entries)[1].is_directory);
    EXPECT_EQ((*entries)[2].name, "c");
    EXPECT_TRUE((*entries)[2].is_directory);
    EXPECT_EQ((*entries)[2].size_bytes, 0U);
    EXPECT_EQ(MessageOf(files.List(PathOf("no"))),
              fmt::format("Cannot list '{}': no such file or directory.", PathOf("no")));
    EXPECT_EQ(MessageOf(files.List(PathOf("a"))),
              fmt::format("Cannot list '{}': not a directory.", PathOf("a")));
  });
}

TEST_P(Files, ExistsKnowsFilesAndFolders) {
  WithFiles([&](FileSystem& files) {
    Write(files, PathOf("file"), "");
    Write(files, PathOf("seven"), "7 bytes");
    EXPECT_EQ(*files.SizeOf(PathOf("file")), 0U);
    EXPECT_EQ(*files.SizeOf(PathOf("seven")), 7U);
    EXPECT_EQ(*files.SizeOf(folder()), 0U);
    EXPECT_EQ(*files.SizeOf(PathOf("no")), std::nullopt);
    EXPECT_EQ(files.Exists(PathOf("file")), true);
    EXPECT_EQ(files.Exists(folder()), true);
    EXPECT_EQ(files.Exists(PathOf("no")), false);
    EXPECT_EQ(files.Exists(PathOf("file/below")), false);
  });
}

TEST_P(Files, CreateDirectoriesMakesParentsAndAcceptsWhatIsThere) {
  WithFiles([&](FileSystem& files) {
    EXPECT_TRUE(files.CreateDirectories(PathOf("a/b/c")));
    EXPECT_TRUE(files.CreateDirectories(PathOf("a/b/c")));
    EXPECT_TRUE(files.CreateDirectories(PathOf("a/b/d/")));
    EXPECT_EQ(files.Exists(PathOf("a/b/d")), true);
    Write(files, PathOf("file"), "");
    EXPECT_EQ(MessageOf(files.CreateDirectories(PathOf("file"))),
              fmt::format("Cannot create directory '{}': not a directory.", PathOf("file")));
    EXPECT_EQ(MessageOf(files.CreateDirectories(PathOf("file/sub"))),
              fmt::format("Cannot create directory '{}': not a directory.", PathOf("file")));
  });
}

TEST_P(Files, RenameReplacesTheTarget) {
  WithFiles([&](FileSystem& files) {
    Write(files, PathOf("new"), "new");
    Write(files, PathOf("old"), "old");
    auto open_before = files.Open(PathOf("old"), OpenMode::kRead);
    ASSERT_TRUE(open_before);
    EXPECT_TRUE(files.Rename(PathOf("new"), PathOf("old")));
    EXPECT_EQ(ContentOf(files, PathOf("old")), "new");
    EXPECT_EQ(files.Exists(PathOf("new")), false);
    Bytes out(3);
    EXPECT_EQ((*open_before)->ReadAt(0, out), 3U);
    EXPECT_EQ(AsText(out), "old");
    ASSERT_TRUE(files.CreateDirectories(PathOf("dir/inner")));
    EXPECT_TRUE(files.Rename(PathOf("dir"), PathOf("moved")));
    EXPECT_EQ(files.Exists(PathOf("moved/inner")), true);
    EXPECT_TRUE(files.Rename(PathOf("old"), PathOf("moved/old")));
    EXPECT_EQ(ContentOf(files, PathOf("moved/old")), "new");
  });
}

TEST_P(Files, ARefusedRenameNamesBothPaths) {
  WithFiles([&](FileSystem& files) {
    EXPECT_EQ(MessageOf(files.Rename(PathOf("no"), PathOf("to"))),
              fmt::format("Cannot rename '{}' to '{}': no such file or directory.", PathOf("no"),
                          PathOf("to")));
    ASSERT_TRUE(files.CreateDirectories(PathOf("dir")));
    Write(files, PathOf("file"), "");
    EXPECT_EQ(
        MessageOf(files.Rename(PathOf("file"), PathOf("dir"))),
        fmt::format("Cannot rename '{}' to '{}': is a directory.", PathOf("file"), PathOf("dir")));
    EXPECT_EQ(
        MessageOf(files.Rename(PathOf("dir"), PathOf("file"))),
        fmt::format("Cannot rename '{}' to '{}': not a directory.", PathOf("dir"), PathOf("file")));
    EXPECT_EQ(MessageOf(files.Rename(PathOf("dir"), PathOf("dir/below"))),
              fmt::format("Cannot rename '{}' to '{}': invalid argument.", PathOf("dir"),
                          PathOf("dir/below")));
  });
}

TEST_P(Files, RemoveTakesOneFileOnly) {
  WithFiles([&](FileSystem& files) {
    Write(files, PathOf("a"), "x");
    EXPECT_TRUE(files.Remove(PathOf("a")));
    EXPECT_EQ(MessageOf(files.Remove(PathOf("a"))),
              fmt::format("Cannot remove '{}': no such file or directory.", PathOf("a")));
    ASSERT_TRUE(files.CreateDirectories(PathOf("dir")));
    EXPECT_EQ(MessageOf(files.Remove(PathOf("dir"))),
              fmt::format("Cannot remove '{}': is a directory.", PathOf("dir")));
  });
}

TEST_P(Files, RemoveAllTakesAFolderWithEverythingInIt) {
  WithFiles([&](FileSystem& files) {
    ASSERT_TRUE(files.CreateDirectories(PathOf("dir/a/b")));
    Write(files, PathOf("dir/a/file"), "x");
    Write(files, PathOf("dirt"), "stays");
    EXPECT_TRUE(files.RemoveAll(PathOf("dir")));
    EXPECT_EQ(files.Exists(PathOf("dir")), false);
    EXPECT_EQ(ContentOf(files, PathOf("dirt")), "stays");
    EXPECT_TRUE(files.RemoveAll(PathOf("dir")));
  });
}

TEST_P(Files, SyncDirectoryNeedsAFolder) {
  WithFiles([&](FileSystem& files) {
    EXPECT_TRUE(files.SyncDirectory(folder()));
    EXPECT_EQ(MessageOf(files.SyncDirectory(PathOf("no"))),
              fmt::format("Cannot open directory '{}': no such file or directory.", PathOf("no")));
    Write(files, PathOf("file"), "");
    EXPECT_EQ(MessageOf(files.SyncDirectory(PathOf("file"))),
              fmt::format("Cannot open directory '{}': not a directory.", PathOf("file")));
  });
}

TEST_P(Files, ALockIsHeldOnceUntilItGoes) {
  WithFiles([&](FileSystem& files) {
    {
      auto lock = files.Lock(PathOf("lock"));
      ASSERT_TRUE(lock);
      auto second = files.Lock(PathOf("lock"));
      ASSERT_FALSE(second);
      EXPECT_EQ(second.error().code, ErrorCode::kOperationNotAttempted);
      EXPECT_EQ(second.error().message,
                fmt::format("Cannot lock '{}': another process holds it. Stop that one or use "
                            "another folder.",
                            PathOf("lock")));
    }
    EXPECT_TRUE(files.Lock(PathOf("lock")));
    EXPECT_EQ(MessageOf(files.Lock(PathOf("no/lock"))),
              fmt::format("Cannot open '{}': no such file or directory.", PathOf("no/lock")));
  });
}

TEST_P(Files, UsageTellsTheRoomOfTheDisk) {
  WithFiles([&](FileSystem& files) {
    auto usage = files.Usage(folder());
    ASSERT_TRUE(usage);
    EXPECT_GT(usage->total_bytes, 0U);
    EXPECT_LE(usage->available_bytes, usage->total_bytes);
    EXPECT_EQ(
        MessageOf(files.Usage(PathOf("no"))),
        fmt::format("Cannot get the disk usage of '{}': no such file or directory.", PathOf("no")));
  });
}

TEST_P(Files, ReplaceFileLeavesTheNewContentAndNothingElse) {
  WithFiles([&](FileSystem& files) {
    EXPECT_TRUE(ReplaceFile(files, PathOf("a"), AsBytes("first, and longer")));
    EXPECT_EQ(ContentOf(files, PathOf("a")), "first, and longer");
    EXPECT_TRUE(ReplaceFile(files, PathOf("a"), AsBytes("second")));
    EXPECT_EQ(ContentOf(files, PathOf("a")), "second");
    auto entries = files.List(folder());
    ASSERT_TRUE(entries);
    EXPECT_EQ(entries->size(), 1U);
    EXPECT_EQ(MessageOf(ReplaceFile(files, PathOf("no/a"), AsBytes("x"))),
              fmt::format("Cannot open '{}.tmp': no such file or directory.", PathOf("no/a")));
  });
}

}  // namespace
}  // namespace strom::runtime
