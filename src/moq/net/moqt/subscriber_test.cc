#include "moq/net/moqt/internal/subscriber.h"

#include "moq/net/moqt/follow_test_support.h"
#include "moq/net/moqt/internal/group_assembly.h"
#include "moq/net/moqt/limits.h"

/// The subscriber half against a publisher by hand, in all drafts.
namespace moq::net::moqt {
namespace {

class SubscriberTest : public testing::TestWithParam<Draft> {};
INSTANTIATE_TEST_SUITE_P(Drafts, SubscriberTest, testing::ValuesIn(kDrafts), DraftName());

// --- Namespaces ---------------------------------------------------------------------------------

TEST_P(SubscriberTest, AsksForAllNamespacesAndFollowsTheList) {
  Follow follow(GetParam());
  const auto& asked = std::get<SubscribeNamespace>(follow.wish.message);
  EXPECT_TRUE(asked.prefix.fields.empty());
  EXPECT_EQ(asked.wants, SubscribeNamespace::Wants::names);
  EXPECT_TRUE(follow.stage.session->poll_established(Waiter::none()).ready());
  follow.announce();
  follow.announce({"a/b", "c"});
  EXPECT_TRUE(follow.has("live/cam"));
  EXPECT_TRUE(follow.has("a\\/b/c"));
  if (has_namespace_messages(GetParam())) {
    follow.peer().say(follow.wish, NamespaceDone{{{"live", "cam"}}});
  } else {
    follow.peer().cancel(follow.offers[0]);
  }
  follow.pass();
  EXPECT_FALSE(follow.has("live/cam"));
  EXPECT_TRUE(follow.has("a\\/b/c"));
}

TEST_P(SubscriberTest, TakesAnOfferThatItDidNotAskFor) {
  Follow follow(GetParam());
  auto offer = follow.offer({"live", "cam"});
  follow.peer().answer_as<RequestOk>(offer);
  EXPECT_TRUE(follow.has("live/cam"));
  // It goes when the last that tells of it is gone.
  if (has_namespace_messages(GetParam())) follow.announce();
  if (has_request_streams(GetParam())) {
    offer.send->finish();
  } else {
    follow.peer().cancel(offer);
  }
  follow.pass();
  EXPECT_EQ(follow.has("live/cam"), has_namespace_messages(GetParam()));
}

TEST_P(SubscriberTest, APeerThatListsNothingIsNoReasonToLeave) {
  Follow follow(GetParam());
  follow.announce();
  if (!has_namespace_streams(GetParam())) return;
  follow.wish.send->finish();
  follow.pass();
  EXPECT_TRUE(follow.peer().alive());
  EXPECT_FALSE(follow.has("live/cam"));
  auto offer = follow.offer({"live", "cam"});
  follow.peer().answer_as<RequestOk>(offer);
  EXPECT_TRUE(follow.has("live/cam"));
}

TEST_P(SubscriberTest, NamesThatAreReservedAreRefused) {
  if (GetParam() < Draft::d18) GTEST_SKIP() << "nothing is reserved";
  Follow follow(GetParam());
  auto offer = follow.offer({".secret", "cam"});
  Message answer = follow.peer().answer(offer);
  ASSERT_TRUE(std::holds_alternative<RequestError>(answer));
  EXPECT_EQ(std::get<RequestError>(answer).code, RequestCode::does_not_exist);
}

// --- Subscriptions ------------------------------------------------------------------------------

TEST_P(SubscriberTest, SubscribesInTheWordsOfItsDraft) {
  Follow follow(GetParam());
  follow.announce();
  const auto reader = follow.read({.priority = 127, .max_age = 5s});
  auto asked = follow.peer().next_request();
  ASSERT_TRUE(std::holds_alternative<Subscribe>(asked.message));
  auto message = std::get<Subscribe>(asked.message);
  message.request_id = 0;
  // The sheet's vectors; 14 there leaves the order to the publisher.
  const std::string name = "02046c6976650363616d05766964656f";
  const std::string bytes = hex_of(follow.peer().bytes_of(message));
  if (GetParam() == Draft::d14) {
    EXPECT_EQ(bytes, "03001600" + name + "8002010200");
  } else if (GetParam() == Draft::d16) {
    EXPECT_EQ(bytes, "03001c00" + name + "0410011040800101020102");
  } else if (GetParam() == Draft::d18) {
    EXPECT_EQ(bytes, "03001b00" + name + "04100110800101020102");
  } else if (GetParam() == Draft::d20) {
    EXPECT_EQ(bytes, "03002200" + name + "0510011080010200000102010401210101");
  } else if (GetParam() == Draft::d22) {
    EXPECT_EQ(bytes, "03002000" + name + "051001108001050102010401210101");
  }
}

TEST_P(SubscriberTest, GroupsComeWithTheirTimes) {
  Follow follow(GetParam());
  auto reader = follow.subscribed();
  follow.timestamps = has_track_properties(GetParam());
  follow.group(300, {{.id = 0, .payload = "hello", .timestamp = 300000},
                     {.id = 1, .payload = "", .timestamp = 300020},
                     {.id = 2, .payload = "world!", .timestamp = 300040}});
  EXPECT_EQ(follow.seen(reader),
            follow.timestamps ? "300(hello@300000,@300020,world!@300040)" : "300(hello,,world!)");
  if (has_track_properties(GetParam())) {
    auto info = reader.poll_info(Waiter::none());
    ASSERT_TRUE(info.ready() && info->has_value());
    EXPECT_EQ((*info)->timescale, 1000U);
  }
}

TEST_P(SubscriberTest, PartsOfAFrameArePassedOnAsTheyCome) {
  Follow follow(GetParam());
  auto reader = follow.subscribed();
  auto stream = follow.subgroup({.group = 1, .end_of_group = true, .first_object = true}, {});
  SubgroupHeader header{.group = 1, .has_properties = true};
  SubgroupObjectWriter writer(header, GetParam());
  stream->write(*writer.write({.group = 1, .object = 0, .payload_bytes = 4}));
  stream->write(Bytes::copy("ab"));
  follow.pass();
  auto next = reader.poll_next_group(Waiter::none());
  ASSERT_TRUE(next.ready() && next->has_value() && **next);
  auto group = ***std::move(next);
  auto chunk = group.poll_chunk(Waiter::none());
  ASSERT_TRUE(chunk.ready() && chunk->has_value() && **chunk);
  EXPECT_EQ((***chunk).data.text(), "ab");
}

TEST_P(SubscriberTest, JoinsTheHeadAndTheRestOfTheRunningGroup) {
  Follow follow(GetParam());
  auto reader = follow.subscribed(Location{7, 1});
  // The rest comes first.
  auto rest = follow.subgroup({.group = 7, .end_of_group = true}, {{.id = 2, .payload = "c"}});
  follow.group(8, {{.id = 0, .payload = "next"}});
  EXPECT_EQ(follow.seen(reader), "8(next)") << "nobody goes ahead of the head";
  follow.head(7, {{.id = 0, .payload = "a"}, {.id = 1, .payload = "b"}});
  EXPECT_EQ(follow.seen(reader), "8(next) 7(a,b,c");
  rest->finish();
  follow.pass();
  EXPECT_EQ(follow.seen(reader), "8(next) 7(a,b,c)");
}

TEST_P(SubscriberTest, TheRestMayBeEmpty) {
  Follow follow(GetParam());
  auto reader = follow.subscribed(Location{7, 1});
  follow.head(7, {{.id = 0, .payload = "a"}, {.id = 1, .payload = "b"}});
  EXPECT_EQ(follow.seen(reader), "7(a,b");
  follow.subgroup({.group = 7, .end_of_group = true}, {})->finish();
  follow.pass();
  EXPECT_EQ(follow.seen(reader), "7(a,b)");
}

TEST_P(SubscriberTest, BeginsWithTheNextGroupWhereThereIsNoHead) {
  Follow follow(GetParam());
  auto reader = follow.subscribed(Location{7, 1});
  auto rest = follow.subgroup({.group = 7, .end_of_group = true}, {{.id = 2, .payload = "c"}});
  follow.refuse_head();
  follow.group(8, {{.id = 0, .payload = "next"}});
  EXPECT_EQ(follow.seen(reader), "8(next)");
  EXPECT_TRUE(rest->poll_finished(Waiter::none()).ready()) << "it was stopped";
  follow.subgroup({.group = 7, .subgroup = 1}, {{.id = 3, .payload = "d"}})->finish();
  follow.pass(2s);
  EXPECT_EQ(follow.seen(reader), "8(next)");
}

TEST_P(SubscriberTest, AHeadThatComesAsAStreamIsAsGood) {
  Follow follow(GetParam());
  auto reader = follow.subscribed(Location{7, 0});
  auto whole = follow.subgroup({.group = 7, .end_of_group = true, .first_object = true},
                               {{.id = 0, .payload = "a"}, {.id = 1, .payload = "b"}});
  follow.refuse_head();
  whole->finish();
  follow.pass();
  EXPECT_EQ(follow.seen(reader), "7(a,b)");
}

TEST_P(SubscriberTest, PutsSubgroupsTogether) {
  Follow follow(GetParam());
  auto reader = follow.subscribed();
  auto high = follow.subgroup({.group = 4, .subgroup = 1, .first_object = true},
                              {{.id = 1, .payload = "b"}, {.id = 3, .payload = "d"}});
  auto low = follow.subgroup({.group = 4, .subgroup = 0, .first_object = true},
                             {{.id = 0, .payload = "a"}, {.id = 2, .payload = "c"}});
  EXPECT_EQ(follow.seen(reader), "4(a,b,c,d");
  high->finish();
  low->finish();
  follow.subgroup({.group = 4, .subgroup = 2}, {{.id = 4, .status = ObjectStatus::end_of_group}})
      ->finish();
  follow.pass();
  EXPECT_EQ(follow.seen(reader), "4(a,b,c,d)");
}

TEST_P(SubscriberTest, AGroupWhoseEndNobodyTellsEndsWithTheNext) {
  Follow follow(GetParam());
  auto reader = follow.subscribed();
  follow.subgroup({.group = 1, .first_object = true}, {{.id = 0, .payload = "a"}})->finish();
  follow.pass(5s);
  EXPECT_EQ(follow.seen(reader), "1(a");
  auto next = follow.subgroup({.group = 2, .first_object = true}, {{.id = 0, .payload = "b"}});
  follow.pass(kHolePatience);
  EXPECT_EQ(follow.seen(reader), "1(a) 2(b");
}

TEST_P(SubscriberTest, AResetEndsTheGroupAlone) {
  Follow follow(GetParam());
  auto reader = follow.subscribed();
  auto broken = follow.subgroup({.group = 1, .first_object = true}, {{.id = 0, .payload = "a"}});
  broken->reset(1);
  follow.pass();
  follow.group(2, {{.id = 0, .payload = "b"}});
  EXPECT_EQ(follow.seen(reader), "1(!cancelled 2(b)");
}

TEST_P(SubscriberTest, StreamsThatOvertakeTheAnswerWait) {
  Follow follow(GetParam());
  follow.announce();
  auto reader = follow.read();
  follow.subscription = follow.peer().next_request();
  follow.group(1, {{.id = 0, .payload = "a"}});
  follow.pass(500ms);
  follow.accept();
  EXPECT_EQ(follow.seen(reader), "1(a)");
}

TEST_P(SubscriberTest, ButNotForLongAndNotMany) {
  Follow follow(GetParam());
  follow.announce();
  auto reader = follow.read();
  follow.subscription = follow.peer().next_request();
  std::vector<std::unique_ptr<transport::SendStream>> streams;
  for (std::size_t i = 0; i <= kMaxWaitingStreams; ++i) {
    Writer out = writer_of(GetParam());
    SubgroupHeader{.track_alias = kAlias, .group = i, .priority = 128}.write(out, GetParam());
    streams.push_back(follow.peer().open_uni());
    streams.back()->write(out.take());
  }
  const auto stopped = [](transport::SendStream& stream) {
    return stream.poll_writable(Waiter::none()).ready() &&
           !stream.poll_writable(Waiter::none())->has_value();
  };
  follow.pass(100ms);
  EXPECT_FALSE(stopped(*streams.front()));
  EXPECT_TRUE(stopped(*streams.back()));
  follow.pass(2s);
  EXPECT_TRUE(stopped(*streams.front()));
}

// --- Ends ---------------------------------------------------------------------------------------

TEST_P(SubscriberTest, TheTrackEndsWhereItsPublisherSays) {
  Follow follow(GetParam());
  auto reader = follow.subscribed();
  follow.group(1, {{.id = 0, .payload = "a"}});
  follow
      .subgroup({.group = 2, .first_object = true},
                {{.id = 0, .status = ObjectStatus::end_of_track}})
      ->finish();
  PublishDone done;
  done.stream_count = 2;
  follow.peer().say(*follow.subscription, done);
  follow.pass(100ms);
  EXPECT_EQ(follow.seen(reader), "1(a)");
  EXPECT_EQ(follow.over, "end");
  auto end = reader.poll_end(Waiter::none());
  ASSERT_TRUE(end.ready() && end->has_value());
  EXPECT_EQ(**end, 2U);
}

TEST_P(SubscriberTest, TheLastStreamsMayComeAfterTheEnd) {
  Follow follow(GetParam());
  auto reader = follow.subscribed();
  PublishDone done;
  done.stream_count = 1;
  follow.peer().say(*follow.subscription, done);
  follow.pass(500ms);
  EXPECT_EQ(follow.seen(reader), "");
  EXPECT_EQ(follow.over, "");
  follow.group(1, {{.id = 0, .payload = "a"}});
  follow.pass(kHolePatience);
  EXPECT_EQ(follow.seen(reader), "1(a)");
  EXPECT_EQ(follow.over, "end");
}

TEST_P(SubscriberTest, ARefusalReachesTheReader) {
  Follow follow(GetParam());
  follow.announce();
  auto reader = follow.read();
  auto asked = follow.peer().next_request();
  RequestError refusal;
  refusal.code = RequestCode::does_not_exist;
  refusal.reason = "gone";
  follow.peer().say(asked, refusal);
  follow.pass();
  EXPECT_EQ(follow.seen(reader), "");
  EXPECT_NE(follow.over.find("not found"), std::string::npos) << follow.over;
}

TEST_P(SubscriberTest, AnotherFailureIsTriedAgain) {
  Follow follow(GetParam());
  follow.announce();
  auto reader = follow.read();
  auto asked = follow.peer().next_request();
  RequestError refusal;
  refusal.code = RequestCode::timeout;
  refusal.retry_after = 2s;
  follow.peer().say(asked, refusal);
  const TimePoint refused = follow.stage.world.now();
  follow.subscription = follow.peer().next_request();
  const Duration waited = follow.stage.world.now() - refused;
  if (has_retry_interval(GetParam())) {
    EXPECT_GE(waited, 2s);
  } else {
    EXPECT_LT(waited, 1s);
  }
  follow.accept();
  follow.group(1, {{.id = 0, .payload = "a"}});
  EXPECT_EQ(follow.seen(reader), "1(a)");
}

TEST_P(SubscriberTest, UnsubscribesOnceNobodyReads) {
  Follow follow(GetParam());
  {
    auto reader = follow.subscribed();
    follow.group(1, {{.id = 0, .payload = "a"}});
    EXPECT_EQ(follow.seen(reader), "1(a)");
    follow.groups.clear();
  }
  follow.pass();
  if (has_request_streams(GetParam())) {
    EXPECT_TRUE(follow.subscription->send->poll_finished(Waiter::none()).ready());
  } else {
    const auto message = follow.next_control_as<Unsubscribe>();
    EXPECT_EQ(message.request_id, follow.subscription->id);
  }
  EXPECT_TRUE(follow.peer().alive());
}

TEST_P(SubscriberTest, TellsOfAnotherPriority) {
  Follow follow(GetParam());
  auto reader = follow.subscribed(Location{7, 1});
  follow.refuse_head();
  reader.update({.priority = 200, .max_age = 5s});
  follow.pass();
  const auto message = has_request_streams(GetParam())
                           ? follow.peer().answer_as<RequestUpdate>(*follow.subscription)
                           : follow.next_control_as<RequestUpdate>();
  Parameters expected;
  expected.priority = 55;
  if (GetParam() == Draft::d14) {
    // It says all, there, and moves nothing.
    expected.forward = true;
    expected.filter = LocationFilter::from({7, 2});
  }
  EXPECT_EQ(message.parameters, expected);
}

// --- Fetches ------------------------------------------------------------------------------------

TEST_P(SubscriberTest, FetchesGroupsBeforeTheOneThatItBeganWith) {
  Follow follow(GetParam());
  auto reader = follow.subscribed(Location{7, 0}, {.priority = 127, .max_age = 1h, .start = 4});
  follow.head(7, {{.id = 0, .payload = "g7"}});
  for (const std::uint64_t group : {6U, 5U}) {
    auto asked = follow.peer().next_request();
    const auto* fetch = std::get_if<Fetch>(&asked.message);
    ASSERT_NE(fetch, nullptr);
    EXPECT_EQ(fetch->track, name_of_video());
    EXPECT_EQ(fetch->range.start, (Location{group, 0}));
    EXPECT_EQ(fetch->range.end, (RangeEnd{.group = group, .object = {}}));
    FetchOk ok;
    ok.end = {.group = group, .object = 1};
    follow.peer().say(asked, ok);
    follow.fetched(asked.id, group, {{.id = 0, .payload = "a"}, {.id = 1, .payload = "b"}})
        ->finish();
    if (asked.send) asked.send->finish();
    follow.pass();
  }
  auto last = follow.peer().next_request();
  RequestError refusal;
  refusal.code = RequestCode::does_not_exist;
  follow.peer().say(last, refusal);
  follow.pass();
  EXPECT_EQ(follow.seen(reader), "7(g7 6(a,b) 5(a,b)");
}

TEST_P(SubscriberTest, FetchesAGroupForWhoAsks) {
  Follow follow(GetParam());
  auto reader = follow.subscribed();
  auto fetch = reader.fetch(3, 10);
  follow.pass();
  auto asked = follow.peer().next_request();
  const auto* message = std::get_if<Fetch>(&asked.message);
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(message->parameters.priority, 245);
  EXPECT_EQ(message->range.start, (Location{3, 0}));
  follow.peer().say(asked, FetchOk{.request_id = {}, .end = {.group = 3, .object = 1}});
  follow.fetched(asked.id, 3, {{.id = 0, .payload = "a"}, {.id = 1, .payload = "b"}})->finish();
  follow.pass();
  auto group = fetch.poll(Waiter::none());
  ASSERT_TRUE(group.ready() && group->has_value());
  follow.groups.push_back(**std::move(group));
  follow.texts.emplace_back("3(");
  EXPECT_EQ(follow.seen(reader), "3(a,b)");

  auto missing = reader.fetch(2);
  follow.pass();
  asked = follow.peer().next_request();
  RequestError refusal;
  refusal.code = RequestCode::does_not_exist;
  follow.peer().say(asked, refusal);
  follow.pass();
  group = missing.poll(Waiter::none());
  ASSERT_TRUE(group.ready() && !group->has_value());
  EXPECT_EQ(group->error().code, Code::not_found);
}

TEST_P(SubscriberTest, PassesDatagramsOn) {
  Follow follow(GetParam());
  auto reader = follow.subscribed();
  Datagram datagram{.track_alias = kAlias, .group = 9, .object = 0, .priority = 128};
  datagram.end_of_group = true;
  datagram.properties.timestamp = 9000;
  datagram.payload = Bytes::copy("hi");
  follow.peer().raw->send_datagram(*datagram.encode(GetParam()));
  follow.pass();
  auto got = reader.poll_datagram(Waiter::none());
  ASSERT_TRUE(got.ready() && got->has_value() && **got);
  EXPECT_EQ((**got)->sequence, 9U);
  EXPECT_EQ((**got)->payload.text(), "hi");
  if (has_track_properties(GetParam())) {
    EXPECT_EQ((**got)->timestamp, 9000U);
  }
}

TEST_P(SubscriberTest, DatagramsThatOvertakeTheAnswerWaitTheNewestOnly) {
  Follow follow(GetParam());
  follow.announce();
  auto reader = follow.read();
  follow.subscription = follow.peer().next_request();
  for (std::uint64_t group = 0; group <= kMaxEarlyDatagrams; ++group) {
    Datagram datagram{.track_alias = kAlias, .group = group, .object = 0, .priority = 128};
    datagram.payload = Bytes::copy("x");
    follow.peer().raw->send_datagram(*datagram.encode(GetParam()));
    follow.pass(1ms);
  }
  follow.accept();
  for (std::uint64_t group = 1; group <= kMaxEarlyDatagrams; ++group) {
    auto got = reader.poll_datagram(Waiter::none());
    ASSERT_TRUE(got.ready() && got->has_value() && **got) << group;
    EXPECT_EQ((**got)->sequence, group);
  }
  EXPECT_TRUE(reader.poll_datagram(Waiter::none()).pending());
}

TEST_P(SubscriberTest, WhatIsMissingIsPassedOverAfterAWhile) {
  Follow follow(GetParam());
  auto reader = follow.subscribed();
  follow.group(1, {{.id = 0, .payload = "a"}, {.id = 2, .payload = "c"}});
  follow.group(2, {{.id = 0, .payload = "next"}});
  EXPECT_EQ(follow.seen(reader), "1(a 2(next)");
  follow.pass(kHolePatience);
  EXPECT_EQ(follow.seen(reader), "1(a,c) 2(next)");
}

TEST_P(SubscriberTest, AsksForNothingAfterGoaway) {
  Follow follow(GetParam());
  auto reader = follow.subscribed();
  Goaway goaway;
  if (has_goaway_request_id(GetParam())) goaway.request_id = 0;
  follow.peer().say(goaway);
  follow.pass();
  follow.group(1, {{.id = 0, .payload = "a"}});
  EXPECT_EQ(follow.seen(reader), "1(a)") << "what runs goes on";
  auto watch = follow.stage.subscribed.consume().announced();
  auto update = watch.poll_next(Waiter::none());
  ASSERT_TRUE(update.ready() && update->route);
  EXPECT_EQ(update->route->warm_cost, kMaxCost) << "any other route is better";
  auto found = follow.stage.subscribed.consume().find(Path::of("live/cam"));
  auto other = found->subscribe("audio");
  auto fetch = reader.fetch(0);
  follow.pass(5s);
  if (has_request_streams(GetParam())) {
    EXPECT_TRUE(follow.peer().raw->poll_accept_bidi(Waiter::none()).pending());
  }
  EXPECT_TRUE(follow.peer().alive());
}

// --- Hostile publishers -------------------------------------------------------------------------

TEST_P(SubscriberTest, TwoTracksWithOneAliasEndTheSession) {
  Follow follow(GetParam());
  auto reader = follow.subscribed();
  const auto first = std::move(follow.subscription);
  auto other = follow.stage.subscribed.consume().find(Path::of("live/cam"))->subscribe("audio");
  follow.subscription = follow.peer().next_request();
  follow.accept();
  EXPECT_EQ(follow.peer().closed().wire, 5U);
}

TEST_P(SubscriberTest, StreamsOfUnknownFetchesAreStopped) {
  Follow follow(GetParam());
  auto reader = follow.subscribed();
  auto stray = follow.fetched(12345, 1, {{.id = 0, .payload = "a"}});
  EXPECT_FALSE(*stray->poll_writable(Waiter::none()));
  follow.group(1, {{.id = 0, .payload = "a"}});
  EXPECT_EQ(follow.seen(reader), "1(a)");
}

TEST_P(SubscriberTest, WhatComesTwiceIsTakenOnce) {
  Follow follow(GetParam());
  auto reader = follow.subscribed();
  follow.group(1, {{.id = 0, .payload = "a"}, {.id = 1, .payload = "b"}});
  follow.group(1, {{.id = 0, .payload = "x"}, {.id = 1, .payload = "y"}});
  follow.group(2, {{.id = 0, .payload = "c"}});
  EXPECT_EQ(follow.seen(reader), "1(a,b) 2(c)");
}

TEST_P(SubscriberTest, GroupsPastTheEndFailTheTrackAlone) {
  Follow follow(GetParam());
  auto reader = follow.subscribed();
  follow.group(5, {{.id = 0, .payload = "a"}});
  follow
      .subgroup({.group = 3, .first_object = true},
                {{.id = 0, .status = ObjectStatus::end_of_track}})
      ->finish();
  follow.pass();
  follow.seen(reader);
  EXPECT_NE(follow.over.find("protocol violation"), std::string::npos) << follow.over;
  EXPECT_TRUE(follow.peer().alive());
}

}  // namespace
}  // namespace moq::net::moqt
