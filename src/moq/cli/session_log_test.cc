#include "moq/cli/session_log.h"

#include <gtest/gtest.h>

#include "moq/base/log.h"

namespace moq::cli {
namespace {

/// Takes the lines of the log while a test runs.
class Lines {
 public:
  Lines() {
    lines.clear();
    log::set_sink(
        [](log::Level, std::string_view, std::string_view text) { lines.emplace_back(text); },
        log::Level::info);
  }
  ~Lines() { log::set_sink(nullptr, log::Level::off); }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  static inline std::vector<std::string> lines;
};

native::Reconnect::State connected(std::uint64_t epoch) {
  native::Reconnect::State state;
  state.status = native::Status::connected;
  state.epoch = epoch;
  state.link = {"https://h/", "moq-lite-06", "webtransport"};
  return state;
}

native::Url url(std::string_view text = "https://h/?jwt=secret") {
  return *native::Url::parse(text);
}

TEST(SessionLog, TellsOfEachSessionAndItsEnd) {
  const Lines lines;
  SessionLog session_log(url());
  session_log.update({});
  native::Reconnect::State state = connected(1);
  session_log.update(state);
  session_log.update(state);  // Nothing new.
  state.status = native::Status::disconnected;
  state.left = Error(Code::timeout, "idle timeout");
  state.last_error = state.left;
  session_log.update(state);
  session_log.update(connected(2));
  EXPECT_EQ(Lines::lines,
            (std::vector<std::string>{
                "event=connected epoch=1 url=https://h/ version=moq-lite-06 transport=webtransport",
                "event=disconnected epoch=1 reason=\"idle timeout\"",
                "event=connected epoch=2 url=https://h/ version=moq-lite-06 "
                "transport=webtransport"}));
}

TEST(SessionLog, AFailedDialComesWithAdviceOnce) {
  const Lines lines;
  SessionLog session_log(url());
  native::Reconnect::State state;
  state.last_error = Error(Code::refused, "nothing listens there");
  state.next_dial = 1s;
  for (state.failed_dials = 1; state.failed_dials <= 2; ++state.failed_dials) {
    session_log.update(state);
  }
  ASSERT_EQ(Lines::lines.size(), 2U);
  const std::string plain =
      "event=dial_failed url=https://h/ error=\"connection refused: nothing listens there\" "
      "retry_ms=1000";
  EXPECT_TRUE(Lines::lines[0].starts_with(plain + " advice=")) << Lines::lines[0];
  EXPECT_EQ(Lines::lines[1], plain);
}

TEST(SessionLog, GivingUpSaysWhatToDo) {
  const Lines lines;
  SessionLog session_log(url());
  native::Reconnect::State state;
  state.terminal = Error(Code::unauthorized, "no");
  state.last_error = state.terminal;
  state.failed_dials = 1;
  session_log.update(state);
  ASSERT_EQ(Lines::lines.size(), 1U);
  EXPECT_TRUE(Lines::lines[0].starts_with("event=gave_up error=\"unauthorized: no\" advice="))
      << Lines::lines[0];
}

TEST(SessionLog, AdviceFitsTheCause) {
  EXPECT_NE(advise(Error(Code::refused, "nothing listens there"), url()).find("UDP port"),
            std::string::npos);
  const Error web(Code::refused, "http://h:1/certificate.sha256: connect");
  EXPECT_NE(advise(web, url("http://h:1/")).find("--web-http-listen"), std::string::npos);
  EXPECT_NE(advise(Error(Code::tls, "unknown issuer"), url()).find("--connect-tls-root"),
            std::string::npos);
  EXPECT_NE(advise(Error(Code::tls, "fingerprint mismatch: x"), url()).find("another certificate"),
            std::string::npos);
  EXPECT_NE(advise(Error(Code::version), url()).find("--connect-version"), std::string::npos);
  EXPECT_NE(advise(Error(Code::name_not_found), url()).find("host"), std::string::npos);
  EXPECT_TRUE(advise(Error(Code::internal), url()).empty());
}

TEST(SessionLog, AnEndIsToldInAFewWords) {
  EXPECT_EQ(describe_end(Error(Code::going_away, "x")), "goaway");
  EXPECT_EQ(describe_end(Error(Code::unauthorized, "no", 2)), "closed by peer (2 no)");
  EXPECT_EQ(describe_end(Error(Code::refused, "x")), "refused");
  EXPECT_EQ(describe_end(Error(Code::timeout)), "timed out");
}

}  // namespace
}  // namespace moq::cli
