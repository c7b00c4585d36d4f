#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "moq/app/child_test.h"
#include "moq/base/testing_paths.h"

// The program as people run it: built, with pipes, against a relay on this machine or nobody.
namespace moq::cli {
namespace {

using app::test::Child;
using app::test::read_file;
using app::test::RelayChild;

constexpr int kFailed = 1;
const std::string kMoq = test_bin_dir() + "/moq";
const std::string kMedia = test_source_dir() + "/src/moq/mux/testdata/";
const std::string kZeros(64, '0');

/// `moq` with a broadcast, a short retry budget, and what else a test wants.
/// Without WebSocket, which would win now and then on a busy machine.
std::vector<std::string> moq(const std::string& url, std::vector<std::string> more,
                             const std::string& broadcast = "demo.hang") {
  std::vector<std::string> all = {kMoq,      "--connect",         url, "--broadcast",
                                  broadcast, "--backoff-timeout", "1s"};
  all.emplace_back("--connect-websocket=false");
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// What ends a program that cannot work: one line at last that has `parts`, and exit code 1.
void expect_failure(Child& child, const std::vector<std::string>& parts) {
  EXPECT_EQ(child.wait(), kFailed) << child;
  const std::string& log = child.err();
  ASSERT_TRUE(log.ends_with('\n')) << child;
  const std::size_t begin = log.rfind('\n', log.size() - 2);
  const std::string last = log.substr(begin == std::string::npos ? 0 : begin + 1);
  EXPECT_NE(last.find(" ERROR moq: event="), std::string::npos) << child;
  for (const std::string& part : parts) {
    EXPECT_NE(last.find(part), std::string::npos) << "no '" << part << "' in: " << last;
  }
}

void expect_failure(std::vector<std::string> command, const std::vector<std::string>& parts) {
  Child child(std::move(command));
  expect_failure(child, parts);
}

/// A publisher whose media stays until its input is closed.
void publish(Child& child, const std::string& file) {
  child.write(read_file(kMedia + file));
  child.expect_err("event=published path=demo.hang");
}

/// A temporary folder.
struct Folder {
  Folder() { EXPECT_NE(::mkdtemp(path.data()), nullptr); }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path = std::filesystem::temp_directory_path() / "moq-cli-XXXXXX";
};

TEST(Moq, RefusesAWrongCommandLineInOneLine) {
  Child child({kMoq, "--connect", "https://h/", "export", "fmp4", "--bogus"});
  EXPECT_EQ(child.wait(), 2);
  EXPECT_EQ(child.err(), "moq: unknown flag '--bogus'; see moq export --help\n");
  Child variable({kMoq, "--connect", "https://h/", "export", "fmp4"}, {"MOQ_BACKOFF_MAX=soon"});
  EXPECT_EQ(variable.wait(), 2);
  EXPECT_EQ(variable.err(),
            "moq: --backoff-max: 'soon' is not a duration, such as 250ms, 1s or 5m; see moq "
            "--help\n");
}

TEST(Moq, SaysThatNobodyListens) {
  const std::string port = std::to_string(app::test::free_port());
  expect_failure(moq("moqt://127.0.0.1:" + port + "/", {"export", "fmp4"}),
                 {"event=gave_up", "connection refused", "127.0.0.1:" + port,
                  "nothing listens there", "is the relay running"});
  expect_failure(moq("http://127.0.0.1:" + port + "/", {"export", "fmp4"}),
                 {"connection refused", "/certificate.sha256", "--web-http-listen"});
}

TEST(Moq, SaysThatANameIsUnknown) {
  expect_failure(moq("https://no-such-host.invalid/", {"export", "fmp4"}),
                 {"event=gave_up", "name not found", "no-such-host.invalid", "check the host"});
}

TEST(Moq, DialsOnceIfToldTo) {
  const std::string port = std::to_string(app::test::free_port());
  Child child(moq("moqt://127.0.0.1:" + port + "/", {"--connect-once", "export", "fmp4"}));
  expect_failure(child, {"event=gave_up"});
  EXPECT_EQ(child.err().find("event=dial_failed"), std::string::npos) << child;
}

TEST(Moq, SaysWhichCheckOfACertificateFailed) {
  const RelayChild relay;
  expect_failure(moq("https://" + relay.authority() + "/", {"export", "fmp4"}),
                 {"TLS failure", "unknown issuer", "--connect-tls-root", "http://"});
  expect_failure(moq("moqt://" + relay.authority() + "/",
                     {"--connect-tls-fingerprint", kZeros, "export", "fmp4"}),
                 {"TLS failure", "fingerprint mismatch", kZeros, "/certificate.sha256"});
}

TEST(Moq, RefusesFilesThatAreNoneOfTheKind) {
  const Folder folder;
  const std::string file = folder.path + "/broken.pem";
  std::ofstream(file) << "not a certificate";
  expect_failure(moq("https://127.0.0.1:1/", {"--connect-tls-root", file, "export", "fmp4"}),
                 {"event=failed", "bad configuration", file});
  Child missing(moq("https://127.0.0.1:1/", {"--connect-tls-root", file + "x", "export", "fmp4"}));
  EXPECT_EQ(missing.wait(), kFailed);
  EXPECT_EQ(missing.err(), "moq: --connect-tls-root: '" + file +
                               "x': No such file or directory; see moq --help\n");
}

TEST(Moq, SaysThatAPathIsNotForEverybody) {
  const RelayChild relay("anon/**");
  Child child(moq(relay.url("/secret"), {"import", "fmp4"}));
  child.write(read_file(kMedia + "cmaf_h264_aac.mp4"));
  expect_failure(child, {"event=gave_up", "unauthorized", "check the URL's path"});
  Child allowed(moq(relay.url("/anon"), {"import", "fmp4"}));
  publish(allowed, "cmaf_h264_aac.mp4");
  allowed.close_input();
  EXPECT_EQ(allowed.wait(), 0) << allowed;
}

TEST(Moq, ImportRefusesWhatIsNoMedia) {
  const std::string nowhere = "moqt://127.0.0.1:1/";
  const std::string mp4 = read_file(kMedia + "cmaf_h264_aac.mp4");
  const auto refuses = [&](const std::string& format, const std::string& input,
                           const std::vector<std::string>& parts) {
    // The input is judged first, so that no relay is needed.
    Child child({kMoq, "--connect", nowhere, "--broadcast", "a", "import", format});
    child.write(input);
    child.close_input();
    expect_failure(child, parts);
  };
  refuses("fmp4", "", {"event=failed", "stdin: nothing came", "moq --help"});
  refuses("avc3", "", {"event=failed", "stdin: nothing came", "moq --help"});
  refuses("fmp4", std::string(20000, 'x'), {"stdin: mp4:", "moq --help"});
  refuses("avc3", std::string(20000, 'x'), {"stdin: h264:"});
  refuses("avc3", mp4, {"this is MP4", "import fmp4"});
  refuses("fmp4", read_file(kMedia + "clip.h264"), {"this is H.264", "import avc3"});
  for (const std::string format : {"ts", "flv", "mkv"}) {
    refuses(format, "", {"event=failed", "stdin: nothing came"});
    refuses(format, std::string(100'000, 'x'), {"stdin: " + format + ": the input is no"});
    refuses(format, mp4, {"this is MP4, not", "import fmp4"});
  }
  refuses("fmp4", read_file(kMedia + "ts_h264_aac.ts"), {"transport stream, not MP4", "import ts"});
  refuses("ts", read_file(kMedia + "flv_mp3.flv"), {"this is FLV, not", "import flv"});
  refuses("flv", read_file(kMedia + "mkv_h264_opus.mkv"), {"this is Matroska", "import mkv"});
  refuses("fmp4", mp4.substr(0, 100),
          {"stdin: mp4: the stream ended before its tracks", "of 'moov', at byte 28"});
  // As of a file that is not fragmented.
  refuses("fmp4", mp4.substr(0, 28) + std::string("\0\0\0\x10mdat12345678", 16),
          {"'mdat' comes before 'moov': not a fragmented file, at byte 28", "moq --help"});
  std::string broken = mp4;
  broken.replace(broken.find("trun") + 8, 4, 4, '\xff');  // How many samples there are.
  refuses("fmp4", broken, {"stdin: mp4"});
}

TEST(Moq, AClosedStandardStreamIsNamedAndNoSocketTakesItsPlace) {
  const RelayChild relay;
  const auto shell = [&](const std::string& verb, const std::string& closed) {
    return std::vector<std::string>{
        "/bin/sh", "-c", "exec \"$0\" --connect \"$1\" --broadcast a " + verb + " " + closed, kMoq,
        relay.url()};
  };
  expect_failure(shell("import fmp4", "<&-"), {"stdin: not open for reading"});
  expect_failure(shell("export fmp4", ">&-"), {"stdout: not open for writing"});
  // Without stderr it works, in silence.
  Child publisher(moq(relay.url(), {"import", "fmp4"}, "a"));
  publisher.write(read_file(kMedia + "cmaf_h264_aac.mp4"));
  publisher.expect_err("event=published");
  Child silent(shell("export fmp4", "2>&-"));
  silent.expect_out_bytes(1000);
  silent.signal(SIGINT);
  EXPECT_EQ(silent.wait(), 0);
}

TEST(Moq, CarriesMediaToAFileThatStartsWithItsKeyFrame) {
  const RelayChild relay;
  Child publisher(moq(relay.url(), {"import", "fmp4"}));
  publish(publisher, "cmaf_h264_aac.mp4");
  Child movie(moq(relay.url(), {"export", "fmp4"}));
  Child video(moq(relay.url(), {"export", "h264"}));
  movie.expect_err("event=connected epoch=1");
  EXPECT_NE(movie.expect_err("event=announced").find("path=demo.hang"), std::string::npos);
  movie.expect_err("codec=avc1");
  movie.expect_err("codec=mp4a");
  movie.expect_out_bytes(2000);
  video.expect_out_bytes(500);
  publisher.close_input();
  EXPECT_EQ(publisher.wait(), 0) << publisher;
  EXPECT_EQ(movie.wait(), 0) << movie;
  EXPECT_EQ(video.wait(), 0) << video;
  movie.expect_err("event=finished frames=");
  EXPECT_EQ(movie.out().substr(4, 4), "ftyp");
  EXPECT_NE(movie.out().find("mp4a"), std::string::npos);
  // Parameter sets, then the key frame, behind start codes.
  ASSERT_EQ(video.out().substr(0, 4), std::string("\0\0\0\1", 4));
  EXPECT_EQ(video.out()[4] & 0x1f, 7);
}

TEST(Moq, AShortInputReachesThoseWhoWaitForIt) {
  const RelayChild relay;
  Child viewer(moq(relay.url(), {"export", "fmp4", "--max-age", "10s"}));
  viewer.expect_err("event=connected epoch=1");
  // All of it has come before there is a session.
  Child publisher(moq(relay.url(), {"import", "fmp4"}));
  publisher.write(read_file(kMedia + "cmaf_h264_aac.mp4"));
  publisher.close_input();
  EXPECT_EQ(publisher.wait(), 0) << publisher;
  EXPECT_EQ(viewer.wait(), 0) << viewer;
  viewer.expect_err("event=finished frames=25 ");
}

/// What ffprobe counts in a file.
int count_frames(const std::string& path, const std::string& stream) {
  const std::string script =
      "exec ffprobe -v error -count_frames -select_streams \"$1\" -show_entries "
      "stream=nb_read_frames -of csv=p=0 \"$0\"";
  Child probe({"/bin/sh", "-c", script, path, stream});
  EXPECT_EQ(probe.wait(), 0) << probe;
  EXPECT_EQ(probe.err(), "");
  return std::atoi(probe.out().c_str());
}

TEST(Moq, CarriesWhatFfmpegPipesInContainers) {
  if (Child({"/bin/sh", "-c", "ffmpeg -version && ffprobe -version"}).wait() != 0) {
    GTEST_SKIP() << "ffmpeg is not installed";
  }
  const RelayChild relay;
  const Folder folder;
  const std::map<std::string, std::string> muxers = {
      {"ts", "mpegts"}, {"flv", "flv"}, {"mkv", "matroska"}};
  for (const auto& [format, muxer] : muxers) {
    SCOPED_TRACE(format);
    const std::string name = format + ".hang";
    Child viewer(moq(relay.url(), {"export", "fmp4", "--max-age", "10s"}, name));
    viewer.expect_err("event=connected epoch=1");
    const std::string script =
        "ffmpeg -v error -i \"$0\" -c copy -f \"$1\" - |"
        " \"$2\" --connect \"$3\" --broadcast \"$4\" import \"$5\"";
    Child publisher({"/bin/sh", "-c", script, kMedia + "cmaf_h264_aac.mp4", muxer, kMoq,
                     relay.url(), name, format});
    EXPECT_EQ(publisher.wait(), 0) << publisher;
    EXPECT_EQ(viewer.wait(), 0) << viewer;
    viewer.expect_err("event=finished frames=25 ");
    const std::string path = folder.path + "/" + format + ".mp4";
    std::ofstream(path, std::ios::binary) << viewer.out();
    EXPECT_EQ(count_frames(path, "v"), 25);
    EXPECT_GE(count_frames(path, "a"), 40);
  }
}

TEST(Moq, ACutInputIsPublishedUpToTheCutAndNamed) {
  const RelayChild relay;
  Child viewer(moq(relay.url(), {"export", "fmp4", "--max-age", "10s"}));
  viewer.expect_err("event=connected epoch=1");
  Child publisher(moq(relay.url(), {"import", "fmp4"}));
  const std::string file = read_file(kMedia + "cmaf_h264_aac.mp4");
  publisher.write(file.substr(0, file.size() - 10));
  publisher.close_input();
  expect_failure(publisher, {"event=failed", "stdin: mp4: the input ends after ", "at byte "});
  EXPECT_EQ(viewer.wait(), 0) << viewer;
}

TEST(Moq, ReadsTheCatalogThatTheNameOrAFlagAsksFor) {
  const RelayChild relay;
  const std::string file = read_file(kMedia + "cmaf_h264_aac.mp4");
  // A broadcast of MSF alone is found by its name, and by any other with the flag.
  for (const std::string name : {"demo.msf", "demo.hang"}) {
    SCOPED_TRACE(name);
    Child publisher(moq(relay.url(), {"import", "fmp4", "--catalogs", "msf"}, name));
    publisher.write(file);
    publisher.expect_err("event=published path=" + name);
    std::vector<std::string> command = {"export", "fmp4"};
    if (name != "demo.msf") command.insert(command.end(), {"--catalog-format", "msf"});
    Child viewer(moq(relay.url(), command, name));
    viewer.expect_out_bytes(2000);
    Child catalog(moq(relay.url(), {"fetch", "catalog"}, name));
    EXPECT_EQ(catalog.wait(), 0) << catalog;
    EXPECT_TRUE(catalog.out().starts_with(R"({"version":"draft-01","tracks":[{"name":)"))
        << catalog;
    Child none(moq(relay.url(), {"fetch", "catalog.json"}, name));
    EXPECT_EQ(none.wait(), kFailed) << none;
    publisher.close_input();
    EXPECT_EQ(publisher.wait(), 0) << publisher;
    EXPECT_EQ(viewer.wait(), 0) << viewer;
    EXPECT_EQ(viewer.out().substr(4, 4), "ftyp");
  }
}

TEST(Moq, PublishesBothCatalogsUnlessToldOtherwise) {
  const RelayChild relay;
  Child publisher(moq(relay.url(), {"import", "fmp4"}));
  publish(publisher, "cmaf_h264_aac.mp4");
  for (const std::string format : {"hang", "hangz", "msf"}) {
    Child viewer(moq(relay.url(), {"export", "fmp4", "--catalog-format", format}));
    viewer.expect_out_bytes(1000);
    viewer.signal(SIGINT);
    EXPECT_EQ(viewer.wait(), 0) << viewer;
  }
}

TEST(Moq, ASignalEndsAnExportCleanly) {
  const RelayChild relay;
  Child publisher(moq(relay.url(), {"import", "fmp4"}));
  publish(publisher, "cmaf_h264_aac.mp4");
  for (const int number : {SIGINT, SIGTERM}) {
    Child viewer(moq(relay.url(), {"export", "fmp4"}));
    viewer.expect_out_bytes(1000);
    viewer.signal(number);
    EXPECT_EQ(viewer.wait(), 0) << viewer;
    viewer.expect_err("event=finished");
  }
  publisher.signal(SIGINT);
  EXPECT_EQ(publisher.wait(), 0) << publisher;
}

TEST(Moq, ASignalEndsWaitingForARelayThatNeverComes) {
  const std::string port = std::to_string(app::test::free_port());
  for (const std::string verb : {"export", "import"}) {
    Child child(
        {kMoq, "--connect", "moqt://127.0.0.1:" + port + "/", "--broadcast", "a", verb, "fmp4"});
    child.expect_err("event=dial_failed");
    child.signal(SIGTERM);
    EXPECT_EQ(child.wait(), 0) << child;
  }
}

TEST(Moq, AReaderThatLeavesEndsAnExportCleanly) {
  const RelayChild relay;
  Child publisher(moq(relay.url(), {"import", "fmp4"}));
  publish(publisher, "cmaf_h264_aac.mp4");
  Child viewer(moq(relay.url(), {"export", "fmp4"}));
  viewer.expect_out_bytes(100);
  viewer.close_output();
  publisher.write(read_file(kMedia + "cmaf_h264_aac.mp4"));
  EXPECT_EQ(viewer.wait(), 0) << viewer;
}

TEST(Moq, TellsWhatItWaitsFor) {
  const RelayChild relay;
  Child viewer(moq(relay.url(), {"export", "fmp4"}));
  const std::string line = viewer.expect_err("event=waiting");
  EXPECT_NE(line.find("path=demo.hang for=broadcast advice="), std::string::npos) << line;
  Child publisher(moq(relay.url(), {"import", "fmp4"}));
  publish(publisher, "cmaf_h264_aac.mp4");
  viewer.expect_out_bytes(1000);
  Child choosy(moq(relay.url(), {"export", "h264", "--video-codec", "av1"}));
  EXPECT_NE(choosy.expect_err("event=waiting").find("for=media"), std::string::npos);
}

TEST(Moq, FetchPrintsAGroup) {
  const RelayChild relay;
  Child publisher(moq(relay.url(), {"import", "avc3"}));
  publish(publisher, "clip.h264");
  Child catalog(moq(relay.url(), {"fetch", "catalog.json"}));
  EXPECT_EQ(catalog.wait(), 0) << catalog;
  EXPECT_TRUE(catalog.out().starts_with("{\"video\":{")) << catalog;
  Child json(moq(relay.url(), {"fetch", "catalog.json", "--group", "0", "--json"}));
  EXPECT_EQ(json.wait(), 0) << json;
  EXPECT_TRUE(json.out().starts_with("{\"group\":0,\"frame\":0,\"size\":")) << json;
  expect_failure(moq(relay.url(), {"fetch", "nothing"}),
                 {"event=failed", "not found", "nothing", "catalog.json lists the tracks"});
  expect_failure(moq(relay.url(), {"fetch", "catalog.json", "--group", "999"}), {"not found"});
}

TEST(Moq, FetchOfALiveTrackEndsWithItsGroup) {
  const RelayChild relay;
  const std::string clip = read_file(kMedia + "clip.h264");
  Child publisher(moq(relay.url(), {"import", "avc3"}));
  publish(publisher, "clip.h264");
  Child fetch(moq(relay.url(), {"fetch", "0.avc3", "--json"}));
  fetch.expect_out("\"group\":2,\"frame\":3,");
  // Completes the group that is read, and begins others in the same moment.
  publisher.write(clip);
  EXPECT_EQ(fetch.wait(), 0) << fetch;
  EXPECT_NE(fetch.out().find("\"group\":2,\"frame\":4,"), std::string::npos) << fetch;
  EXPECT_EQ(fetch.out().find("\"group\":3,"), std::string::npos) << fetch;
}

TEST(Moq, SpeaksTheVersionThatIsAskedFor) {
  const RelayChild relay;
  for (const std::string version :
       {"moq-lite-01", "moq-lite-02", "moq-lite-03", "moq-lite-04", "moq-lite-05", "moq-lite-06"}) {
    Child child({kMoq, "--connect", relay.url(), "--broadcast", "a", "export", "fmp4"},
                {"MOQ_CONNECT_VERSION=" + version, "MOQ_CONNECT_WEBSOCKET=false"});
    const std::string line = child.expect_err("event=connected");
    EXPECT_NE(line.find("version=" + version + " transport=webtransport"), std::string::npos)
        << line;
  }
}

TEST(Moq, GoesByWebSocketIfToldTo) {
  const RelayChild relay;
  Child publisher(moq("ws://" + relay.authority() + "/", {"import", "avc3"}));
  const std::string line = publisher.expect_err("event=connected");
  EXPECT_NE(line.find("transport=websocket"), std::string::npos) << line;
  publish(publisher, "clip.h264");
  Child fetch(moq(relay.url(), {"fetch", "catalog.json"}));
  EXPECT_EQ(fetch.wait(), 0) << fetch;
}

TEST(Moq, ConnectsByPinAndWithoutAnyCheck) {
  const RelayChild relay;
  Child insecure(
      moq("moqt://" + relay.authority() + "/", {"--connect-tls-insecure", "export", "fmp4"}));
  EXPECT_NE(insecure.expect_err("event=insecure").find("NOT verified"), std::string::npos);
  EXPECT_NE(insecure.expect_err("event=connected").find("transport=quic"), std::string::npos);
  // The error of a wrong pin tells the right one.
  Child refused(moq("moqt://" + relay.authority() + "/",
                    {"--connect-once", "--connect-tls-fingerprint", kZeros, "export", "fmp4"}));
  EXPECT_EQ(refused.wait(), kFailed);
  const std::string words = "the server's certificate is ";
  const std::size_t at = refused.err().find(words);
  ASSERT_NE(at, std::string::npos) << refused;
  const std::string pin = refused.err().substr(at + words.size(), kZeros.size());
  Child pinned({kMoq, "--connect", "https://" + relay.authority() + "/", "export", "fmp4"},
               {"MOQ_CONNECT_TLS_FINGERPRINT=" + pin});
  pinned.expect_err("event=connected");
}

TEST(Moq, GoesOnAsSoonAsTheRelayIsBack) {
  RelayChild relay;
  // One retry comes soon; the next one, by the clock alone, after 15 s at least.
  const std::vector<std::string> slow = {"MOQ_BACKOFF_INITIAL=50ms", "MOQ_BACKOFF_MULTIPLIER=1000",
                                         "MOQ_QUIC_KEEP_ALIVE=200ms"};
  const auto command = [&](const std::string& verb) {
    return std::vector<std::string>{kMoq,        "--connect", relay.url(), "--broadcast",
                                    "demo.hang", verb,        "fmp4"};
  };
  Child publisher(command("import"), slow);
  publish(publisher, "cmaf_h264_aac.mp4");
  Child viewer(command("export"), slow);
  viewer.expect_out_bytes(1000);
  // A session shorter than the first wait is a failed dial; these are to be healthy ones.
  const auto healthy = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  do {
    EXPECT_EQ(Child(moq(relay.url(), {"fetch", "catalog.json"})).wait(), 0);
  } while (std::chrono::steady_clock::now() < healthy);
  relay.kill();
  for (int attempt = 0; attempt < 2; ++attempt) {
    viewer.expect_err("event=dial_failed");
    publisher.expect_err("event=dial_failed");
  }
  const auto restarted = std::chrono::steady_clock::now();
  relay.start();
  viewer.expect_err("event=connected epoch=2");
  publisher.expect_err("event=published path=demo.hang");
  EXPECT_LT(std::chrono::steady_clock::now() - restarted, std::chrono::seconds(10));
  viewer.signal(SIGINT);
  EXPECT_EQ(viewer.wait(), 0) << viewer;
}

TEST(Moq, ExportEndsWhenThePublisherIsGoneForTooLong) {
  const RelayChild relay;
  Child publisher({kMoq, "--connect", relay.url(), "--broadcast", "demo.hang", "import", "fmp4"},
                  {"MOQ_QUIC_IDLE_TIMEOUT=500ms"});
  publish(publisher, "cmaf_h264_aac.mp4");
  Child viewer(moq(relay.url(), {"export", "fmp4", "--linger", "500ms"}));
  viewer.expect_out_bytes(1000);
  publisher.signal(SIGKILL);
  viewer.expect_err("event=unannounced path=demo.hang");
  expect_failure(viewer, {"event=failed", "the publisher has left without an end"});
}

}  // namespace
}  // namespace moq::cli
