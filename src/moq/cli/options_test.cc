#include "moq/cli/options.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "moq/app/start.h"

namespace moq::cli {
namespace {

/// A whole command line around what is tested.
CommandLine parse(std::vector<std::string> more,
                  std::vector<std::string> verb = {"export", "fmp4"}) {
  std::vector<std::string> all = {"--connect", "https://relay.test/room", "--broadcast", "a"};
  all.insert(all.end(), more.begin(), more.end());
  all.insert(all.end(), verb.begin(), verb.end());
  return parse_command_line(std::move(all));
}

/// The one line of an error, for a command line that is wrong.
std::string wrong(const CommandLine& line, int code = app::kBadUsage) {
  EXPECT_FALSE(line.options);
  EXPECT_EQ(line.exit_code, code) << line.err;
  EXPECT_TRUE(line.err.starts_with("moq: ")) << line.err;
  EXPECT_TRUE(line.err.ends_with(" --help\n")) << line.err;
  EXPECT_EQ(std::ranges::count(line.err, '\n'), 1) << line.err;
  return line.err;
}

/// Variables of the environment while a test runs.
class Environment {
 public:
  Environment(std::initializer_list<std::pair<const char*, const char*>> variables) {
    for (const auto& [name, value] : variables) {
      ::setenv(name, value, 1);  // NOLINT(concurrency-mt-unsafe): before any thread.
      names_.emplace_back(name);
    }
  }
  ~Environment() {
    for (const std::string& name : names_) ::unsetenv(name.c_str());  // NOLINT(concurrency-*)
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  std::vector<std::string> names_;
};

TEST(Options, ALocalAddressMayBeChosen) {
  const CommandLine line = parse({"--connect-bind", "192.0.2.7:0"});
  ASSERT_TRUE(line.options) << line.err;
  EXPECT_EQ(line.options->client.bind, transport::SocketAddress::parse("192.0.2.7:0"));
  EXPECT_NE(wrong(parse({"--connect-bind", "eth0"})).find("--connect-bind: 'eth0' is not"),
            std::string::npos);
}

TEST(Options, DefaultsAreThoseOfTheDocumentation) {
  const CommandLine line = parse({});
  ASSERT_TRUE(line.options) << line.err;
  const Options& options = *line.options;
  EXPECT_EQ(options.url.to_string(), "https://relay.test/room");
  EXPECT_EQ(options.broadcast, net::Path::of("a"));
  EXPECT_EQ(options.client.backoff.initial, 1s);
  EXPECT_EQ(options.client.backoff.multiplier, 2);
  EXPECT_EQ(options.client.backoff.max, 30s);
  EXPECT_EQ(options.client.backoff.timeout, 5min);
  EXPECT_EQ(options.client.options.connect_timeout, 30s);
  EXPECT_TRUE(options.client.options.websocket);
  EXPECT_EQ(options.client.options.websocket_delay, 200ms);
  EXPECT_EQ(options.client.options.handover, 10s);
  EXPECT_EQ(options.client.options.quic.idle_timeout, 10s);
  EXPECT_EQ(options.client.options.quic.keep_alive, 3s);
  EXPECT_TRUE(options.client.options.tls.system_roots);
  EXPECT_FALSE(options.client.options.tls.insecure);
  EXPECT_FALSE(options.client.once);
  EXPECT_EQ(options.log_level, log::Level::info);
  EXPECT_EQ(options.export_media.max_latency, 500ms);
  EXPECT_FALSE(options.linger);
}

TEST(Options, GlobalFlagsStandBeforeOrAfterTheVerb) {
  const CommandLine before =
      parse_command_line({"--broadcast", "a", "--connect=moqt://h/", "import", "fmp4"});
  const CommandLine after =
      parse_command_line({"import", "--broadcast", "a", "fmp4", "--connect=moqt://h/"});
  ASSERT_TRUE(before.options && after.options) << before.err << after.err;
  EXPECT_EQ(before.options->verb, Verb::import_media);
  EXPECT_EQ(after.options->verb, Verb::import_media);
  EXPECT_EQ(after.options->broadcast, before.options->broadcast);
  EXPECT_EQ(after.options->url, before.options->url);
}

TEST(Options, VerbsTakeTheirFormatAndFlags) {
  const CommandLine imported = parse({}, {"import", "avc3", "--max-age", "5s"});
  ASSERT_TRUE(imported.options) << imported.err;
  EXPECT_EQ(imported.options->import_media.format, mux::Importer::Format::avc3);
  EXPECT_EQ(imported.options->import_media.max_age, 5s);

  for (const auto& [word, format] :
       {std::pair("ts", mux::Importer::Format::ts), std::pair("flv", mux::Importer::Format::flv),
        std::pair("mkv", mux::Importer::Format::mkv),
        std::pair("fmp4", mux::Importer::Format::fmp4)}) {
    const CommandLine line = parse({}, {"import", word});
    ASSERT_TRUE(line.options) << line.err;
    EXPECT_EQ(line.options->import_media.format, format);
  }

  const CommandLine exported =
      parse({}, {"export", "h264", "--max-age", "2s", "--linger=1s", "--catalog-format", "hangz",
                 "--fragment-duration", "group", "--video-name", "v", "--video-codec", "h264",
                 "--audio-codec", "opus"});
  ASSERT_TRUE(exported.options) << exported.err;
  const mux::Exporter::Options& media = exported.options->export_media;
  EXPECT_EQ(media.format, mux::Exporter::Format::h264);
  EXPECT_EQ(media.max_latency, 2s);
  EXPECT_FALSE(media.fragment_duration);
  EXPECT_EQ(media.catalog_format, hang::CatalogFormat::hang_compressed);
  EXPECT_EQ(media.video_name, "v");
  EXPECT_EQ(media.video_codec, "avc");
  EXPECT_EQ(media.audio_codec, "opus");
  EXPECT_EQ(exported.options->linger, 1s);

  const auto exports = [](const std::vector<std::string>& more, const std::string& name) {
    std::vector<std::string> all = {"--connect", "https://h/",  "export",
                                    "fmp4",      "--broadcast", name};
    all.insert(all.end(), more.begin(), more.end());
    const CommandLine line = parse_command_line(std::move(all));
    return line.options ? line.options->export_media.catalog_format : hang::CatalogFormat{};
  };
  EXPECT_EQ(exports({}, "a.msf"), hang::CatalogFormat::msf);
  EXPECT_EQ(exports({}, "a.hang"), hang::CatalogFormat::hang);
  EXPECT_EQ(exports({}, "a"), hang::CatalogFormat::hang);
  EXPECT_EQ(exports({"--catalog-format", "msf"}, "a.hang"), hang::CatalogFormat::msf);
  EXPECT_EQ(exports({"--catalog-format", "hang"}, "a.msf"), hang::CatalogFormat::hang);
  EXPECT_NE(parse({}, {"export", "fmp4", "--catalog-format", "mp4"})
                .err.find("'mp4' is not one of hang, hangz, msf"),
            std::string::npos);

  const CommandLine only = parse({}, {"import", "fmp4", "--catalogs", "msf"});
  ASSERT_TRUE(only.options) << only.err;
  EXPECT_EQ(only.options->import_media.catalogs, hang::CatalogTracks::msf);
  EXPECT_NE(
      parse({}, {"import", "fmp4", "--catalogs", "x"}).err.find("'x' is not one of all, hang, msf"),
      std::string::npos);

  const CommandLine fetched = parse({}, {"fetch", "catalog.json", "--group", "7", "--json"});
  ASSERT_TRUE(fetched.options) << fetched.err;
  EXPECT_EQ(fetched.options->track, "catalog.json");
  EXPECT_EQ(fetched.options->group, 7U);
  EXPECT_TRUE(fetched.options->json);
}

TEST(Options, EveryConnectionFlagHasItsTwinInTheEnvironment) {
  const std::vector<std::string> flags = {
      "--connect-version",        "moq-lite-04",
      "--connect-version",        "moq-lite-05",
      "--connect-timeout=7s",     "--connect-once",
      "--connect-tls-insecure",   "--connect-tls-host-name=other.test",
      "--backoff-initial=100ms",  "--backoff-multiplier=3",
      "--backoff-max=10s",        "--backoff-timeout=0s",
      "--goaway-redirect=ignore", "--goaway-handover=1s",
      "--quic-gso=false",         "--quic-idle-timeout=20s",
      "--log-level=debug",        "--hop=9"};
  const auto check = [](const CommandLine& line) {
    ASSERT_TRUE(line.options) << line.err;
    const app::ClientFlags& client = line.options->client;
    EXPECT_EQ(client.options.versions,
              (std::vector<net::Version>{net::Version::lite_04, net::Version::lite_05}));
    EXPECT_EQ(client.options.connect_timeout, 7s);
    EXPECT_TRUE(client.once);
    EXPECT_TRUE(client.options.tls.insecure);
    EXPECT_EQ(client.options.tls.server_name, "other.test");
    EXPECT_EQ(client.backoff.initial, 100ms);
    EXPECT_EQ(client.backoff.multiplier, 3);
    EXPECT_EQ(client.backoff.max, 10s);
    EXPECT_EQ(client.backoff.timeout, 0s);
    EXPECT_EQ(client.options.redirects, native::RedirectPolicy::ignore);
    EXPECT_EQ(client.options.handover, 1s);
    EXPECT_FALSE(client.quic.gso);
    EXPECT_EQ(client.options.quic.idle_timeout, 20s);
    EXPECT_EQ(line.options->log_level, log::Level::debug);
    EXPECT_EQ(line.options->hop, 9U);
  };
  check(parse(flags));

  const Environment environment = {{"MOQ_CONNECT_VERSION", "moq-lite-04,moq-lite-05"},
                                   {"MOQ_CONNECT_TIMEOUT", "7s"},
                                   {"MOQ_CONNECT_ONCE", "true"},
                                   {"MOQ_CONNECT_TLS_INSECURE", "1"},
                                   {"MOQ_CONNECT_TLS_HOST_NAME", "other.test"},
                                   {"MOQ_BACKOFF_INITIAL", "100ms"},
                                   {"MOQ_BACKOFF_MULTIPLIER", "3"},
                                   {"MOQ_BACKOFF_MAX", "10s"},
                                   {"MOQ_BACKOFF_TIMEOUT", "0s"},
                                   {"MOQ_GOAWAY_REDIRECT", "ignore"},
                                   {"MOQ_GOAWAY_HANDOVER", "1s"},
                                   {"MOQ_QUIC_GSO", "false"},
                                   {"MOQ_QUIC_IDLE_TIMEOUT", "20s"},
                                   {"MOQ_LOG_LEVEL", "debug"},
                                   {"MOQ_HOP", "9"}};
  check(parse({}));
  const CommandLine both = parse({"--backoff-initial=2s", "--connect-once=false"});
  ASSERT_TRUE(both.options) << both.err;
  EXPECT_EQ(both.options->client.backoff.initial, 2s) << "a flag wins over the environment";
  EXPECT_FALSE(both.options->client.once);
}

TEST(Options, ABadValueInTheEnvironmentIsNamedByItsFlag) {
  const Environment environment = {{"MOQ_BACKOFF_MAX", "soon"}};
  EXPECT_NE(wrong(parse({})).find("--backoff-max: 'soon'"), std::string::npos);
}

TEST(Options, WhatIsWrongIsNamed) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--connect", "nowhere"}, "--connect: 'nowhere' is not a usable URL: it needs a scheme"},
      {{"--connect", "ftp://h/"}, "'ftp' is not one of https, http, moqt, moql"},
      {{"--connect", "https://h:99999/"}, "its port is not a number from 1 to 65535"},
      {{"--connect", "https:///x"}, "it needs a host"},
      {{"--connect-version", "moq-lite-99"}, "'moq-lite-99' is not one of moq-lite-0"},
      {{"--connect-tls-fingerprint", "00"}, "--connect-tls-fingerprint: '00' is not a SHA-256"},
      {{"--connect-tls-cert", "a.pem"}, "--connect-tls-cert and --connect-tls-key go together"},
      {{"--connect-tls-system-roots=false"}, "nothing to trust"},
      {{"--connect-tls-insecure=perhaps"}, "'perhaps' is neither true nor false"},
      {{"--backoff-initial", "5"}, "--backoff-initial: '5' is not a duration, such as 250ms"},
      {{"--backoff-initial", "1ms"}, "--backoff-initial must be at least 50ms"},
      {{"--backoff-multiplier", "0.5"}, "--backoff-multiplier must be at least 1"},
      {{"--backoff-max", "100ms"}, "--backoff-max must not be below"},
      {{"--goaway-redirect", "away"}, "'away' is not follow, same-host or ignore"},
      {{"--hop", "0"}, "--hop: '0' is not in 1"},
      {{"--log-level", "loud"}, "'loud' is no log level"},
      {{"--quic-receive-window", "much"}, "'much' is not a size"},
      {{"--broadcast", "a/*/b"}, "--broadcast"},
      {{"--backof-max", "1s"}, "unknown flag '--backof-max': did you mean --backoff-max?"},
      {{"--nothing-like-that"}, "unknown flag '--nothing-like-that'; see"},
      {{"--json"}, "unknown flag '--json': it belongs to fetch"},
  };
  for (const auto& [arguments, part] : cases) {
    const std::string text = wrong(parse(arguments));
    EXPECT_NE(text.find(part), std::string::npos) << arguments.front() << ": " << text;
  }
}

TEST(Options, WhatIsMissingIsNamed) {
  EXPECT_NE(wrong(parse_command_line({})).find("a verb is missing"), std::string::npos);
  EXPECT_NE(wrong(parse_command_line({"export", "fmp4"})).find("--connect URL is missing"),
            std::string::npos);
  EXPECT_NE(wrong(parse({}, {"export", "fmp4", "--connect"})).find("--connect: 1 required URL"),
            std::string::npos);
  EXPECT_NE(wrong(parse({}, {"export"})).find("FORMAT is required"), std::string::npos);
  EXPECT_NE(wrong(parse({}, {"fetch"})).find("TRACK is required"), std::string::npos);
  EXPECT_NE(wrong(parse({}, {"export", "mkv"})).find("mkv not in {fmp4,h264}"), std::string::npos);
  EXPECT_NE(wrong(parse({}, {"play", "fmp4"})).find("unknown verb 'play', there are import"),
            std::string::npos);
  EXPECT_NE(wrong(parse({}, {"export", "fmp4", "extra"})).find("unexpected 'extra'"),
            std::string::npos);
  EXPECT_NE(wrong(parse({}, {"fetch", "t", "--group", "x"})).find("moq fetch --help"),
            std::string::npos);
}

TEST(Options, FilesThatCannotBeReadAreAFailureNamedByTheirFlag) {
  const std::string folder = std::filesystem::temp_directory_path().string();
  const std::string missing = folder + "/no such file";
  const auto fails = [](const std::vector<std::string>& arguments, const std::string& part) {
    const std::string text = wrong(parse(arguments), app::kFailed);
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  fails({"--connect-tls-root", missing}, "--connect-tls-root: '" + missing + "': No such file");
  fails({"--connect-tls-root", folder}, "--connect-tls-root: '" + folder + "': Is a directory");
  fails({"--connect-tls-cert", missing, "--connect-tls-key", missing}, "--connect-tls-cert: '");
  fails({"--quic-qlog", missing}, "--quic-qlog: '" + missing + "': No such file");
}

TEST(Options, HelpAndVersionEndWell) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"--help"}, {"export", "--help"}, {"--version"}, {"-h"}}) {
    const CommandLine line = parse_command_line(arguments);
    EXPECT_FALSE(line.options);
    EXPECT_EQ(line.exit_code, 0);
    EXPECT_FALSE(line.out.empty());
    EXPECT_TRUE(line.err.empty()) << line.err;
  }
  const std::string help = parse_command_line({"--help"}).out;
  EXPECT_NE(help.find("import fmp4"), std::string::npos) << "it teaches by an example";
  EXPECT_NE(help.find("Exit codes"), std::string::npos);
}

}  // namespace
}  // namespace moq::cli
