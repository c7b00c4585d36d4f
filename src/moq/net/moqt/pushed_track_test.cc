#include "moq/net/moqt/internal/pushed_track.h"

#include "moq/net/moqt/follow_test_support.h"
#include "moq/net/moqt/internal/group_assembly.h"
#include "moq/net/moqt/limits.h"

/// Tracks that the peer offers by PUBLISH, in all drafts.
namespace moq::net::moqt {
namespace {

/// A publisher that offers "live/cam", track "video", and announces nothing.
struct Offer {
  explicit Offer(Draft draft, bool forward = false) : follow(draft) {
    track = follow.peer().ask(offer_of("video", kAlias, forward));
  }
  Publish offer_of(std::string name, std::uint64_t alias, bool forward) const {
    Publish message;
    message.name = {.track_namespace = name_of_cam(), .name = std::move(name)};
    message.track_alias = alias;
    message.parameters.forward = forward;
    message.parameters.largest = Location{3, 4};
    if (has_track_properties(follow.draft())) message.track.timescale = 1000;
    return message;
  }
  /// Our answer to the offer.
  void accepted() {
    const auto ok = follow.peer().answer_as<RequestOk>(track);
    EXPECT_EQ(ok.parameters.forward,
              decides_in_publish_ok(follow.draft()) ? std::optional(false) : std::nullopt);
  }
  /// The next update of ours, which is answered.
  Parameters updated() {
    RequestUpdate update;
    if (has_request_streams(follow.draft())) {
      update = follow.peer().answer_as<RequestUpdate>(track);
    } else {
      update = follow.next_control_as<RequestUpdate>();
      EXPECT_EQ(update.updated_request, track.id);
    }
    if (has_update_reply(follow.draft())) {
      RequestOk ok;
      ok.kind = RequestKind::update;
      if (has_request_ids_in_replies(follow.draft())) ok.request_id = update.request_id;
      if (track.send) {
        track.send->write(follow.peer().bytes_of(ok));
      } else {
        follow.peer().say(ok);
      }
    }
    return update.parameters;
  }
  void done() {
    PublishDone message;
    message.code = DoneCode::track_ended;
    message.stream_count = 1;
    follow.peer().say(track, message);
    if (track.send) track.send->finish();
    follow.pass();
  }

  Follow follow;
  Peer::Asked track;
  std::vector<Peer::Asked> others;
};

class PushedTrackTest : public testing::TestWithParam<Draft> {};
INSTANTIATE_TEST_SUITE_P(Drafts, PushedTrackTest, testing::ValuesIn(kDrafts), DraftName());

TEST_P(PushedTrackTest, RestsUntilSomebodyReadsIt) {
  Offer offer(GetParam());
  offer.accepted();
  ASSERT_TRUE(offer.follow.has("live/cam"));
  auto reader = offer.follow.read();
  const Parameters wanted = offer.updated();
  EXPECT_EQ(wanted.forward, true);
  EXPECT_EQ(wanted.priority, 128);
  if (GetParam() == Draft::d14) {
    EXPECT_EQ(wanted.filter, LocationFilter::from({3, 5}));
  }
  offer.follow.group(7, {{.id = 0, .payload = "a"}, {.id = 1, .payload = "b"}});
  EXPECT_EQ(offer.follow.seen(reader), "7(a,b)");
  reader.update({.priority = 200, .max_age = 5s});
  offer.follow.pass();
  EXPECT_EQ(offer.updated().priority, 55);
  {
    const track::Consumer gone = std::move(reader);
  }
  offer.follow.pass();
  EXPECT_EQ(offer.updated().forward, false);
  EXPECT_TRUE(offer.follow.peer().alive());
}

TEST_P(PushedTrackTest, ThatFlowsUnaskedIsPaused) {
  Offer offer(GetParam(), true);
  offer.accepted();
  if (!decides_in_publish_ok(GetParam())) {
    EXPECT_EQ(offer.updated().forward, false);
  }
  auto reader = offer.follow.read();
  EXPECT_EQ(offer.updated().forward, true);
}

TEST_P(PushedTrackTest, EndsWithItsBroadcast) {
  Offer offer(GetParam());
  offer.accepted();
  auto reader = offer.follow.read();
  EXPECT_EQ(offer.updated().forward, true);
  offer.follow.group(7, {{.id = 0, .payload = "a"}});
  offer.done();
  offer.follow.pass(2s);
  EXPECT_EQ(offer.follow.seen(reader), "7(a)");
  EXPECT_EQ(offer.follow.over, "end");
  EXPECT_FALSE(offer.follow.has("live/cam"));
}

TEST_P(PushedTrackTest, ThatNobodyReadsEndsAtOnce) {
  Offer offer(GetParam());
  offer.accepted();
  EXPECT_TRUE(offer.follow.has("live/cam"));
  offer.done();
  EXPECT_FALSE(offer.follow.has("live/cam"));
  EXPECT_TRUE(offer.follow.peer().alive());
}

TEST_P(PushedTrackTest, ThatBreaksOffLeavesItsReadersWaiting) {
  if (!has_request_streams(GetParam())) GTEST_SKIP() << "nothing breaks off there";
  Offer offer(GetParam());
  offer.accepted();
  auto reader = offer.follow.read();
  EXPECT_EQ(offer.updated().forward, true);
  offer.track.send->reset(1);
  offer.follow.pass(2s);
  EXPECT_FALSE(offer.follow.has("live/cam"));
  EXPECT_TRUE(offer.follow.peer().alive());
  EXPECT_EQ(offer.follow.seen(reader), "");
}

TEST_P(PushedTrackTest, FetchesTheHeadOfTheGroupInWhichItBegins) {
  Offer offer(GetParam());
  offer.accepted();
  auto reader = offer.follow.read();
  EXPECT_EQ(offer.updated().forward, true);
  auto rest = offer.follow.subgroup({.group = 7, .end_of_group = true, .first_object = false},
                                    {{.id = 2, .payload = "c"}});
  offer.follow.pass(kHolePatience / 2);
  auto fetch = offer.follow.peer().next_request();
  const auto* asked = std::get_if<Fetch>(&fetch.message);
  ASSERT_NE(asked, nullptr);
  EXPECT_EQ(asked->range.start, (Location{7, 0}));
  EXPECT_EQ(asked->range.end, (RangeEnd{.group = 7, .object = 1}));
  FetchOk ok;
  ok.end = {.group = 7, .object = 1};
  offer.follow.peer().say(fetch, ok);
  offer.follow.fetched(fetch.id, 7, {{.id = 0, .payload = "a"}, {.id = 1, .payload = "b"}})
      ->finish();
  rest->finish();
  offer.follow.pass();
  EXPECT_EQ(offer.follow.seen(reader), "7(a,b,c)");
}

TEST_P(PushedTrackTest, BeginsWithTheNextGroupWhereThereIsNoHead) {
  Offer offer(GetParam());
  offer.accepted();
  auto reader = offer.follow.read();
  EXPECT_EQ(offer.updated().forward, true);
  auto rest = offer.follow.subgroup({.group = 7, .end_of_group = true, .first_object = false},
                                    {{.id = 2, .payload = "c"}});
  offer.follow.pass(kHolePatience / 2);
  auto fetch = offer.follow.peer().next_request();
  RequestError refusal;
  refusal.code = RequestCode::not_supported;
  offer.follow.peer().say(fetch, refusal);
  rest->finish();
  offer.follow.pass();
  offer.follow.group(8, {{.id = 0, .payload = "d"}});
  EXPECT_EQ(offer.follow.seen(reader), "8(d)");
}

TEST_P(PushedTrackTest, WhoseSubgroupsComeApartNeedsNoHead) {
  Offer offer(GetParam());
  offer.accepted();
  auto reader = offer.follow.read();
  EXPECT_EQ(offer.updated().forward, true);
  auto odd = offer.follow.subgroup({.group = 7, .subgroup = 1, .first_object = true},
                                   {{.id = 1, .payload = "b"}});
  auto even = offer.follow.subgroup({.group = 7, .subgroup = 0, .first_object = true},
                                    {{.id = 0, .payload = "a"}, {.id = 2, .payload = "c"}});
  odd->finish();
  even->finish();
  offer.follow.pass(kHolePatience);
  EXPECT_EQ(offer.follow.seen(reader), "7(a,b,c");
}

TEST_P(PushedTrackTest, IsRefusedTwice) {
  Offer offer(GetParam());
  offer.accepted();
  auto again = offer.follow.peer().ask(offer.offer_of("video", 9, false));
  EXPECT_TRUE(std::holds_alternative<RequestError>(offer.follow.peer().answer(again)));
  EXPECT_TRUE(offer.follow.has("live/cam"));
}

TEST_P(PushedTrackTest, IsRefusedWhereNothingIsConsumed) {
  Stage stage(GetParam());
  stage.start();
  Publish message;
  message.name = name_of_video();
  auto refused = stage.peer->ask(message);
  const Message answer = stage.peer->answer(refused);
  const auto* error = std::get_if<RequestError>(&answer);
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(error->code, RequestCode::uninterested);
}

TEST_P(PushedTrackTest, WithTheAliasOfAnotherEndsTheSession) {
  Offer offer(GetParam());
  offer.accepted();
  const auto other = offer.follow.peer().ask(offer.offer_of("audio", kAlias, false));
  EXPECT_EQ(offer.follow.peer().closed().wire,
            std::to_underlying(CloseCode::duplicate_track_alias));
}

TEST_P(PushedTrackTest, AreTakenUpToALimit) {
  if (has_request_streams(GetParam())) GTEST_SKIP() << "the transport has fewer streams";
  Offer offer(GetParam());
  offer.accepted();
  for (std::size_t i = 1; i < kMaxPushedTracks; ++i) {
    auto one = offer.follow.peer().ask(offer.offer_of("track" + std::to_string(i), 100 + i, false));
    ASSERT_TRUE(std::holds_alternative<RequestOk>(offer.follow.peer().answer(one)));
    offer.others.push_back(std::move(one));
  }
  auto more = offer.follow.peer().ask(offer.offer_of("more", 5000, false));
  EXPECT_TRUE(std::holds_alternative<RequestError>(offer.follow.peer().answer(more)));
  EXPECT_TRUE(offer.follow.peer().alive());
}

}  // namespace
}  // namespace moq::net::moqt
