#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moq/base/result.h"
#include "moq/base/time.h"
#include "moq/native/backoff.h"
#include "moq/native/client.h"

namespace moq::app {

/// "250ms", "1s", "5m", "1h"; "0" needs no unit.
Result<Duration> parse_duration(std::string_view text);
/// "65536", "512MB", "8GiB".
Result<std::uint64_t> parse_size(std::string_view text);
/// The same, or "75%" of `whole`.
Result<std::uint64_t> parse_share(std::string_view text, std::uint64_t whole);

/// "moq-lite-06", or another version that sessions speak.
Result<net::Version> parse_version(std::string_view text);

/// The settings of a program: each is a flag, an environment variable (`MOQ_` and the flag in
/// capitals) and, if it has a key, an entry of a TOML file. Flags win over the environment, that
/// over the file. Values are checked when they are read, with errors that name the setting.
class Settings {
 public:
  using Setter = std::function<Result<void>(const std::string&)>;

  explicit Settings(CLI::App& app) : app_(app) {}

  /// A setting with one value. `flag` is without dashes; `key` is the dotted TOML key, or "".
  CLI::Option* add(const std::string& flag, std::string key, Setter set, const std::string& help);
  /// One that may be repeated (flag), comma-separated (environment), or an array (file).
  CLI::Option* add_list(const std::string& flag, std::string key, Setter set,
                        const std::string& help);
  /// A switch: alone, or with `=true`, `=false`.
  CLI::Option* add_switch(const std::string& flag, std::string key, bool& value,
                          const std::string& help);
  CLI::Option* add_duration(const std::string& flag, std::string key, Duration& value,
                            const std::string& help);
  CLI::Option* add_text(const std::string& flag, std::string key, std::string& value,
                        const std::string& help);

  /// After parsing: takes from the file what flags and environment left open. Fails with `io` for
  /// one that cannot be read; for a key that is unknown it names it and what could stand there.
  Result<void> load_file(const std::string& path);
  /// Applies everything. Fails with the first bad value, naming its setting.
  Result<void> apply();
  /// Whether what failed is the file's fault: then the command line was right.
  [[nodiscard]] bool blames_file() const { return blames_file_; }

 private:
  struct Setting {
    std::string flag;
    std::string key;
    bool list = false;
    Setter set;
    CLI::Option* option;
    std::vector<std::string> values;  ///< From the command line or the environment.
    std::vector<std::string> file_values;
  };
  CLI::Option* add_setting(const std::string& flag, std::string key, bool list, Setter set,
                           const std::string& help);

  Result<void> read_file();

  CLI::App& app_;
  std::vector<std::unique_ptr<Setting>> settings_;
  std::string file_;
  bool blames_file_ = false;
};

/// Flags of QUIC, alike for client and relay: `--quic-*`.
struct QuicFlags {
  transport::quic::Parameters parameters;
  bool gso = true;  ///< Send several packets per system call, where the kernel can.

  void add(Settings& settings);
  /// After `Settings::apply()`. Fails with `io` if the qlog folder cannot be used.
  [[nodiscard]] Result<void> finish() const;
};

/// Flags of a client: `--connect-*`, `--backoff-*`, `--goaway-*`, `--quic-*`.
struct ClientFlags {
  std::string url;
  native::ClientOptions options;
  native::Backoff backoff;
  QuicFlags quic;
  bool once = false;
  std::optional<transport::SocketAddress> bind;  ///< For `io::Loop::connect_from`.
  std::string certificate_file;
  std::string key_file;
  bool system_roots_chosen = false;
  bool system_roots = true;
  std::vector<net::Version> versions;

  void add(Settings& settings);
  /// After `Settings::apply()`: what only makes sense together. Fails with `bad_config`, or with
  /// `io` for a file that cannot be used.
  Result<void> finish();
};

}  // namespace moq::app
