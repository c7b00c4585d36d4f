#include "moq/cli/options.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <sstream>

#include "moq/app/events.h"
#include "moq/app/start.h"

namespace moq::cli {
namespace {

constexpr std::string_view kAbout =
    "Publishes and watches live media over QUIC, through a relay. The broadcast outlives its\n"
    "connection: when the relay goes away, moq dials again and goes on where it stopped.\n";

constexpr std::string_view kExamples =
    "\nA relay on this machine, a publisher, a viewer:\n"
    "  moq-relay --listen 127.0.0.1:4443 --listen-tls-generate localhost --auth-public '**' \\\n"
    "      --web-http-listen 127.0.0.1:4443\n"
    "  ffmpeg -re -i clip.mp4 -c copy -f mp4 \\\n"
    "      -movflags cmaf+separate_moof+delay_moov+skip_trailer+frag_every_frame - |\n"
    "    moq --connect http://127.0.0.1:4443/ --broadcast demo.hang import fmp4\n"
    "  moq --connect http://127.0.0.1:4443/ --broadcast demo.hang export fmp4 | ffplay -\n"
    "\nURLs: https://HOST[:PORT]/PATH is WebTransport, moqt://HOST[:PORT]/PATH raw QUIC, http://\n"
    "fetches the hash of a development relay's certificate first. Each flag but --broadcast has "
    "an\n"
    "environment variable: --connect-tls-root is MOQ_CONNECT_TLS_ROOT.\n"
    "Exit codes: 0 a clean end, 1 it failed, 2 the command line is wrong.";

/// Who numbers groups needs an id that fits the wire's varints of all versions.
constexpr std::uint64_t kMaxHop = (std::uint64_t{1} << 53) - 1;

/// Names of codecs, and what their strings in a catalog begin with.
using CodecName = std::pair<std::string_view, std::string_view>;
constexpr std::array<CodecName, 5> kVideoCodecs = {
    {{"h264", "avc"}, {"h265", "h"}, {"vp8", "vp8"}, {"vp9", "vp09"}, {"av1", "av01"}}};
constexpr std::array<CodecName, 3> kAudioCodecs = {
    {{"aac", "mp4a"}, {"opus", "opus"}, {"pcm", "pcm"}}};

Result<std::uint64_t> parse_number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return fail(Code::bad_config, "'" + text + "' is not a number");
  }
  return value;
}

/// The value that `text` stands for.
template <typename Value>
Result<Value> parse_word(const std::string& text,
                         std::initializer_list<std::pair<std::string_view, Value>> words) {
  std::string names;
  for (const auto& [word, value] : words) {
    if (text == word) return value;
    names += (names.empty() ? "" : ", ") + std::string(word);
  }
  return fail(Code::bad_config, "'" + text + "' is not one of " + names);
}

/// The flags and verbs, bound to an `Options`.
class Parser {
 public:
  explicit Parser(Options& options) : options_(options) {
    app_.set_version_flag("--version", "moq " MOQ_VERSION, "Print the version and exit");
    app_.footer(std::string(kExamples));
    app_.fallthrough();
    add_globals();
    add_import();
    add_export();
    add_fetch();
  }

  CommandLine parse(std::vector<std::string> arguments) {
    CommandLine line;
    std::ranges::reverse(arguments);  // As CLI11 wants them.
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::ParseError& error) {
      std::ostringstream out;
      std::ostringstream err;
      if (app_.exit(error, out, err) == 0) {
        line.out = out.str();
      } else {
        line.exit_code = app::kBadUsage;
        line.err = app::describe_usage_error(app_, error);
      }
      return line;
    }
    if (const auto finished = finish(); !finished) {
      line.exit_code = finished.error().code == Code::io ? app::kFailed : app::kBadUsage;
      line.err = app::describe_usage_error(app_, finished.error());
    }
    return line;
  }

 private:
  void add_globals() {
    options_.client.add(settings_);
    app_.add_option("--broadcast", broadcast_, "Name of the broadcast, such as demo.hang")
        ->type_name("NAME");
    settings_
        .add(
            "hop", "",
            [this](const std::string& text) -> Result<void> {
              MOQ_TRY(options_.hop, parse_number(text));
              if (*options_.hop == 0 || *options_.hop > kMaxHop) {
                return fail(Code::bad_config, "'" + text + "' is not in 1 ... 2^53 - 1");
              }
              return {};
            },
            "First hop of what is announced (random)")
        ->type_name("NUMBER");
    settings_
        .add(
            "log-level", "",
            [this](const std::string& text) -> Result<void> {
              MOQ_TRY(options_.log_level, app::parse_level(text));
              return {};
            },
            "error, warn, info, debug or trace (info)")
        ->type_name("LEVEL");
  }

  void add_import() {
    import_ = app_.add_subcommand("import", "Publish what comes on stdin");
    import_
        ->add_option("FORMAT", format_,
                     "fmp4 (fragmented MP4), ts (MPEG transport stream), flv, mkv (Matroska or "
                     "WebM) or avc3 (H.264 Annex-B)")
        ->required()
        ->check(CLI::IsMember({"fmp4", "ts", "flv", "mkv", "avc3"}));
    import_settings_.emplace(*import_);
    import_settings_->add_duration(
        "max-age", "", options_.import_media.max_age,
        "How long relays keep a group that is not the newest fetchable (30s)");
    import_settings_
        ->add(
            "catalogs", "",
            [this](const std::string& text) -> Result<void> {
              MOQ_TRY(options_.import_media.catalogs,
                      parse_word<hang::CatalogTracks>(text, {{"all", hang::CatalogTracks::all},
                                                             {"hang", hang::CatalogTracks::hang},
                                                             {"msf", hang::CatalogTracks::msf}}));
              return {};
            },
            "Catalogs to publish: hang, msf or all (all)")
        ->type_name("FORMAT");
  }

  void add_export() {
    export_ = app_.add_subcommand("export", "Write a broadcast to stdout; waits for it to begin");
    export_->add_option("FORMAT", format_, "fmp4 (fragmented MP4) or h264 (Annex-B)")
        ->required()
        ->check(CLI::IsMember({"fmp4", "h264"}));
    export_settings_.emplace(*export_);
    add_export_settings(*export_settings_);
    export_settings_
        ->add(
            "linger", "",
            [this](const std::string& text) -> Result<void> {
              MOQ_TRY(options_.linger, app::parse_duration(text));
              return {};
            },
            "How long to wait for a broadcast to come back (0s if it ended, 30s if it is gone)")
        ->type_name("DURATION");
  }

  void add_export_settings(app::Settings& settings);

  void add_fetch() {
    fetch_ = app_.add_subcommand("fetch", "Write one group of a track to stdout");
    fetch_->add_option("TRACK", options_.track, "Name of the track, such as catalog.json")
        ->required();
    fetch_settings_.emplace(*fetch_);
    fetch_settings_
        ->add(
            "group", "",
            [this](const std::string& text) -> Result<void> {
              MOQ_TRY(options_.group, parse_number(text));
              return {};
            },
            "Sequence of the group (the newest)")
        ->type_name("NUMBER");
    fetch_settings_->add_switch("json", "", options_.json,
                                "Print one JSON object a frame instead of the bare payloads");
  }

  Result<void> finish() {
    if (app_.get_subcommands().empty()) {
      return fail(Code::bad_config, "a verb is missing: import, export or fetch");
    }
    if (app_.get_subcommands().size() > 1) {
      return fail(Code::bad_config, "one verb at a time: import, export or fetch");
    }
    MOQ_CHECK(settings_.apply());
    if (import_->parsed()) {
      options_.verb = Verb::import_media;
      options_.import_media.format =
          mux::Importer::parse_container(format_).value_or(mux::Importer::Format::avc3);
      MOQ_CHECK(import_settings_->apply());
    } else if (export_->parsed()) {
      options_.verb = Verb::export_media;
      options_.export_media.format =
          format_ == "fmp4" ? mux::Exporter::Format::fmp4 : mux::Exporter::Format::h264;
      MOQ_CHECK(export_settings_->apply());
    } else {
      options_.verb = Verb::fetch;
      MOQ_CHECK(fetch_settings_->apply());
    }
    if (options_.client.url.empty()) {
      return fail(Code::bad_config,
                  "where to? --connect URL is missing, for example --connect https://HOST/");
    }
    auto url = native::Url::parse(options_.client.url);
    if (!url) return std::unexpected(url.error().with_context("--connect"));
    options_.url = *std::move(url);
    auto path = net::Path::parse(broadcast_);
    if (!path) return std::unexpected(path.error().with_context("--broadcast"));
    options_.broadcast = *std::move(path);
    options_.export_media.catalog_format =
        options_.catalog_format.value_or(hang::detect_catalog_format(options_.broadcast.text()));
    return options_.client.finish();
  }

  Options& options_;
  CLI::App app_{std::string(kAbout), "moq"};
  app::Settings settings_{app_};
  CLI::App* import_ = nullptr;
  CLI::App* export_ = nullptr;
  CLI::App* fetch_ = nullptr;
  std::optional<app::Settings> import_settings_;
  std::optional<app::Settings> export_settings_;
  std::optional<app::Settings> fetch_settings_;
  std::string broadcast_;
  std::string format_;
};

void Parser::add_export_settings(app::Settings& settings) {
  mux::Exporter::Options& options = options_.export_media;
  settings.add_duration("max-age", "", options.max_latency,
                        "How stale a group may get before it is skipped (500ms)");
  settings
      .add(
          "fragment-duration", "",
          [&options](const std::string& text) -> Result<void> {
            options.fragment_duration.reset();
            if (text == "group") return {};
            MOQ_TRY(options.fragment_duration, app::parse_duration(text));
            return {};
          },
          "fmp4: longest fragment; 0 = each frame as it comes, 'group' = one a group (0)")
      ->type_name("DURATION");
  settings
      .add(
          "catalog-format", "",
          [this](const std::string& text) -> Result<void> {
            MOQ_TRY(options_.catalog_format,
                    parse_word<hang::CatalogFormat>(
                        text, {{"hang", hang::CatalogFormat::hang},
                               {"hangz", hang::CatalogFormat::hang_compressed},
                               {"msf", hang::CatalogFormat::msf}}));
            return {};
          },
          "hang (catalog.json), hangz (its compressed twin) or msf (by the broadcast's name: hang, "
          "or msf of NAME.msf)")
      ->type_name("FORMAT");
  const auto add_choice = [&settings](const std::string& flag, std::optional<std::string>& value,
                                      const std::string& help) {
    settings
        .add(
            flag, "",
            [&value](const std::string& text) -> Result<void> {
              value = text;
              return {};
            },
            help)
        ->type_name("NAME");
  };
  add_choice("video-name", options.video_name, "This video rendition (the best)");
  add_choice("audio-name", options.audio_name, "This audio rendition (the best)");
  const auto add_codec = [&settings](const std::string& flag, std::optional<std::string>& value,
                                     std::span<const CodecName> known, const std::string& help) {
    settings
        .add(
            flag, "",
            [&value, known](const std::string& text) -> Result<void> {
              std::string names;
              for (const auto& [name, prefix] : known) {
                if (text == name) {
                  value = prefix;
                  return {};
                }
                names += (names.empty() ? "" : ", ") + std::string(name);
              }
              return fail(Code::bad_config, "'" + text + "' is not one of " + names);
            },
            help)
        ->type_name("CODEC");
  };
  add_codec("video-codec", options.video_codec, kVideoCodecs,
            "Video of this codec only: h264, h265, vp8, vp9 or av1");
  add_codec("audio-codec", options.audio_codec, kAudioCodecs,
            "Audio of this codec only: aac, opus or pcm");
}

}  // namespace

CommandLine parse_command_line(std::vector<std::string> arguments) {
  auto options = std::make_unique<Options>();
  Parser parser(*options);
  CommandLine line = parser.parse(std::move(arguments));
  if (line.exit_code == 0 && line.out.empty()) line.options = std::move(options);
  return line;
}

}  // namespace moq::cli
