#include <cstdio>

#include "cli/commands.h"
#include "log/verify.h"
#include "runtime/real.h"

namespace strom::cli {
namespace {

// Runs `work(files)` -> exit code on a runtime of its own: files belong to a shard.
int OnFiles(const std::function<int(runtime::FileSystem&)>& work) {
  auto runtime = runtime::RealRuntime::Create({.shards = 1, .blocking_threads = 1});
  const int code = runtime->Run(
      [&work]() -> runtime::Task<int> { co_return work(runtime::ThisShard().files()); });
  runtime->Stop();
  return code;
}

}  // namespace

int VerifyLog(const std::string& path) {
  return OnFiles([&path](runtime::FileSystem& files) -> int {
    const auto report = log::Verify(files, path);
    if (!report) {
      std::fprintf(stderr, "strom: %s\n", report.error().message.c_str());
      return kUsage;
    }
    for (const log::LogProblem& problem : report->problems) {
      fmt::print("{}: byte {}: {}\n  {}\n", problem.path, problem.position, problem.what,
                 problem.remedy);
    }
    const uint64_t problems = report->problems.size() + report->more_problems;
    fmt::print("{} segments, {} batches, {} records, {} bytes: {}\n", report->segments,
               report->batches, report->records, report->bytes,
               problems == 0 ? "no problem found"
                             : fmt::format("{} problem{}", problems, problems == 1 ? "" : "s"));
    if (report->more_problems > 0)
      fmt::print("Only the first {} are listed.\n", report->problems.size());
    return problems == 0 ? kOk : kDamaged;
  });
}

int DumpLog(const std::string& path) {
  return OnFiles([&path](runtime::FileSystem& files) -> int {
    const Status done = log::ForEachBatch(files, path, [](const log::DumpedBatch& batch) {
      const format::BatchHeader& header = batch.header;
      fmt::print(
          "{{\"position\":{},\"base_offset\":{},\"last_offset\":{},\"bytes\":{},\"magic\":{},"
          "\"commit_timestamp\":{},\"leader_epoch\":{},\"crc\":{},\"crc_fits\":{},\"schema_id\":{},"
          "\"append_only\":{},\"writer_id\":{},\"batch_sequence\":{},\"records\":{},"
          "\"statistics_bytes\":{}}}\n",
          batch.position, header.base_offset, header.last_offset(), header.size_bytes, header.magic,
          header.commit_timestamp, header.leader_epoch, header.crc, batch.crc_fits,
          header.schema_id, header.append_only(), header.writer_id, header.batch_sequence,
          header.record_count, header.statistics_bytes);
      return true;
    });
    if (done) return kOk;
    std::fprintf(stderr, "strom: %s\n", done.error().message.c_str());
    return done.error().code == ErrorCode::kCorruptRecord ? kDamaged : kFailed;
  });
}

}  // namespace strom::cli
