#include "moq/app/flags.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <set>

#include "moq/app/start.h"
#include "moq/transport/quic/certificate.h"

namespace moq::app {
namespace {

/// With less than a packet of room, or too few streams for a session's own, nothing would ever
/// come.
constexpr std::uint64_t kLeastWindowBytes = 2048;
constexpr std::uint64_t kLeastStreams = 8;

std::string env_name(std::string flag) {
  std::ranges::transform(flag, flag.begin(), [](unsigned char c) {
    return c == '-' ? '_' : static_cast<char>(std::toupper(c));
  });
  return "MOQ_" + flag;
}

template <typename Number>
Result<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return fail(Code::bad_config, "'" + std::string(text) + "' is not a number");
  }
  return value;
}

/// A number and the unit behind it.
Result<std::pair<double, std::string_view>> split_unit(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value < 0) return fail(Code::bad_config, "");
  return std::pair(value, text.substr(static_cast<std::size_t>(end - text.data())));
}

Result<bool> parse_bool(std::string_view text) {
  if (text == "true" || text == "1" || text.empty()) return true;
  if (text == "false" || text == "0") return false;
  return fail(Code::bad_config, "'" + std::string(text) + "' is neither true nor false");
}

/// A value of a settings file, as it would stand on the command line; none for a date, or a table
/// in a list.
std::optional<std::string> to_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* whole = node.as_integer()) return std::to_string(whole->get());
  if (const auto* real = node.as_floating_point()) return fmt::format("{}", real->get());
  return std::nullopt;
}

/// What a settings file says to one key.
struct Entry {
  std::string key;  ///< Dotted.
  bool list = false;
  std::vector<std::optional<std::string>> values;
};

void flatten(const std::string& prefix, const toml::table& table, std::vector<Entry>& out) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    if (const auto* inner = node.as_table()) {
      flatten(name + ".", *inner, out);
      continue;
    }
    Entry& entry = out.emplace_back(Entry{.key = name});
    if (const auto* array = node.as_array()) {
      entry.list = true;
      for (const auto& element : *array) entry.values.push_back(to_text(element));
    } else {
      entry.values.push_back(to_text(node));
    }
  }
}

/// What is wrong with `key`, none of `known`: names the part that is not known, and what could
/// stand in its place.
std::string describe_unknown(std::string_view key, const std::vector<std::string>& known) {
  std::size_t begin = 0;  // Of the first part that nothing known begins with.
  for (;;) {
    const std::size_t dot = key.find('.', begin);
    if (dot == std::string_view::npos) break;
    const std::string_view table = key.substr(0, dot + 1);
    if (std::ranges::none_of(known, [&](const auto& k) { return k.starts_with(table); })) break;
    begin = dot + 1;
  }
  const std::string_view table = key.substr(0, begin);
  std::string expected;
  std::set<std::string_view> told;
  for (const std::string_view other : known) {
    if (!other.starts_with(table)) continue;
    const std::string_view part = other.substr(begin, other.find('.', begin) - begin);
    if (told.insert(part).second)
      expected += (expected.empty() ? "`" : ", `") + std::string(part) + "`";
  }
  const std::string_view part = key.substr(begin, key.find('.', begin) - begin);
  const std::string whole(key.substr(0, begin + part.size()));
  if (std::ranges::find(known, whole) != known.end()) return "`" + whole + "` is not a table";
  if (told.contains(part)) return "`" + whole + "` is a table, [" + whole + "]";
  std::string text = "unknown field `" + std::string(part) + "`, expected one of " + expected;
  if (!table.empty()) text += " in `" + std::string(table.substr(0, begin - 1)) + "`";
  return text;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  const auto parts = split_unit(text);
  if (parts) {
    const auto [value, unit] = *parts;
    const double seconds = unit == "ms"                   ? value / 1e3
                           : unit == "us"                 ? value / 1e6
                           : unit == "s"                  ? value
                           : unit == "m" || unit == "min" ? value * 60
                           : unit == "h"                  ? value * 3600
                           : unit.empty() && value == 0   ? 0
                                                          : -1;
    if (seconds >= 0 && seconds < 1e9) {
      return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
    }
  }
  return fail(Code::bad_config,
              "'" + std::string(text) + "' is not a duration, such as 250ms, 1s or 5m");
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto parts = split_unit(text);
  if (parts) {
    auto [value, unit] = *parts;
    const bool binary = unit.ends_with("iB");
    const double base = binary ? 1024 : 1000;
    unit.remove_suffix(binary ? 2 : unit.ends_with('B') ? 1 : 0);
    const std::string_view powers = "kMGT";
    const std::size_t power = unit.empty() ? 0 : powers.find(unit) + 1;
    const bool known = unit.empty() ? !binary : unit.size() == 1 && power > 0;
    if (known) {
      for (std::size_t i = 0; i < power; ++i) value *= base;
      if (value < 9e18) return static_cast<std::uint64_t>(value);
    }
  }
  return fail(Code::bad_config, "'" + std::string(text) + "' is not a size, such as 512MB or 8GiB");
}

Result<std::uint64_t> parse_share(std::string_view text, std::uint64_t whole) {
  if (!text.ends_with('%')) return parse_size(text);
  const auto parts = split_unit(text);
  if (!parts || parts->second != "%" || parts->first > 100) {
    return fail(Code::bad_config, "'" + std::string(text) + "' is not a share, such as 75%");
  }
  return static_cast<std::uint64_t>(static_cast<double>(whole) * parts->first / 100);
}

Result<net::Version> parse_version(std::string_view text) {
  const auto named = net::parse_version(text);
  std::string known;
  for (const net::Version version : net::session_versions()) {
    if (named == version) return version;
    known += (known.empty() ? "" : ", ") + std::string(net::to_string(version));
  }
  return fail(Code::bad_config, "'" + std::string(text) + "' is not one of " + known);
}

CLI::Option* Settings::add_setting(const std::string& flag, std::string key, bool list, Setter set,
                                   const std::string& help) {
  auto setting = std::make_unique<Setting>();
  setting->flag = flag;
  setting->key = std::move(key);
  setting->list = list;
  setting->set = std::move(set);
  setting->option = app_.add_option("--" + flag, setting->values, help);
  setting->option->envname(env_name(flag));
  // One value a flag: what follows it is the file, or a verb.
  setting->option->expected(1)->allow_extra_args(false);
  if (list) {
    setting->option->delimiter(',')->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  } else {
    setting->option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  settings_.push_back(std::move(setting));
  return settings_.back()->option;
}

CLI::Option* Settings::add(const std::string& flag, std::string key, Setter set,
                           const std::string& help) {
  return add_setting(flag, std::move(key), false, std::move(set), help);
}

CLI::Option* Settings::add_list(const std::string& flag, std::string key, Setter set,
                                const std::string& help) {
  return add_setting(flag, std::move(key), true, std::move(set), help);
}

CLI::Option* Settings::add_switch(const std::string& flag, std::string key, bool& value,
                                  const std::string& help) {
  auto* option = add(
      flag, std::move(key),
      [&value](const std::string& text) -> Result<void> {
        MOQ_TRY(value, parse_bool(text));
        return {};
      },
      help);
  return option->expected(0, 1)->type_name("[=BOOL]");
}

CLI::Option* Settings::add_duration(const std::string& flag, std::string key, Duration& value,
                                    const std::string& help) {
  return add(
             flag, std::move(key),
             [&value](const std::string& text) -> Result<void> {
               MOQ_TRY(value, parse_duration(text));
               return {};
             },
             help)
      ->type_name("DURATION");
}

CLI::Option* Settings::add_text(const std::string& flag, std::string key, std::string& value,
                                const std::string& help) {
  return add(
      flag, std::move(key),
      [&value](const std::string& text) -> Result<void> {
        value = text;
        return {};
      },
      help);
}

Result<void> Settings::load_file(const std::string& path) {
  file_ = path;
  auto loaded = read_file();
  blames_file_ = !loaded;
  return loaded;
}

Result<void> Settings::read_file() {
  MOQ_CHECK(check_readable("FILE", file_));
  toml::table parsed;
  try {
    parsed = toml::parse_file(file_);
  } catch (const toml::parse_error& error) {
    return fail(Code::bad_config, file_ + ":" + std::to_string(error.source().begin.line) + ": " +
                                      std::string(error.description()));
  }
  std::vector<std::string> keys;
  for (const auto& setting : settings_) {
    if (!setting->key.empty()) keys.push_back(setting->key);
  }
  std::vector<Entry> entries;
  flatten("", parsed, entries);
  for (const Entry& entry : entries) {
    const auto known =
        std::ranges::find(settings_, entry.key, [](const auto& s) { return s->key; });
    if (known == settings_.end()) {
      return fail(Code::bad_config, file_ + ": " + describe_unknown(entry.key, keys));
    }
    if (entry.list && !(*known)->list) {
      return fail(Code::bad_config, file_ + ": " + entry.key + ": takes one value, not a list");
    }
    for (const auto& value : entry.values) {
      if (!value) {
        return fail(Code::bad_config,
                    file_ + ": " + entry.key + ": neither text nor number nor true or false");
      }
      (*known)->file_values.push_back(*value);
    }
  }
  return {};
}

Result<void> Settings::apply() {
  for (const auto& setting : settings_) {
    const bool given = setting->option->count() > 0;
    std::vector<std::string> values = given ? setting->values : setting->file_values;
    if (given && values.empty()) values.emplace_back();  // A switch without a value.
    for (const std::string& value : values) {
      const auto set = setting->set(value);
      if (set) continue;
      blames_file_ = !given;
      return std::unexpected(
          set.error().with_context(given ? "--" + setting->flag : file_ + ": " + setting->key));
    }
  }
  return {};
}

void QuicFlags::add(Settings& settings) {
  const auto number = [](auto& value) {
    return [&value](const std::string& text) -> Result<void> {
      MOQ_TRY(const auto parsed, parse_size(text));
      if (parsed < kLeastWindowBytes) {
        return fail(Code::bad_config, "'" + text + "' is less than 2048, room for one packet");
      }
      value = static_cast<std::remove_reference_t<decltype(value)>>(parsed);
      return {};
    };
  };
  settings
      .add(
          "quic-max-streams", "quic.max_streams",
          [this](const std::string& text) -> Result<void> {
            MOQ_TRY(parameters.max_streams_bidi, parse_number<std::uint64_t>(text));
            if (parameters.max_streams_bidi < kLeastStreams) {
              return fail(Code::bad_config, "'" + text + "' is less than " +
                                                std::to_string(kLeastStreams) +
                                                ", what a session needs");
            }
            parameters.max_streams_uni = parameters.max_streams_bidi;
            return {};
          },
          "Streams a peer may have open, each of bidi and uni (10000)")
      ->type_name("NUMBER");
  settings.add_switch("quic-gso", "quic.gso", gso,
                      "Send several packets per system call, where the kernel can (on)");
  settings.add_duration("quic-idle-timeout", "quic.idle_timeout", parameters.idle_timeout,
                        "A silent path ends the session after this (10s)");
  settings.add_duration("quic-keep-alive", "quic.keep_alive", parameters.keep_alive,
                        "Pings this often when nothing else is sent (3s, 0 = never)");
  settings.add_switch("quic-mtu-discovery", "quic.mtu_discovery", parameters.path_mtu_discovery,
                      "Looks for packets larger than 1200 bytes (on)");
  settings
      .add(
          "quic-congestion-control", "quic.congestion_control",
          [this](const std::string& text) -> Result<void> {
            if (text != "loss" && text != "delay") {
              return fail(Code::bad_config, "'" + text + "' is neither loss nor delay");
            }
            parameters.congestion_control = text == "loss"
                                                ? transport::quic::CongestionControl::cubic
                                                : transport::quic::CongestionControl::bbr;
            return {};
          },
          "loss (cubic, the default) or delay (bbr)")
      ->type_name("NAME");
  settings
      .add("quic-receive-window", "quic.receive_window", number(parameters.connection_window),
           "Bytes a session takes in before they are read (64MiB)")
      ->type_name("SIZE");
  settings
      .add("quic-stream-receive-window", "quic.stream_receive_window",
           number(parameters.stream_window), "The same for each stream (1.25MB)")
      ->type_name("SIZE");
  settings
      .add("quic-send-window", "quic.send_window", number(parameters.stream_send_buffer),
           "Bytes queued on a stream before its writer waits (256KiB)")
      ->type_name("SIZE");
  settings
      .add_text("quic-qlog", "quic.qlog", parameters.qlog_directory,
                "One qlog file a connection goes into this folder")
      ->type_name("DIR");
}

Result<void> QuicFlags::finish() const {
  if (parameters.qlog_directory.empty()) return {};
  return check_writable_folder("--quic-qlog", parameters.qlog_directory);
}

void ClientFlags::add(Settings& settings) {
  settings
      .add_text("connect", "", url,
                "Where to connect: https, http, moqt, moql, wss, ws, tcp or unix URL")
      ->type_name("URL");
  settings
      .add(
          "connect-bind", "",
          [this](const std::string& text) -> Result<void> {
            MOQ_TRY(bind, transport::SocketAddress::parse(text));
            return {};
          },
          "Local address to send from, such as 192.0.2.7:0 (any)")
      ->type_name("ADDR");
  settings
      .add_list(
          "connect-version", "",
          [this](const std::string& text) -> Result<void> {
            MOQ_TRY(const net::Version version, parse_version(text));
            versions.push_back(version);
            return {};
          },
          "Offer this version only (moq-lite-01 ... moq-lite-06, moqt-14 ... moqt-22); repeat for "
          "several")
      ->type_name("VERSION");
  settings.add_duration("connect-timeout", "", options.connect_timeout,
                        "Limit of one whole attempt (30s, 0 = none)");
  settings.add_duration("connect-race", "", options.address_race,
                        "Wait before the next address of a name is tried beside (250ms)");
  settings
      .add(
          "connect-resolution-delay", "",
          [](const std::string& text) -> Result<void> {
            MOQ_TRY([[maybe_unused]] const Duration delay, parse_duration(text));
            return {};
          },
          "For scripts of the Rust program; all addresses of a name come at once here")
      ->type_name("DURATION");
  settings.add_switch("connect-websocket", "", options.websocket,
                      "https and http fall back on WebSocket where QUIC does not pass (on)");
  settings.add_duration("connect-websocket-delay", "", options.websocket_delay,
                        "Head start of QUIC over WebSocket (200ms)");
  settings.add_switch("connect-once", "", once, "Dial once; end when the session ends");
  settings
      .add_list(
          "connect-tls-root", "",
          [this](const std::string& text) -> Result<void> {
            options.tls.root_files.push_back(text);
            return {};
          },
          "PEM file of an authority to trust; repeat. The system's count only if asked for")
      ->type_name("FILE");
  settings
      .add(
          "connect-tls-system-roots", "",
          [this](const std::string& text) -> Result<void> {
            MOQ_TRY(system_roots, parse_bool(text));
            system_roots_chosen = true;
            return {};
          },
          "Trust the system's authorities")
      ->expected(0, 1)
      ->type_name("[=BOOL]");
  settings
      .add_list(
          "connect-tls-fingerprint", "",
          [this](const std::string& text) -> Result<void> {
            MOQ_TRY(const auto pin, transport::quic::parse_fingerprint(text));
            options.tls.pins.push_back(pin);
            return {};
          },
          "SHA-256 of the one certificate to accept, in hex; repeat")
      ->type_name("HEX");
  settings.add_text("connect-tls-cert", "", certificate_file, "Client certificate, PEM")
      ->type_name("FILE");
  settings.add_text("connect-tls-key", "", key_file, "Its key, PEM")->type_name("FILE");
  settings.add_switch("connect-tls-insecure", "", options.tls.insecure,
                      "Do not verify the server at all");
  settings
      .add(
          "connect-tls-host-name", "",
          [this](const std::string& text) -> Result<void> {
            options.tls.server_name = text;
            return {};
          },
          "Name to send and verify in place of the URL's host")
      ->type_name("NAME");
  settings.add_duration("backoff-initial", "", backoff.initial, "Wait before the first retry (1s)");
  settings
      .add(
          "backoff-multiplier", "",
          [this](const std::string& text) -> Result<void> {
            MOQ_TRY(backoff.multiplier, parse_number<double>(text));
            return {};
          },
          "Growth of the wait from one retry to the next (2)")
      ->type_name("NUMBER");
  settings.add_duration("backoff-max", "", backoff.max, "Longest wait (30s)");
  settings.add_duration("backoff-timeout", "", backoff.timeout,
                        "Give up after this long without a session (5m, 0 = never)");
  settings
      .add(
          "goaway-redirect", "",
          [this](const std::string& text) -> Result<void> {
            if (text == "follow") {
              options.redirects = native::RedirectPolicy::follow;
            } else if (text == "same-host") {
              options.redirects = native::RedirectPolicy::same_host;
            } else if (text == "ignore") {
              options.redirects = native::RedirectPolicy::ignore;
            } else {
              return fail(Code::bad_config, "'" + text + "' is not follow, same-host or ignore");
            }
            return {};
          },
          "Where a relay that drains may send us: follow, same-host or ignore (same-host)")
      ->type_name("POLICY");
  settings.add_duration("goaway-handover", "", options.handover,
                        "Then the old session may serve on beside the new one for (10s)");
  quic.add(settings);
}

Result<void> ClientFlags::finish() {
  if (const auto good = backoff.check(); !good) {
    return fail(good.error().code, "--" + good.error().text);
  }
  MOQ_CHECK(quic.finish());
  options.quic = quic.parameters;
  for (const std::string& file : options.tls.root_files) {
    MOQ_CHECK(check_readable("--connect-tls-root", file));
  }
  if (certificate_file.empty() != key_file.empty()) {
    return fail(Code::bad_config, "--connect-tls-cert and --connect-tls-key go together");
  }
  if (!certificate_file.empty()) {
    MOQ_CHECK(check_readable("--connect-tls-cert", certificate_file));
    MOQ_CHECK(check_readable("--connect-tls-key", key_file));
    MOQ_TRY(options.tls.identity, transport::quic::Identity::load(certificate_file, key_file));
  }
  if (system_roots_chosen && !system_roots && options.tls.root_files.empty() &&
      options.tls.pins.empty() && !options.tls.insecure) {
    return fail(Code::bad_config,
                "nothing to trust: --connect-tls-system-roots=false needs --connect-tls-root or "
                "--connect-tls-fingerprint");
  }
  options.tls.system_roots = system_roots_chosen ? system_roots : options.tls.root_files.empty();
  options.tls_configured = options.tls.insecure || !options.tls.pins.empty() ||
                           !options.tls.root_files.empty() || system_roots_chosen;
  // No other thread runs yet that could change it.
  // NOLINTNEXTLINE(concurrency-mt-unsafe)
  if (const char* file = std::getenv("SSLKEYLOGFILE")) options.tls.key_log_file = file;
  if (!versions.empty()) options.versions = versions;
  return {};
}

}  // namespace moq::app
