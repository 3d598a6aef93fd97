// strom_sim: runs many seeds of the simulation and says which ones broke a promise.
#include <atomic>
#include <charconv>
#include <csignal>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/scenario.h"

namespace strom::sim {
namespace {

constexpr uint64_t kReplayOneIn = 50;

struct Options {
  uint64_t seeds = 1000;
  uint64_t from = 1;
  uint64_t jobs = std::thread::hardware_concurrency();
  uint64_t stop_after = 1;  // violations
  bool verbose = false;
};

thread_local uint64_t running_seed = 0;

// An invariant check that failed ends the process: the seed must be known then.
void TellSeed(int signal) {
  char text[64];
  const auto end =
      fmt::format_to_n(text, sizeof(text), "seed {} ended the process\n", running_seed);
  (void)!::write(STDERR_FILENO, text, end.size);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

struct Sums {
  std::mutex mutex;
  uint64_t seeds = 0;
  uint64_t violations = 0;
  uint64_t replayed = 0;
  uint64_t acknowledged = 0;
  uint64_t upserted = 0;
  uint64_t read = 0;
  uint64_t lives = 0;
  uint64_t crashes = 0;
  uint64_t steps = 0;
};

void Add(Sums& sums, uint64_t seed, const Outcome& outcome, bool replayed, bool verbose) {
  const std::scoped_lock lock(sums.mutex);
  ++sums.seeds;
  sums.replayed += replayed ? 1 : 0;
  sums.acknowledged += outcome.acknowledged;
  sums.upserted += outcome.upserted;
  sums.read += outcome.read;
  sums.lives += outcome.lives;
  sums.crashes += outcome.crashes;
  sums.steps += outcome.steps;
  if (verbose) {
    fmt::print(
        "seed {}: {} rows appended, {} upserted, {} read, {} lives, {} crashes, {} steps, trace "
        "{:016x} ({})\n",
        seed, outcome.acknowledged, outcome.upserted, outcome.read, outcome.lives, outcome.crashes,
        outcome.steps, outcome.trace, outcome.profile);
  }
  if (outcome.violation.empty()) return;
  ++sums.violations;
  fmt::print("VIOLATION seed {}: {} ({})\n  again: ./dev sim --from {} --seeds 1 --verbose\n", seed,
             outcome.violation, outcome.profile, seed);
}

int Run(const Options& options) {
  ConfigureLog(options.verbose ? LogLevel::kInfo : LogLevel::kOff, LogFormat::kText);
  std::signal(SIGABRT, TellSeed);
  std::signal(SIGSEGV, TellSeed);
  Sums sums;
  std::atomic<uint64_t> next{options.from};
  std::atomic<bool> enough{false};
  const auto work = [&] {
    for (;;) {
      const uint64_t seed = next.fetch_add(1);
      if (seed >= options.from + options.seeds || enough.load()) return;
      running_seed = seed;
      Outcome outcome = RunScenario(seed);
      const bool replay = seed % kReplayOneIn == 0 || options.verbose;
      if (replay && RunScenario(seed).trace != outcome.trace && outcome.violation.empty()) {
        outcome.violation = "a second run of the seed went another way";
      }
      Add(sums, seed, outcome, replay, options.verbose);
      if (sums.violations >= options.stop_after) enough = true;
    }
  };
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < std::max<uint64_t>(options.jobs, 1); ++i)
    threads.emplace_back(work);
  for (std::thread& thread : threads)
    thread.join();
  fmt::print(
      "{} seeds, {} violations: {} rows appended, {} upserted, {} read, {} lives, {} crashes, {} "
      "steps, {} seeds replayed\n",
      sums.seeds, sums.violations, sums.acknowledged, sums.upserted, sums.read, sums.lives,
      sums.crashes, sums.steps, sums.replayed);
  return sums.violations == 0 ? 0 : 1;
}

}  // namespace
}  // namespace strom::sim

int main(int argc, char** argv) {
  strom::sim::Options options;
  const auto usage = [] {
    fmt::print(stderr,
               "usage: strom_sim [--seeds N] [--from S] [--jobs J] [--stop-after V] [--verbose]\n");
    return 2;
  };
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--verbose") {
      options.verbose = true;
      continue;
    }
    uint64_t* value = name == "--seeds"        ? &options.seeds
                      : name == "--from"       ? &options.from
                      : name == "--jobs"       ? &options.jobs
                      : name == "--stop-after" ? &options.stop_after
                                               : nullptr;
    if (value == nullptr || i + 1 >= argc) return usage();
    const std::string_view text = argv[++i];
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), *value);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return usage();
  }
  return strom::sim::Run(options);
}
