#include "moq/bench/process_sample.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace moq::bench {
namespace {

/// The number behind `name` in a `status` file; 0 if it is not there.
std::uint64_t status_number(const std::string& text, const std::string& name) {
  const std::size_t at = text.find("\n" + name + ":");
  return at == std::string::npos ? 0
                                 : std::strtoull(text.c_str() + at + name.size() + 2, nullptr, 10);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

Result<ProcessSample> sample_process(pid_t pid) {
  const std::filesystem::path folder = "/proc/" + std::to_string(pid);
  const std::string stat = read_file(folder / "stat");
  // The second field is the program's name, in brackets, and may hold anything.
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) {
    return fail(Code::not_found, "no process " + std::to_string(pid));
  }
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field;
  for (int i = 3; i < 14; ++i) fields >> field;
  std::uint64_t user_ticks = 0;
  std::uint64_t system_ticks = 0;
  fields >> user_ticks >> system_ticks;
  const auto ticks_per_second = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));

  ProcessSample sample;
  sample.cpu = from_ms((user_ticks + system_ticks) * 1000 / ticks_per_second);
  const std::string status = read_file(folder / "status");
  sample.rss_bytes = status_number(status, "VmRSS") * 1024;
  sample.peak_rss_bytes = status_number(status, "VmHWM") * 1024;
  std::error_code ignored;  // A thread, or the process, may end meanwhile.
  for (const auto& thread : std::filesystem::directory_iterator(folder / "task", ignored)) {
    const std::string text = read_file(thread.path() / "status");
    sample.context_switches += status_number(text, "voluntary_ctxt_switches") +
                               status_number(text, "nonvoluntary_ctxt_switches");
  }
  return sample;
}

}  // namespace moq::bench
