#include <array>

#include "moq/net/hostile_test_support.h"
#include "moq/net/limits.h"
#include "moq/net/lite/announce.h"
#include "moq/net/lite/group.h"
#include "moq/net/lite/limits.h"
#include "moq/net/lite/track.h"

/// Hostile clients of a server that publishes.
namespace moq::net::hostile {
namespace {

/// What opens each kind of request stream, whole and valid.
std::vector<std::pair<BidiType, Bytes>> requests(Version version, std::uint64_t id = 5) {
  std::vector<std::pair<BidiType, Bytes>> all;
  lite::Subscribe subscribe;
  subscribe.id = id;
  subscribe.broadcast = Path::of("live");
  subscribe.track = "video";
  all.emplace_back(BidiType::subscribe,
                   lite::encode_opening(BidiType::subscribe, subscribe, version));
  lite::AnnounceRequest announce;
  announce.prefix = Path::of("a/b");
  all.emplace_back(BidiType::announce, lite::encode_opening(BidiType::announce, announce, version));
  if (has_track_info(version)) {
    lite::Track track;
    track.broadcast = Path::of("live");
    track.track = "video";
    all.emplace_back(BidiType::track, lite::encode_opening(BidiType::track, track, version));
  }
  if (has_fetch(version)) {
    lite::Fetch fetch;
    fetch.broadcast = Path::of("live");
    fetch.track = "video";
    all.emplace_back(BidiType::fetch, lite::encode_opening(BidiType::fetch, fetch, version));
  }
  return all;
}

/// Stream type, an arbitrary length, and `body`.
Bytes claim(BidiType type, std::uint64_t length, ByteSpan body, Version version) {
  Writer out(varint_kind(version));
  out.varint(static_cast<std::uint64_t>(type)).varint(length).bytes(body);
  return out.take();
}
class Hostile : public testing::TestWithParam<Version> {};

TEST_P(Hostile, RequestsCutAtEveryByteWithFin) {
  Stage stage(GetParam());
  Attacker attacker(stage);
  attacker.subscribe();
  for (const auto& [type, whole] : requests(GetParam())) {
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      SCOPED_TRACE(fmt::format("{} cut at {}", to_string(type), cut));
      auto stream = attacker.open_with(whole.slice(0, cut));
      stream.send->finish();
      // Without a message there is nothing malformed yet, but no answer to an announce request.
      const bool nothing = cut == 0 || (cut == 1 && type != BidiType::announce);
      EXPECT_EQ(attacker.ending(stream), nothing ? kCancelled : kBroken);
    }
    EXPECT_TRUE(attacker.delivers()) << to_string(type);
  }
  EXPECT_TRUE(attacker.alive());
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(Hostile, RequestsCutAtEveryByteWithReset) {
  Stage stage(GetParam());
  Attacker attacker(stage);
  attacker.subscribe();
  constexpr std::uint32_t kTheirs = 64 + 7;
  for (const auto& [type, whole] : requests(GetParam())) {
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      SCOPED_TRACE(fmt::format("{} cut at {}", to_string(type), cut));
      auto stream = attacker.open_with(whole.slice(0, cut));
      stage.world.run_for(20ms);  // A reset overtakes what is not yet there.
      stream.send->reset(kTheirs);
      const std::uint64_t code = attacker.ending(stream);
      if (cut == 0) {
        EXPECT_EQ(code, kCancelled);
      } else {
        EXPECT_EQ(code, type == BidiType::announce ? kBroken : kTheirs);
      }
    }
    EXPECT_TRUE(attacker.delivers()) << to_string(type);
  }
  EXPECT_TRUE(attacker.alive());
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(Hostile, LengthsThatLie) {
  Stage stage(GetParam());
  Attacker attacker(stage);
  attacker.subscribe();
  const Version version = GetParam();
  for (const auto& [type, whole] : requests(version)) {
    const ByteSpan body = whole.span().subspan(2);
    std::vector<std::uint8_t> longer(body.begin(), body.end());
    longer.push_back(0);
    const std::array lies = {
        claim(type, kMaxVarint, body, version),
        claim(type, std::uint64_t{1} << 40, body, version),
        claim(type, lite::kMaxControlBytes + 1, body, version),
        claim(type, body.size() - 1, body, version),
        claim(type, longer.size(), longer, version),
    };
    for (std::size_t i = 0; i < lies.size(); ++i) {
      SCOPED_TRACE(fmt::format("{} lie {}", to_string(type), i));
      auto stream = attacker.open_with(lies[i]);
      EXPECT_EQ(attacker.ending(stream), kBroken);  // At once: no FIN was sent.
    }
    // The first length inside the body, of a name, as large as can be.
    std::vector<std::uint8_t> inner(body.begin(), body.end());
    const std::size_t at = type == BidiType::subscribe ? 1 : 0;
    const std::array<std::uint8_t, 8> most = {255, 255, 255, 255, 255, 255, 255, 255};
    inner.insert(inner.begin() + static_cast<std::ptrdiff_t>(at), most.begin(), most.end());
    auto stream = attacker.open_with(claim(type, inner.size(), inner, version));
    EXPECT_EQ(attacker.ending(stream), kBroken) << to_string(type);
    EXPECT_TRUE(attacker.delivers()) << to_string(type);
  }
  EXPECT_TRUE(attacker.alive());
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(Hostile, StreamsOfUnknownType) {
  Stage stage(GetParam());
  Attacker attacker(stage);
  attacker.subscribe();
  std::vector<std::uint64_t> types = {0, 7, 63, 1 << 14, kMaxVarint};
  if (!has_fetch(GetParam())) types.push_back(3);
  if (!has_goaway(GetParam())) types.push_back(5);
  if (!has_track_info(GetParam())) types.push_back(6);
  for (const std::uint64_t type : types) {
    SCOPED_TRACE(type);
    Writer out(varint_kind(GetParam()));
    auto stream = attacker.open_with(out.varint(type).varint(3).bytes(as_bytes("abc")).take());
    EXPECT_EQ(attacker.ending(stream), kCancelled);
    EXPECT_EQ(attacker.stopped(*stream.send), kInternal);
  }
  std::vector<std::uint64_t> uni_types = {2, 63, kMaxVarint};
  if (!has_setup_stream(GetParam())) uni_types.push_back(1);
  for (const std::uint64_t type : uni_types) {
    SCOPED_TRACE(type);
    auto stream = attacker.open_uni();
    stream->write(Writer(varint_kind(GetParam())).varint(type).take());
    EXPECT_EQ(attacker.stopped(*stream), kInternal);
  }
  EXPECT_TRUE(attacker.alive());
  EXPECT_TRUE(attacker.delivers());
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(Hostile, MalformedPaths) {
  Stage stage(GetParam());
  Attacker attacker(stage);
  attacker.subscribe();
  const Version version = GetParam();
  std::string deep = "a";
  for (int i = 0; i < 32; ++i) deep += "/a";
  const std::vector<std::pair<std::string, std::uint64_t>> paths = {
      {"\xff\xfe", kBroken},
      {"ok/\xc0\xaf", kBroken},
      {deep, kBroken},
      {std::string(Path::kMaxBytes + 1, 'x'), kBroken},
      {"**", static_cast<std::uint64_t>(StreamCode::not_found)},
      {"../live", static_cast<std::uint64_t>(StreamCode::not_found)},
      {"", static_cast<std::uint64_t>(StreamCode::not_found)},
  };
  for (const auto& [type, whole] : requests(version)) {
    const ByteSpan body = whole.span().subspan(2);
    const std::size_t at = type == BidiType::subscribe ? 1 : 0;  // Behind the subscription's id.
    for (const auto& [path, code] : paths) {
      if (type == BidiType::announce && code != kBroken) continue;  // A prefix of nothing is fine.
      SCOPED_TRACE(fmt::format("{} of '{}'", to_string(type), path.substr(0, 20)));
      Writer mended(varint_kind(version));
      mended.bytes(body.first(at)).text(path).bytes(body.subspan(at + 1 + body[at]));
      auto stream = attacker.open_with(claim(type, mended.size(), mended.span(), version));
      EXPECT_EQ(attacker.ending(stream), code);
    }
  }
  EXPECT_TRUE(attacker.alive());
  EXPECT_TRUE(attacker.delivers());
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(Hostile, AThousandStreamsOpenedAndReset) {
  Stage stage(GetParam());
  Attacker attacker(stage);
  attacker.subscribe();
  const std::size_t before = attacker.control->open_streams(sim::Side::client);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const auto all = requests(GetParam(), 10 + i);
    const Bytes& whole = all[i % all.size()].second;
    auto stream = attacker.open_with(whole.slice(0, i % (whole.size() + 1)));
    if (i % 3 == 0) stage.world.run_for(6ms);  // Some get as far as an answer.
    stream.send->reset(static_cast<std::uint32_t>(kCancelled));
    if (i % 5 == 0) stream.recv->stop(static_cast<std::uint32_t>(kCancelled));
  }
  stage.world.run_for(1s);
  EXPECT_LE(attacker.control->open_streams(sim::Side::client), before);
  EXPECT_TRUE(attacker.alive());
  EXPECT_TRUE(attacker.delivers());
  EXPECT_TRUE(stage.healthy_delivers());
}

INSTANTIATE_TEST_SUITE_P(Lite, Hostile,
                         testing::Values(Version::lite_01, Version::lite_02, Version::lite_03,
                                         Version::lite_04, Version::lite_05, Version::lite_06),
                         version_name);

/// The greeting, which versions from 05 have.
class HostileSetup : public testing::TestWithParam<Version> {
 protected:
  Bytes setup() const {
    lite::Setup message;
    message.path = "/room";
    return lite::encode_opening(UniType::setup, message, GetParam());
  }
};

TEST_P(HostileSetup, CutAtEveryByteEndsTheSession) {
  Stage stage(GetParam());
  const Bytes whole = setup();
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    for (const bool reset : {false, true}) {
      SCOPED_TRACE(fmt::format("cut at {}, {}", cut, reset ? "reset" : "FIN"));
      Attacker attacker(stage, false);
      auto stream = attacker.open_uni();
      stream->write(whole.slice(0, cut));
      if (reset) {
        stage.world.run_for(20ms);
        stream->reset(static_cast<std::uint32_t>(kCancelled));
      } else {
        stream->finish();
      }
      EXPECT_EQ(attacker.session_code(),
                static_cast<std::uint64_t>(SessionCode::protocol_violation));
      EXPECT_FALSE(attacker.accept());
    }
  }
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(HostileSetup, LengthsThatLieEndTheSession) {
  Stage stage(GetParam());
  for (const std::uint64_t length : {kMaxVarint, lite::kMaxSetupBytes + 1}) {
    Attacker attacker(stage, false);
    auto stream = attacker.open_uni();
    stream->write(Writer(varint_kind(GetParam())).varint(1).varint(length).take());
    EXPECT_EQ(attacker.session_code(), static_cast<std::uint64_t>(SessionCode::protocol_violation));
  }
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(HostileSetup, DataBeforeItIsRefusedAlone) {
  Stage stage(GetParam());
  Attacker attacker(stage, false);
  auto early = attacker.open_uni();
  lite::GroupHeader header;
  early->write(lite::encode_opening(UniType::group, header, GetParam()));
  EXPECT_EQ(attacker.stopped(*early), kInternal);
  attacker.greet();
  ASSERT_TRUE(attacker.accept());
  attacker.subscribe();
  EXPECT_TRUE(attacker.delivers());
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(HostileSetup, OneWhoseEndComesLateIsNotStopped) {
  Stage stage(GetParam());
  for (const bool by_server : {false, true}) {
    SCOPED_TRACE(by_server ? "from a server" : "from a client");
    auto pair = sim::session_pair(stage.world, pair_options(GetParam()));
    transport::Session& peer = by_server ? *pair.server : *pair.client;
    auto opened = peer.poll_open_uni(kio::Waiter::none());
    ASSERT_TRUE(opened && *opened);
    transport::SendStream& stream = ***opened;
    stream.write(setup());
    std::optional<Session> session;
    if (by_server) {
      session.emplace(
          *stage.world.run(net::connect({stage.world, stage.world}, std::move(pair.client), {})));
    } else {
      auto request =
          stage.world.run(net::accept({stage.world, stage.world}, std::move(pair.server)));
      ASSERT_TRUE(request);
      session.emplace(std::move(*request).accept({}));
    }
    stage.world.run_for(1s);
    EXPECT_TRUE(session->poll_established(kio::Waiter::none())) << "it was read";
    EXPECT_TRUE(*stream.poll_writable(kio::Waiter::none())) << "and not stopped";
    stream.finish();
    stage.world.run_for(1s);
    const auto finished = stream.poll_finished(kio::Waiter::none());
    EXPECT_TRUE(finished && *finished);
  }
}

TEST_P(HostileSetup, TwiceEndsTheSession) {
  Stage stage(GetParam());
  Attacker attacker(stage);
  attacker.subscribe();
  ASSERT_TRUE(attacker.delivers());
  attacker.greet();
  EXPECT_EQ(attacker.session_code(), static_cast<std::uint64_t>(SessionCode::protocol_violation));
  EXPECT_TRUE(stage.healthy_delivers());
}

INSTANTIATE_TEST_SUITE_P(Lite, HostileSetup, testing::Values(Version::lite_05, Version::lite_06),
                         version_name);

}  // namespace
}  // namespace moq::net::hostile
