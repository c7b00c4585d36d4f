#include "moq/relay/web_pages.h"

#include <gtest/gtest.h>

#include "moq/relay/test_bed_test.h"

namespace moq::relay::test {
namespace {

/// A client at the other end of a connection, which sends and takes what the test tells it to.
class FakeClient final : public io::ByteSource, public io::ByteSink {
 public:
  void send(std::string_view text) {
    unread_ += text;
    on_readable_.wake();
  }
  void hang_up() {
    gone_ = true;
    on_readable_.wake();
  }
  /// Takes `size` more bytes; all there are unless this was called.
  void take(std::size_t size) {
    room_ = room_.value_or(0) + size;
    on_writable_.wake();
  }
  [[nodiscard]] const std::string& got() const { return got_; }

  kio::Poll<Result<Bytes>> poll_read(const kio::Waiter& waiter, std::size_t max) override {
    if (unread_.empty() && !gone_) {
      on_readable_.add(waiter);
      return kio::kPending;
    }
    const std::string part = unread_.substr(0, max);
    unread_.erase(0, part.size());
    return Result<Bytes>(Bytes::copy(part));
  }
  kio::Poll<Result<void>> poll_write(const kio::Waiter& waiter, Bytes& data) override {
    const std::size_t taken = std::min(room_.value_or(data.size()), data.size());
    got_ += data.text().substr(0, taken);
    data.take_front(taken);
    if (room_) *room_ -= taken;
    if (data.empty()) return Result<void>();
    on_writable_.add(waiter);
    return kio::kPending;
  }

 private:
  std::string unread_;
  std::string got_;
  std::optional<std::size_t> room_;
  bool gone_ = false;
  kio::WaiterList on_readable_;
  kio::WaiterList on_writable_;
};

struct Answer {
  explicit Answer(const std::string& text) {
    const std::size_t end = text.find("\r\n\r\n");
    if (!text.starts_with("HTTP/1.1 ") || end == std::string::npos) return;
    status = std::stoi(text.substr(9, 3));
    head = text.substr(0, end + 2);
    body = text.substr(end + 4);
    if (head.find("\r\nTransfer-Encoding: chunked\r\n") != std::string::npos) join_chunks();
  }
  void join_chunks() {
    std::string joined;
    whole = false;
    for (std::size_t at = 0; at < body.size();) {
      const std::size_t line = body.find("\r\n", at);
      const std::size_t size = std::stoul(body.substr(at, line - at), nullptr, 16);
      joined += body.substr(line + 2, size);
      at = line + 2 + size + 2;
      whole = size == 0;
    }
    body = joined;
  }
  int status = 0;
  std::string head;
  std::string body;
  bool whole = true;  ///< It had an end.
};

/// A request on its way.
struct Visit {
  Visit(Bed& bed, const WebPages& pages)
      : exchange(bed.world, client, client), serving(bed.world.spawn(run(pages, exchange))) {}
  static kio::Task<void> run(const WebPages& pages, HttpExchange& exchange) {
    co_await pages.serve(exchange);
  }
  [[nodiscard]] Answer answer() const { return Answer(client.got()); }

  FakeClient client;
  HttpExchange exchange;
  kio::Spawned<void> serving;
};

class WebPagesTest : public testing::Test {
 protected:
  WebPagesTest() {
    bed_.start_relay();
    pages_.emplace(bed_.world, *bed_.relay);
    publisher_ = &bed_.add_peer();
  }
  /// Announces a broadcast with a track, and waits until the relay knows.
  net::track::Producer publish(const std::string& path, const std::string& track) {
    announcements_.push_back(
        *publisher_->origin.announce(net::Path::of(path), broadcast_.consume()));
    if (!publisher_->reconnect) publisher_->connect();
    bed_.world.run_for(1s);
    return *broadcast_.create_track(track);
  }
  Answer ask(const std::string& target, const std::string& method = "GET",
             const std::string& version = "1.1") {
    Visit visit(bed_, *pages_);
    visit.client.send(method + " " + target + " HTTP/" + version + "\r\nHost: relay\r\n\r\n");
    EXPECT_TRUE(bed_.world.run_until([&] { return visit.serving.finished(); }, 2min)) << target;
    return visit.answer();
  }
  /// Whether the visit is over after `limit`, but not before.
  bool over_after(const Visit& visit, Duration limit) {
    const TimePoint begin = bed_.world.now();
    EXPECT_TRUE(bed_.world.run_until([&] { return visit.serving.finished(); }, 2min));
    const Duration took = bed_.world.now() - begin;
    return took > limit - 100ms && took < limit + 100ms;
  }

  Bed bed_;
  std::optional<WebPages> pages_;
  Peer* publisher_ = nullptr;
  net::broadcast::Producer broadcast_;
  std::vector<net::origin::Announcement> announcements_;
};

void write_group(net::track::Producer& track, const std::vector<std::string>& frames) {
  auto group = track.append_group();
  for (const std::string& frame : frames) {
    ASSERT_TRUE(group->write_frame(0, Bytes::copy(frame)));
  }
  std::move(*group).finish();
}

TEST_F(WebPagesTest, TheFingerprintIsSixtyFourDigitsAndNothingElse) {
  const Answer answer = ask("/certificate.sha256");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, transport::quic::to_hex(identity().fingerprint()));
  EXPECT_EQ(answer.body.size(), 64U);
  EXPECT_NE(answer.head.find("\r\nContent-Length: 64\r\n"), std::string::npos);
  EXPECT_NE(answer.head.find("\r\nAccess-Control-Allow-Origin: *\r\n"), std::string::npos);
}

TEST_F(WebPagesTest, HealthIsOkAndAnythingElseIsNotFound) {
  EXPECT_EQ(ask("/health").body, "ok\n");
  EXPECT_EQ(ask("http://relay/health?x").body, "ok\n");
  for (const std::string path :
       {"/", "/healthy", "/announcedx", "/fetch", "/certificate.sha256/"}) {
    EXPECT_EQ(ask(path).status, 404) << path;
  }
}

TEST_F(WebPagesTest, AnnouncedNamesBroadcastsFromThePrefixOn) {
  EXPECT_EQ(ask("/announced").body, "");
  const auto left = publish("room/alice", "t");
  EXPECT_EQ(ask("/announced").body, "room/alice\n");
  EXPECT_EQ(ask("/announced/").body, "room/alice\n");
  EXPECT_EQ(ask("/announced/room").body, "alice\n");
  EXPECT_EQ(ask("/announced/r%6fom/").body, "alice\n");
  EXPECT_EQ(ask("/announced/roo").body, "");
  EXPECT_EQ(ask("/announced/room/alice").body, "\n");
  EXPECT_EQ(ask("/announced/%ff").status, 400);
  EXPECT_EQ(ask("/announced/%f").status, 400);
}

TEST_F(WebPagesTest, WhatNobodyMaySubscribeToIsNeitherListedNorFetched) {
  bed_.kill_relay();
  bed_.config.grants.subscribe = {*Pattern::parse("open/**")};
  bed_.start_relay();
  pages_.emplace(bed_.world, *bed_.relay);
  auto track = publish("closed/a", "t");
  write_group(track, {"secret"});
  EXPECT_EQ(ask("/announced").body, "");
  EXPECT_EQ(ask("/fetch/closed/a/t").status, 404);
}

TEST_F(WebPagesTest, FetchesTheNewestGroupOrOneByItsNumber) {
  auto track = publish("room/alice", "t");
  write_group(track, {"one", "", "two"});
  write_group(track, {"three"});
  for (const std::string query : {"", "?", "?group=latest", "?group=1", "?x=0&group=1"}) {
    const Answer answer = ask("/fetch/room/alice/t" + query);
    EXPECT_EQ(answer.status, 200) << query;
    EXPECT_EQ(answer.body, "three") << query;
    EXPECT_TRUE(answer.whole) << query;
  }
  EXPECT_EQ(ask("/fetch//room//alice/t?group=0").body, "onetwo");
}

TEST_F(WebPagesTest, WhatIsNotThereIsNotFound) {
  auto track = publish("room/alice", "t");
  write_group(track, {"one"});
  for (const std::string target : {"/fetch/room/alice/t?group=7", "/fetch/room/alice/other",
                                   "/fetch/room/bob/t", "/fetch/t", "/fetch/room/t"}) {
    EXPECT_EQ(ask(target).status, 404) << target;
  }
}

TEST_F(WebPagesTest, WhatMakesNoSenseIsABadRequest) {
  const auto track = publish("room/alice", "t");
  for (const std::string group : {"", "x", "-1", "1x", "+1", "18446744073709551616", "%"}) {
    EXPECT_EQ(ask("/fetch/room/alice/t?group=" + group).status, 400) << group;
  }
  for (const std::string target : {"/fetch/", "/fetch/room/", "/fetch/%ff/t", "/fetch/room/%"}) {
    EXPECT_EQ(ask(target).status, 400) << target;
  }
}

TEST_F(WebPagesTest, ASlashInATracksNameIsEncoded) {
  auto track = publish("room/alice", "video/50%");
  write_group(track, {"frame"});
  EXPECT_EQ(ask("/fetch/room/alice/video%2F50%25").body, "frame");
  EXPECT_EQ(ask("/fetch/room%2Falice/video%2f50%25").body, "frame");
  EXPECT_EQ(ask("/fetch/room/alice/video/50%25").status, 404);
}

TEST_F(WebPagesTest, AGroupComesWhileItGrows) {
  auto track = publish("room/alice", "t");
  auto group = *track.append_group();
  ASSERT_TRUE(group.write_frame(0, Bytes::copy("one ")));
  Visit visit(bed_, *pages_);
  visit.client.send("GET /fetch/room/alice/t HTTP/1.1\r\n\r\n");
  bed_.world.run_for(1s);
  EXPECT_EQ(visit.answer().body, "one ");
  EXPECT_FALSE(visit.answer().whole);
  bed_.world.run_for(8s);
  ASSERT_TRUE(group.write_frame(1, Bytes::copy("two")));
  bed_.world.run_for(8s);
  EXPECT_EQ(visit.answer().body, "one two");
  std::move(group).finish();
  bed_.world.run_for(1s);
  EXPECT_TRUE(visit.serving.finished());
  EXPECT_TRUE(visit.answer().whole);
}

TEST_F(WebPagesTest, AGroupThatDoesNotGoOnEndsWithoutAnEnd) {
  auto track = publish("room/alice", "t");
  auto group = *track.append_group();
  ASSERT_TRUE(group.write_frame(0, Bytes::copy("one")));
  Visit visit(bed_, *pages_);
  visit.client.send("GET /fetch/room/alice/t HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(over_after(visit, kHttpTimeout));
  EXPECT_EQ(visit.answer().body, "one");
  EXPECT_FALSE(visit.answer().whole);
}

TEST_F(WebPagesTest, ATrackWithoutGroupsIsAGatewayTimeout) {
  const auto track = publish("room/alice", "t");
  const TimePoint begin = bed_.world.now();
  EXPECT_EQ(ask("/fetch/room/alice/t").status, 504);
  EXPECT_LT(bed_.world.now() - begin, kHttpTimeout + 1s);
}

TEST_F(WebPagesTest, AnOldClientGetsNoChunks) {
  auto track = publish("room/alice", "t");
  write_group(track, {"one", "two"});
  const Answer answer = ask("/fetch/room/alice/t", "GET", "1.0");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "onetwo");
  EXPECT_EQ(answer.head.find("chunked"), std::string::npos);
}

TEST_F(WebPagesTest, HeadIsAnsweredWithoutABody) {
  auto track = publish("room/alice", "t");
  write_group(track, {"one"});
  const Answer health = ask("/health", "HEAD");
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(health.body, "");
  EXPECT_NE(health.head.find("\r\nContent-Length: 3\r\n"), std::string::npos);
  const Answer group = ask("/fetch/room/alice/t", "HEAD");
  EXPECT_EQ(group.status, 200);
  EXPECT_EQ(group.body, "");
  EXPECT_EQ(ask("/nothing", "HEAD").status, 404);
}

TEST_F(WebPagesTest, OtherMethodsAreToldWhichThereAre) {
  for (const std::string method : {"POST", "OPTIONS", "get", "NONSENSE"}) {
    const Answer answer = ask("/health", method);
    EXPECT_EQ(answer.status, 405) << method;
    EXPECT_NE(answer.head.find("\r\nAllow: GET, HEAD\r\n"), std::string::npos);
  }
}

TEST_F(WebPagesTest, GarbageIsABadRequest) {
  Visit visit(bed_, *pages_);
  visit.client.send("\x16\x03\x01 hello\r\n\r\n");
  bed_.world.run_for(1s);
  EXPECT_EQ(visit.answer().status, 400);
}

TEST_F(WebPagesTest, ARequestInPiecesIsOne) {
  Visit visit(bed_, *pages_);
  for (const char c : std::string("GET /health HTTP/1.1\r\nHost: relay\r\n\r\n")) {
    EXPECT_EQ(visit.client.got(), "");
    visit.client.send(std::string(1, c));
    bed_.world.run_for(10ms);
  }
  EXPECT_EQ(visit.answer().body, "ok\n");
}

TEST_F(WebPagesTest, ASlowRequestIsNotWaitedForHoweverManyBytesCome) {
  Visit visit(bed_, *pages_);
  for (int i = 1; i < 60; ++i) {
    bed_.world.after(std::chrono::seconds(i), [&visit] { visit.client.send("x"); });
  }
  EXPECT_TRUE(over_after(visit, kHttpTimeout));
  EXPECT_EQ(visit.answer().status, 408);
  bed_.world.run_for(60s);
}

TEST_F(WebPagesTest, OneThatNeverAsksGetsNoAnswer) {
  Visit silent(bed_, *pages_);
  EXPECT_TRUE(over_after(silent, kHttpTimeout));
  EXPECT_EQ(silent.client.got(), "");
  Visit gone(bed_, *pages_);
  gone.client.send("GET /hea");
  gone.client.hang_up();
  bed_.world.run_for(1ms);
  EXPECT_TRUE(gone.serving.finished());
  EXPECT_EQ(gone.client.got(), "");
}

TEST_F(WebPagesTest, AHeadWithoutEndIsTooLong) {
  Visit visit(bed_, *pages_);
  visit.client.send("GET / HTTP/1.1\r\nX: " + std::string(2 * kMaxHttpRequestBytes, 'x'));
  bed_.world.run_for(1ms);
  EXPECT_EQ(visit.answer().status, 431);
}

TEST_F(WebPagesTest, AClientThatTakesNothingIsDropped) {
  auto track = publish("room/alice", "t");
  write_group(track, {std::string(1 << 20, 'x')});
  Visit visit(bed_, *pages_);
  visit.client.take(0);
  visit.client.send("GET /fetch/room/alice/t HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(over_after(visit, kHttpTimeout));
}

TEST_F(WebPagesTest, AClientThatTakesSlowlyIsServedForAWhile) {
  auto track = publish("room/alice", "t");
  write_group(track, {std::string(40'000, 'x')});
  const auto take_each_second = [this](Visit& visit, std::size_t size) {
    visit.client.take(0);
    visit.client.send("GET /fetch/room/alice/t HTTP/1.1\r\n\r\n");
    for (int i = 1; i < 100; ++i) {
      bed_.world.after(std::chrono::seconds(i), [&visit, size] { visit.client.take(size); });
    }
  };
  Visit slow(bed_, *pages_);
  take_each_second(slow, 1000);
  bed_.world.run_for(45s);
  EXPECT_TRUE(slow.serving.finished());
  EXPECT_TRUE(slow.answer().whole);
  bed_.world.run_for(55s);
  Visit too_slow(bed_, *pages_);
  take_each_second(too_slow, 10);
  EXPECT_TRUE(over_after(too_slow, kHttpLifetime));
  bed_.world.run_for(100s);
}

kio::Task<void> drain(HttpExchange& exchange) { co_await exchange.drain(); }

TEST_F(WebPagesTest, DrainsWhatTheClientStillSendsForAMoment) {
  FakeClient client;
  HttpExchange exchange(bed_.world, client, client);
  kio::Spawned<void> draining = bed_.world.spawn(drain(exchange));
  client.send("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
  bed_.world.run_for(kHttpLinger - 1ms);
  EXPECT_FALSE(draining.finished());
  bed_.world.run_for(1ms);
  EXPECT_TRUE(draining.finished());
  EXPECT_EQ(client.got(), "");

  draining = bed_.world.spawn(drain(exchange));
  client.send(std::string(2 * kMaxHttpLingerBytes, 'x'));
  bed_.world.run_for(1ms);
  EXPECT_TRUE(draining.finished());
}

}  // namespace
}  // namespace moq::relay::test
