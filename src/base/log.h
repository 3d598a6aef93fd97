// Structured logs: one line an event, `time level event key=value …` or JSON (log.output.format).
// Values are quoted when they hold spaces. Safe from any thread; cheap when the level is off.
//   Log(LogLevel::kInfo, "server.started", {{"port", 9123}, {"data_dir", dir}});
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace strom {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kOff };  // kOff: only for ConfigureLog
enum class LogFormat { kText, kJson };

struct LogField {
  std::string_view key;
  std::string value;

  template <class T>
  LogField(std::string_view k, const T& v) : key(k), value(fmt::format("{}", v)) {}
};

void ConfigureLog(LogLevel lowest, LogFormat format);
bool LogEnabled(LogLevel level);
void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace strom
