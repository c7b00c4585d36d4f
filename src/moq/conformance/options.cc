#include "moq/conformance/options.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace moq::conformance {

const std::string_view kUsage =
    "moq-conformance [FLAGS] relay URL\n"
    "moq-conformance [FLAGS] --listen ADDR --client publisher|subscriber [-- COMMAND...]\n"
    "\n"
    "Checks a MoQ endpoint by scripts that write and check bytes themselves, and reports in TAP "
    "14:\n"
    "a relay at URL (moqt://HOST[:PORT] for raw QUIC, https:// for WebTransport), where whoever\n"
    "connects must be allowed to publish and to subscribe; or a client, which dials us.\n"
    "\n"
    "  --version NAME         this protocol alone, such as moq-lite-06; repeat (all)\n"
    "  --filter PATTERN       cases that fit, such as 'announce/*'; repeat (all)\n"
    "  --list                 name the cases and the sections they check\n"
    "  --timeout SECONDS      how long a case may wait for one thing (30)\n"
    "  --help\n"
    "\n"
    "For a relay:\n"
    "  --tls-root FILE        trust this authority, in PEM\n"
    "  --tls-fingerprint HEX  trust the certificate with this SHA-256\n"
    "  --tls-insecure         do not verify the server\n"
    "\n"
    "For a client:\n"
    "  --listen ADDR          the UDP address to listen at; port 0 is another one for each case\n"
    "  --client ROLE          publisher: it publishes --broadcast; subscriber: it plays that\n"
    "  --broadcast NAME       path of the broadcast (conformance.hang)\n"
    "  --track NAME           of a publisher: the track to subscribe to (the catalog's first)\n"
    "  --webtransport         {url} is https://, not moqt://\n"
    "  --tls-cert FILE        certificate chain to show, in PEM (one is made for each run)\n"
    "  --tls-key FILE         its private key\n"
    "  --client-log FILE      append there what the client says to stderr\n"
    "  -- COMMAND...          starts the client, anew for each case. {url}, {host}, {port},\n"
    "                         {fingerprint} (SHA-256 of the certificate), {version} and\n"
    "                         {broadcast} are replaced. Without it, start one by hand for each\n"
    "                         case that is named on stderr.\n"
    "\n"
    "  moq-conformance --listen 127.0.0.1:0 --client publisher -- sh -c 'ffmpeg -v error -re\n"
    "    -i clip.mp4 -c copy -f mp4 -movflags cmaf+frag_every_frame - | moq --connect {url}\n"
    "    --connect-tls-fingerprint {fingerprint} --broadcast {broadcast} import fmp4'\n"
    "\n"
    "Exit codes: 0 all passed, 1 some failed, 2 the command line is wrong.\n";

namespace {

/// What is told before the flags are taken apart.
constexpr std::array<std::string_view, 4> kSwitches = {"--list", "--tls-insecure", "--help",
                                                       "--webtransport"};
constexpr std::string_view kSay =
    "say: moq-conformance [FLAGS] relay URL, or --listen ADDR --client ROLE";

Result<Duration> parse_seconds(const std::string& value) {
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error != std::errc{} || end != value.data() + value.size() || seconds == 0 ||
      seconds > 3600) {
    return fail(Code::bad_config, "--timeout: '" + value + "' is not 1 to 3600 seconds");
  }
  return std::chrono::seconds(seconds);
}

/// The flags of both ways, with their values.
struct Parsed {
  std::optional<std::string> listen;
  std::optional<std::string> client;
  DoorOptions door;
};

void set_switch(Options& out, Parsed& parsed, const std::string& flag) {
  if (flag == "--list") out.list = true;
  if (flag == "--tls-insecure") out.tls.insecure = true;
  if (flag == "--help") out.help = true;
  if (flag == "--webtransport") parsed.door.webtransport = true;
}

Result<void> set_flag(Options& out, Parsed& parsed, const std::string& flag,
                      const std::string& value) {
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
    MOQ_TRY(out.timeout, parse_seconds(value));
  } else if (flag == "--listen") {
    parsed.listen = value;
  } else if (flag == "--client") {
    parsed.client = value;
  } else if (flag == "--broadcast") {
    parsed.door.broadcast = value;
  } else if (flag == "--track") {
    out.track = value;
  } else if (flag == "--tls-cert") {
    out.cert_file = value;
  } else if (flag == "--tls-key") {
    out.key_file = value;
  } else if (flag == "--client-log") {
    parsed.door.log_file = value;
  } else {
    return fail(Code::bad_config, "unknown flag '" + flag + "'");
  }
  return {};
}

/// What the flags mean together.
Result<Options> conclude(Options out, Parsed parsed, const std::vector<std::string>& words) {
  if (parsed.client) {
    if (*parsed.client != "publisher" && *parsed.client != "subscriber") {
      return fail(Code::bad_config,
                  "--client: '" + *parsed.client + "' is not publisher or subscriber");
    }
    out.end = *parsed.client == "publisher" ? End::publisher : End::subscriber;
  }
  if (out.help || (out.list && words.empty())) return out;
  if (out.cert_file.empty() != out.key_file.empty()) {
    return fail(Code::bad_config, "--tls-cert and --tls-key go together");
  }
  if (parsed.listen && parsed.client && words.empty()) {
    MOQ_TRY(parsed.door.address, transport::SocketAddress::parse(*parsed.listen));
    out.door = std::move(parsed.door);
    return out;
  }
  if (parsed.listen || parsed.client || words.size() != 2 || words[0] != "relay") {
    return fail(Code::bad_config, std::string(kSay));
  }
  MOQ_TRY(out.target, Target::parse(words[1]));
  return out;
}

}  // namespace

Result<Options> parse_options(const std::vector<std::string>& arguments) {
  Options out;
  Parsed parsed;
  parsed.door.broadcast = "conformance.hang";
  std::vector<std::string> words;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string flag = arguments[i];
    if (flag == "--") {
      parsed.door.command.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                 arguments.end());
      break;
    }
    if (!flag.starts_with("--")) {
      words.push_back(flag);
      continue;
    }
    if (std::ranges::find(kSwitches, flag) != kSwitches.end()) {
      set_switch(out, parsed, flag);
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
    MOQ_CHECK(set_flag(out, parsed, flag, value));
  }
  return conclude(std::move(out), std::move(parsed), words);
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
