#include "moq/conformance/options.h"

#include <fnmatch.h>

#include <algorithm>
#include <charconv>

namespace moq::conformance {

const std::string_view kUsage =
    "moq-conformance [FLAGS] relay URL\n"
    "\n"
    "Checks the MoQ endpoint at URL (moqt://HOST[:PORT] for raw QUIC, https:// for WebTransport)\n"
    "by scripts that write and check bytes themselves, and reports in TAP 14. Whoever connects\n"
    "must be allowed to publish and to subscribe.\n"
    "\n"
    "  --version NAME         this protocol alone, such as moq-lite-06; repeat (all)\n"
    "  --filter PATTERN       cases that fit, such as 'announce/*'; repeat (all)\n"
    "  --list                 name the cases and the sections they check\n"
    "  --timeout SECONDS      how long a case may wait for one thing (30)\n"
    "  --tls-root FILE        trust this authority, in PEM\n"
    "  --tls-fingerprint HEX  trust the certificate with this SHA-256\n"
    "  --tls-insecure         do not verify the server\n"
    "  --help\n"
    "\n"
    "Exit codes: 0 all passed, 1 some failed, 2 the command line is wrong.\n";

Result<Options> parse_options(const std::vector<std::string>& arguments) {
  Options out;
  std::vector<std::string> words;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string flag = arguments[i];
    if (!flag.starts_with("--")) {
      words.push_back(flag);
      continue;
    }
    if (flag == "--list" || flag == "--tls-insecure" || flag == "--help") {
      if (flag == "--list") out.list = true;
      if (flag == "--tls-insecure") out.tls.insecure = true;
      if (flag == "--help") out.help = true;
      continue;
    }
    std::string value;
    if (const std::size_t equals = flag.find('='); equals != std::string::npos) {
      value = flag.substr(equals + 1);
      flag.resize(equals);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return fail(Code::bad_config, "'" + flag + "' needs a value, or is no flag");
    }
    if (flag == "--version") {
      out.versions.push_back(value);
    } else if (flag == "--filter") {
      out.filters.push_back(value);
    } else if (flag == "--tls-root") {
      out.tls.root_files.push_back(value);
      out.tls.system_roots = false;
    } else if (flag == "--tls-fingerprint") {
      MOQ_TRY(const auto pin, transport::tls::parse_fingerprint(value));
      out.tls.pins.push_back(pin);
    } else if (flag == "--timeout") {
      unsigned seconds = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
      if (error != std::errc{} || end != value.data() + value.size() || seconds == 0 ||
          seconds > 3600) {
        return fail(Code::bad_config, "--timeout: '" + value + "' is not 1 to 3600 seconds");
      }
      out.timeout = std::chrono::seconds(seconds);
    } else {
      return fail(Code::bad_config, "unknown flag '" + flag + "'");
    }
  }
  if (out.help || (out.list && words.empty())) return out;
  if (words.size() != 2 || words[0] != "relay") {
    return fail(Code::bad_config, "say: moq-conformance [FLAGS] relay URL");
  }
  MOQ_TRY(out.target, Target::parse(words[1]));
  return out;
}

bool is_chosen(const Options& options, const std::string& version, std::string_view name) {
  const auto& versions = options.versions;
  if (!versions.empty() && std::ranges::find(versions, version) == versions.end()) return false;
  if (options.filters.empty()) return true;
  const std::string text(name);
  return std::ranges::any_of(options.filters, [&text](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
  });
}

}  // namespace moq::conformance
