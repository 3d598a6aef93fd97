#include "base/log.h"

#include <atomic>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace strom {
namespace {

std::atomic<LogLevel> lowest_level{LogLevel::kInfo};
std::atomic<LogFormat> line_format{LogFormat::kText};

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::info;
}

spdlog::logger& Logger() {
  // Standard error: standard output belongs to what commands print for scripts.
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = spdlog::stderr_logger_mt("strom");
    made->set_level(spdlog::level::debug);
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *logger;
}

void AppendQuoted(std::string& out, std::string_view text) {
  out.push_back('"');
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

bool NeedsQuotes(std::string_view text) {
  return text.empty() || text.find_first_of(" \"\\=\t\n\r") != std::string_view::npos;
}

}  // namespace

void ConfigureLog(LogLevel lowest, LogFormat format) {
  lowest_level = lowest;
  line_format = format;
  Logger().set_pattern(format == LogFormat::kJson
                           ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
                           : "%Y-%m-%dT%H:%M:%S.%eZ %l %v",
                       spdlog::pattern_time_type::utc);
}

bool LogEnabled(LogLevel level) {
  return level >= lowest_level.load(std::memory_order_relaxed);
}

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!LogEnabled(level)) return;
  std::string line;
  if (line_format.load(std::memory_order_relaxed) == LogFormat::kJson) {
    line += "\"event\":";
    AppendQuoted(line, event);
    for (const LogField& field : fields) {
      line.push_back(',');
      AppendQuoted(line, field.key);
      line.push_back(':');
      AppendQuoted(line, field.value);
    }
  } else {
    line += event;
    for (const LogField& field : fields) {
      line += ' ';
      line += field.key;
      line += '=';
      if (NeedsQuotes(field.value)) {
        AppendQuoted(line, field.value);
      } else {
        line += field.value;
      }
    }
  }
  Logger().log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace strom
