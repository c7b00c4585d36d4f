#include "moq/net/moqt/limits.h"
#include "moq/net/moqt/scripted_test_support.h"

/// The publisher half against a peer by hand, in all drafts.
namespace moq::net::moqt {
namespace {

Subscribe subscribe_to(std::string_view name, const LocationFilter& filter) {
  Subscribe message;
  message.track = {.track_namespace = name_of_cam(), .name = std::string(name)};
  message.parameters.filter = filter;
  message.parameters.priority = kDefaultPriority;
  message.parameters.forward = true;
  return message;
}

/// "hello,world!" of one stream, until FIN.
std::string read_all(Stage& stage, StreamReader& reader) {
  std::string all;
  while (auto got = next_object(stage.world, reader)) {
    if (!all.empty()) all += ",";
    all += std::to_string(got->object.object) + ":" + got->payload;
  }
  return all;
}

struct Subgroup {
  SubgroupHeader header;
  StreamReader reader;
};

Subgroup next_subgroup(Stage& stage) {
  auto data = stage.peer->next_data();
  EXPECT_EQ(stream_kind(data.type, stage.draft), StreamKind::subgroup);
  auto header = run_until_ready(stage.world, [&](const Waiter& waiter) {
    return data.reader.poll_subgroup_header(waiter, data.type);
  });
  EXPECT_TRUE(header) << header.error().describe();
  return {*header, std::move(data.reader)};
}

struct Fetched {
  std::uint64_t request_id = 0;
  StreamReader reader;
};

Fetched next_fetch(Stage& stage, GroupOrder order = GroupOrder::ascending) {
  auto data = stage.peer->next_data();
  EXPECT_EQ(stream_kind(data.type, stage.draft), StreamKind::fetch);
  auto header = run_until_ready(
      stage.world, [&](const Waiter& waiter) { return data.reader.poll_fetch_header(waiter); });
  EXPECT_TRUE(header);
  data.reader.begin_fetch(order);
  return {header->request_id, std::move(data.reader)};
}

class Publisher : public testing::TestWithParam<Draft> {};
INSTANTIATE_TEST_SUITE_P(Drafts, Publisher, testing::ValuesIn(kDrafts), DraftName());

TEST_P(Publisher, GreetsEitherWay) {
  for (const bool dial : {false, true}) {
    Stage stage(GetParam(), dial);
    stage.start();
    EXPECT_TRUE(stage.session->poll_established(Waiter::none()).ready());
    EXPECT_EQ(stage.setup.implementation, "libmoq");
    EXPECT_EQ(stage.setup.max_request_id, has_max_request_id(stage.draft) ? 0xffffffff : 0);
    EXPECT_FALSE(stage.setup.solicit);
  }
}

TEST_P(Publisher, SendsEachGroupOnAStreamOfItsOwn) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video", {.timescale = 1000});
  stage.start();
  auto asked = stage.peer->ask(subscribe_to("video", LocationFilter::next_object()));
  const auto ok = stage.peer->answer_as<SubscribeOk>(asked);
  EXPECT_FALSE(ok.parameters.largest);
  EXPECT_EQ(ok.track_alias, asked.id);
  if (has_track_properties(stage.draft)) {
    EXPECT_EQ(ok.track.timescale, 1000U);
  }
  EXPECT_EQ(ok.track.group_order, GroupOrder::descending);

  auto group = Stage::write_group(track, 300, {"hello"});
  Subgroup stream = next_subgroup(stage);
  EXPECT_EQ(stream.header.track_alias, asked.id);
  EXPECT_EQ(stream.header.group, 300U);
  EXPECT_EQ(stream.header.subgroup, 0U);
  EXPECT_EQ(stream.header.priority, 128);
  EXPECT_TRUE(stream.header.end_of_group);
  EXPECT_EQ(stream.header.first_object, has_first_object(stage.draft));
  auto first = next_object(stage.world, stream.reader);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->payload, "hello");
  EXPECT_EQ(first->object.properties.timestamp, 300000U);
  ASSERT_TRUE(group.write_frame(300001, Bytes()));
  ASSERT_TRUE(group.write_frame(300002, Bytes::copy("world!")));
  std::move(group).finish();
  EXPECT_EQ(read_all(stage, stream.reader), "1:,2:world!");

  std::move(Stage::write_group(track, 301, {"next"})).finish();
  Subgroup second = next_subgroup(stage);
  EXPECT_EQ(second.header.group, 301U);
  EXPECT_EQ(read_all(stage, second.reader), "0:next");
}

TEST_P(Publisher, BeginsAfterTheLargestObject) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video");
  auto group = Stage::write_group(track, 7, {"a", "b"});
  stage.start();
  auto asked = stage.peer->ask(subscribe_to("video", LocationFilter::next_object()));
  EXPECT_EQ(stage.peer->answer_as<SubscribeOk>(asked).parameters.largest, (Location{7, 1}));
  Subgroup stream = next_subgroup(stage);
  EXPECT_FALSE(stream.header.first_object);
  ASSERT_TRUE(group.write_frame(7002, Bytes::copy("c")));
  std::move(group).finish();
  EXPECT_EQ(read_all(stage, stream.reader), "2:c");
}

TEST_P(Publisher, OpensTheStreamOfARunningGroupEvenForNothing) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video");
  std::move(Stage::write_group(track, 7, {"a", "b"})).finish();
  stage.start();
  auto asked = stage.peer->ask(subscribe_to("video", LocationFilter::next_object()));
  stage.peer->answer_as<SubscribeOk>(asked);
  Subgroup stream = next_subgroup(stage);
  EXPECT_EQ(stream.header.group, 7U);
  EXPECT_EQ(read_all(stage, stream.reader), "");
}

TEST_P(Publisher, FillsUpToWhereTheSubscriptionBegins) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video");
  auto group = Stage::write_group(track, 7, {"a", "b"});
  stage.start();
  Subscribe wanted = subscribe_to("video", LocationFilter::next_object());
  if (has_fill(stage.draft)) {
    wanted.parameters.fill.emplace();
    wanted.parameters.fill->filter = LocationFilter::relative(1);
  }
  auto asked = stage.peer->ask(wanted);
  std::optional<Peer::Asked> joined;
  if (has_joining_fetch(stage.draft)) {
    Fetch fetch;
    fetch.joining = JoiningFetch{.subscription = asked.id, .relative = true, .start = 0};
    joined = stage.peer->ask(fetch);
  }
  stage.peer->answer_as<SubscribeOk>(asked);
  if (joined) {
    const auto ok = stage.peer->answer_as<FetchOk>(*joined);
    EXPECT_EQ(ok.end, (RangeEnd{7, 1}));
  }
  const std::uint64_t expected = joined ? joined->id : asked.id;
  std::string filled;
  std::optional<Subgroup> live;
  while (filled.empty() || !live) {
    auto data = stage.peer->next_data();
    if (stream_kind(data.type, stage.draft) == StreamKind::fetch) {
      auto header = run_until_ready(
          stage.world, [&](const Waiter& waiter) { return data.reader.poll_fetch_header(waiter); });
      EXPECT_EQ(header->request_id, expected);
      data.reader.begin_fetch(GroupOrder::ascending);
      filled = read_all(stage, data.reader);
    } else {
      auto header = run_until_ready(stage.world, [&](const Waiter& waiter) {
        return data.reader.poll_subgroup_header(waiter, data.type);
      });
      live.emplace(*header, std::move(data.reader));
    }
  }
  EXPECT_EQ(filled, "0:a,1:b");
  ASSERT_TRUE(group.write_frame(7002, Bytes::copy("c")));
  std::move(group).finish();
  EXPECT_EQ(read_all(stage, live->reader), "2:c");
}

TEST_P(Publisher, RefusesWhatIsNotThere) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  stage.start();
  auto track = stage.peer->ask(subscribe_to("nothing", LocationFilter::next_object()));
  EXPECT_EQ(stage.peer->answer_as<RequestError>(track).code, RequestCode::does_not_exist);
  Subscribe elsewhere = subscribe_to("video", LocationFilter::next_object());
  elsewhere.track.track_namespace.fields = {"live", "other"};
  auto broadcast = stage.peer->ask(elsewhere);
  EXPECT_EQ(stage.peer->answer_as<RequestError>(broadcast).code, RequestCode::does_not_exist);
  auto reversed =
      stage.peer->ask(subscribe_to("video", LocationFilter::from({5, 3}, RangeEnd{5, 3})));
  stage.peer->answer(reversed);
  EXPECT_TRUE(stage.peer->alive());
}

/// A subscription that waits for its broadcast.
Subscribe patient(Duration patience) {
  Subscribe wanted = subscribe_to("video", LocationFilter::next_object());
  wanted.parameters.rendezvous_timeout = patience;
  return wanted;
}

TEST_P(Publisher, WaitsForABroadcastAsLongAsItIsTold) {
  if (!has_rendezvous_timeout(GetParam())) GTEST_SKIP() << "not in this draft";
  Stage stage(GetParam());
  stage.start();
  auto asked = stage.peer->ask(patient(5s));
  auto hasty = stage.peer->ask(patient(2s));
  EXPECT_EQ(stage.peer->answer_as<RequestError>(hasty).code, RequestCode::does_not_exist);
  EXPECT_TRUE(asked.reader->poll_message(Waiter::none()).pending());
  auto video = stage.create_track("video");
  stage.publish("live/cam");
  stage.peer->answer_as<SubscribeOk>(asked);
  std::move(Stage::write_group(video, 3, {"a"})).finish();
  Subgroup stream = next_subgroup(stage);
  EXPECT_EQ(stream.header.track_alias, asked.id);
  EXPECT_EQ(read_all(stage, stream.reader), "0:a");
}

TEST_P(Publisher, WaitsForABroadcastNoLongerThanItsLimit) {
  if (!has_rendezvous_timeout(GetParam())) GTEST_SKIP() << "not in this draft";
  Stage stage(GetParam());
  stage.start();
  auto asked = stage.peer->ask(patient(24h));
  stage.world.run_for(kMaxRendezvous - 1s);
  EXPECT_TRUE(asked.reader->poll_message(Waiter::none()).pending());
  stage.world.run_for(2s);
  EXPECT_EQ(stage.peer->answer_as<RequestError>(asked).code, RequestCode::does_not_exist);
}

TEST_P(Publisher, LetsFewSubscriptionsWait) {
  if (!has_rendezvous_timeout(GetParam())) GTEST_SKIP() << "not in this draft";
  Stage stage(GetParam());
  stage.start();
  std::vector<Peer::Asked> waiting;
  for (std::size_t i = 0; i < kMaxRendezvousWaits; ++i) {
    waiting.push_back(stage.peer->ask(patient(10s)));
  }
  auto more = stage.peer->ask(patient(10s));
  stage.world.run_for(1s);
  EXPECT_TRUE(waiting.back().reader->poll_message(Waiter::none()).pending());
  EXPECT_EQ(stage.peer->answer_as<RequestError>(more).code, RequestCode::does_not_exist);
  // Who leaves makes room.
  stage.peer->cancel(waiting.front());
  stage.world.run_for(100ms);
  auto next = stage.peer->ask(patient(10s));
  stage.world.run_for(1s);
  EXPECT_TRUE(next.reader->poll_message(Waiter::none()).pending());
}

TEST_P(Publisher, TellsTheEndOfTheTrack) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video");
  stage.start();
  auto asked = stage.peer->ask(subscribe_to("video", LocationFilter::next_object()));
  stage.peer->answer_as<SubscribeOk>(asked);
  std::move(Stage::write_group(track, 0, {"only"})).finish();
  Subgroup group = next_subgroup(stage);
  EXPECT_EQ(read_all(stage, group.reader), "0:only");
  std::move(track).finish();
  Subgroup end = next_subgroup(stage);
  EXPECT_EQ(end.header.group, 1U);
  auto object = next_object(stage.world, end.reader);
  ASSERT_TRUE(object);
  EXPECT_EQ(object->object.status, ObjectStatus::end_of_track);
  EXPECT_FALSE(next_object(stage.world, end.reader));
  const auto done = stage.peer->answer_as<PublishDone>(asked);
  EXPECT_EQ(done.code, DoneCode::track_ended);
  EXPECT_EQ(done.stream_count, 2U);
}

TEST_P(Publisher, TellsWhyATrackBrokeOff) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video");
  stage.start();
  auto asked = stage.peer->ask(subscribe_to("video", LocationFilter::next_object()));
  stage.peer->answer_as<SubscribeOk>(asked);
  std::move(track).abort(Error(Code::unauthorized, "no more"));
  const auto done = stage.peer->answer_as<PublishDone>(asked);
  EXPECT_EQ(done.code, DoneCode::unauthorized);
  EXPECT_EQ(done.reason, "no more");
}

TEST_P(Publisher, SendsTheRangeThatIsWanted) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video", {.max_age = 1min});
  for (std::uint64_t i = 0; i < 4; ++i) {
    std::move(Stage::write_group(track, i, {"a", "b", "c"})).finish();
  }
  stage.start();
  auto asked = stage.peer->ask(subscribe_to("video", LocationFilter::from({1, 1}, RangeEnd{2})));
  stage.peer->answer_as<SubscribeOk>(asked);
  std::map<std::uint64_t, std::string> got;
  for (int i = 0; i < 2; ++i) {
    Subgroup group = next_subgroup(stage);
    got[group.header.group] = read_all(stage, group.reader);
  }
  EXPECT_EQ(got, (std::map<std::uint64_t, std::string>{{1, "1:b,2:c"}, {2, "0:a,1:b,2:c"}}));
  const auto done = stage.peer->answer_as<PublishDone>(asked);
  EXPECT_EQ(done.stream_count, 2U);
  EXPECT_EQ(done.code,
            stage.draft <= Draft::d19 ? DoneCode::subscription_ended : DoneCode::track_ended);
}

TEST_P(Publisher, PausesAndResumes) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video");
  stage.start();
  Subscribe paused = subscribe_to("video", LocationFilter::next_object());
  paused.parameters.forward = false;
  auto asked = stage.peer->ask(paused);
  stage.peer->answer_as<SubscribeOk>(asked);
  std::move(Stage::write_group(track, 0, {"unseen"})).finish();
  stage.world.run_for(100ms);
  EXPECT_TRUE(stage.peer->raw->poll_accept_uni(Waiter::none()).pending());

  Parameters parameters;
  parameters.forward = true;
  parameters.priority = 100;
  parameters.filter = LocationFilter::from({1, 0});
  stage.peer->update(asked, parameters);
  if (has_update_reply(stage.draft)) stage.peer->answer_as<RequestOk>(asked);
  stage.world.run_for(50ms);
  std::move(Stage::write_group(track, 1, {"seen"})).finish();
  Subgroup group = next_subgroup(stage);
  EXPECT_EQ(group.header.group, 1U);
  EXPECT_EQ(read_all(stage, group.reader), "0:seen");

  parameters.forward = false;
  parameters.filter = LocationFilter::from({2, 0});
  stage.peer->update(asked, parameters);
  if (has_update_reply(stage.draft)) stage.peer->answer_as<RequestOk>(asked);
  stage.world.run_for(50ms);
  std::move(Stage::write_group(track, 2, {"unseen"})).finish();
  stage.world.run_for(100ms);
  EXPECT_TRUE(stage.peer->raw->poll_accept_uni(Waiter::none()).pending());
  EXPECT_TRUE(stage.peer->alive());
}

TEST_P(Publisher, StopsWhenThePeerLeaves) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video");
  stage.start();
  auto asked = stage.peer->ask(subscribe_to("video", LocationFilter::next_object()));
  stage.peer->answer_as<SubscribeOk>(asked);
  auto group = Stage::write_group(track, 0, {"a"});
  Subgroup stream = next_subgroup(stage);
  ASSERT_TRUE(next_object(stage.world, stream.reader));
  stage.peer->cancel(asked);
  stage.world.run_for(100ms);
  auto gone = run_until_ready(
      stage.world, [&](const Waiter& waiter) { return stream.reader.poll_object(waiter); });
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::cancelled);
  EXPECT_TRUE(track.poll_unused(Waiter::none()).ready());
  EXPECT_TRUE(stage.peer->alive());
}

TEST_P(Publisher, FetchesARange) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video", {.max_age = 1min});
  for (std::uint64_t i = 0; i < 4; ++i) {
    std::move(Stage::write_group(track, i, {"a", "b"})).finish();
  }
  stage.start();
  Fetch fetch;
  fetch.track = name_of_video();
  fetch.range = LocationFilter::from({1, 1}, RangeEnd{2});
  for (const GroupOrder order : {GroupOrder::ascending, GroupOrder::descending}) {
    fetch.parameters.group_order = order;
    auto asked = stage.peer->ask(fetch);
    const auto ok = stage.peer->answer_as<FetchOk>(asked);
    EXPECT_EQ(ok.end.group, 2U);
    Fetched stream = next_fetch(stage, order);
    EXPECT_EQ(stream.request_id, asked.id);
    std::string all;
    while (auto got = next_object(stage.world, stream.reader)) {
      all += std::to_string(got->object.group) + "/" + std::to_string(got->object.object) +
             got->payload + " ";
      EXPECT_EQ(got->object.properties.timestamp, 1000 * got->object.group + got->object.object);
    }
    EXPECT_EQ(all, order == GroupOrder::ascending ? "1/1b 2/0a 2/1b " : "2/0a 2/1b 1/1b ");
  }
}

TEST_P(Publisher, AnswersAFetchOnceTheEndOfTheGroupIsKnown) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video", {.max_age = 1min});
  stage.start();
  for (const bool ends : {true, false}) {
    const std::uint64_t sequence = ends ? 1 : 2;
    auto group = Stage::write_group(track, sequence, {"a", "b"});
    Fetch fetch;
    fetch.track = name_of_video();
    fetch.range = LocationFilter::from({sequence, 0}, RangeEnd{.group = sequence});
    auto asked = stage.peer->ask(fetch);
    Fetched stream = next_fetch(stage);
    EXPECT_EQ(next_object(stage.world, stream.reader)->payload, "a");
    EXPECT_EQ(next_object(stage.world, stream.reader)->payload, "b");
    const TimePoint read = stage.world.now();
    if (ends) std::move(group).finish();
    const auto ok = stage.peer->answer_as<FetchOk>(asked);
    EXPECT_EQ(ok.end.group, sequence);
    EXPECT_EQ(ok.end.object, ends ? std::optional<std::uint64_t>(1) : std::nullopt);
    if (ends) {
      EXPECT_LT(stage.world.now() - read, 100ms);
    } else {
      EXPECT_GT(stage.world.now() - read, 500ms);
      EXPECT_LT(stage.world.now() - read, 1100ms);
    }
  }
}

TEST_P(Publisher, RefusesFetchesOfNothing) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video");
  std::move(Stage::write_group(track, 0, {"a"})).finish();
  stage.start();
  Fetch fetch;
  fetch.track = name_of_video();
  fetch.range = LocationFilter::from({5, 0}, RangeEnd{5});
  auto beyond = stage.peer->ask(fetch);
  EXPECT_EQ(stage.peer->answer_as<RequestError>(beyond).code, RequestCode::invalid_range);
  fetch.track.name = "nothing";
  auto unknown = stage.peer->ask(fetch);
  EXPECT_EQ(stage.peer->answer_as<RequestError>(unknown).code, RequestCode::does_not_exist);
  if (!has_joining_fetch(stage.draft)) return;
  fetch.joining = JoiningFetch{.subscription = 998};
  auto joining = stage.peer->ask(fetch);
  EXPECT_EQ(stage.peer->answer_as<RequestError>(joining).code,
            RequestCode::invalid_joining_request);
}

TEST_P(Publisher, AFetchCanBeCancelled) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video");
  auto group = Stage::write_group(track, 0, {"a"});
  stage.start();
  Fetch fetch;
  fetch.track = name_of_video();
  fetch.range = LocationFilter::from({0, 0}, RangeEnd{0});
  auto asked = stage.peer->ask(fetch);
  stage.peer->answer_as<FetchOk>(asked);
  Fetched stream = next_fetch(stage);
  ASSERT_TRUE(next_object(stage.world, stream.reader));
  stage.peer->cancel(asked);
  auto gone = run_until_ready(
      stage.world, [&](const Waiter& waiter) { return stream.reader.poll_object(waiter); });
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::cancelled);
}

TEST_P(Publisher, TellsTheStatusOfATrack) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video");
  std::move(Stage::write_group(track, 9, {"a", "b"})).finish();
  stage.start();
  TrackStatus status;
  status.track = name_of_video();
  auto asked = stage.peer->ask(status);
  const auto ok = stage.peer->answer_as<RequestOk>(asked);
  EXPECT_EQ(ok.parameters.largest, (Location{9, 1}));
  status.track.name = "nothing";
  auto unknown = stage.peer->ask(status);
  EXPECT_EQ(stage.peer->answer_as<RequestError>(unknown).code, RequestCode::does_not_exist);
}

TEST_P(Publisher, ListsNamespacesToWhoAsks) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  stage.start();
  SubscribeNamespace wish;
  wish.prefix.fields = {"live"};
  auto asked = stage.peer->ask(wish);
  stage.peer->answer_as<RequestOk>(asked);
  if (!has_namespace_messages(stage.draft)) {
    auto offer = stage.peer->next_request();
    EXPECT_EQ(std::get<PublishNamespace>(offer.message).track_namespace, name_of_cam());
    stage.announcements.clear();
    const Message done = stage.peer->next_control();
    EXPECT_EQ(std::get<PublishNamespaceDone>(done).track_namespace, name_of_cam());
    return;
  }
  EXPECT_EQ(stage.peer->answer_as<Namespace>(asked).suffix.fields, std::vector<std::string>{"cam"});
  stage.publish("live/.hidden");
  stage.publish("other/cam");
  stage.publish("live");
  EXPECT_TRUE(stage.peer->answer_as<Namespace>(asked).suffix.fields.empty());
  stage.announcements.erase(stage.announcements.begin());
  EXPECT_EQ(stage.peer->answer_as<NamespaceDone>(asked).suffix.fields,
            std::vector<std::string>{"cam"});
}

TEST_P(Publisher, OffersNamespacesToWhoDoesNotAsk) {
  Stage stage(GetParam(), true);
  stage.publish("live/cam");
  stage.start();
  auto offer = stage.peer->next_request();
  EXPECT_EQ(std::get<PublishNamespace>(offer.message).track_namespace, name_of_cam());
  stage.peer->say(offer, RequestOk());
  stage.world.run_for(50ms);
  stage.announcements.clear();
  stage.world.run_for(50ms);
  if (offer.reader) {
    auto gone = run_until_ready(
        stage.world, [&](const Waiter& waiter) { return offer.reader->poll_message(waiter); });
    EXPECT_FALSE(gone && *gone);
  } else {
    EXPECT_TRUE(std::holds_alternative<PublishNamespaceDone>(stage.peer->next_control()));
  }
  // Again, and this time it is refused: it is not offered again, nor does it hurt.
  stage.publish("live/cam");
  auto again = stage.peer->next_request();
  RequestError refusal;
  refusal.code = RequestCode::uninterested;
  stage.peer->say(again, refusal);
  stage.world.run_for(10s);
  EXPECT_TRUE(stage.peer->alive());
}

TEST_P(Publisher, AsksNothingOfAPeerThatGoesAway) {
  Stage stage(GetParam(), true);
  stage.start();
  Goaway goaway;
  goaway.uri = "moqt://elsewhere";
  goaway.request_id = 0;
  stage.peer->say(goaway);
  stage.world.run_for(50ms);
  EXPECT_EQ(*stage.session->poll_goaway(Waiter::none()), "moqt://elsewhere");
  stage.publish("live/cam");
  stage.world.run_for(1s);
  EXPECT_TRUE(stage.peer->raw->poll_accept_bidi(Waiter::none()).pending() ||
              !has_request_streams(stage.draft));
  stage.peer->say(goaway);
  const Error closed = stage.peer->closed();
  EXPECT_EQ(closed.wire, 3U);
}

TEST_P(Publisher, SendsGoaway) {
  Stage stage(GetParam());
  stage.start();
  stage.session->goaway("moqt://elsewhere");
  EXPECT_EQ(std::get<Goaway>(stage.peer->next_control()).uri, "moqt://elsewhere");
}

TEST_P(Publisher, SendsDatagrams) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video");
  stage.start();
  auto asked = stage.peer->ask(subscribe_to("video", LocationFilter::next_object()));
  stage.peer->answer_as<SubscribeOk>(asked);
  ASSERT_TRUE(track.append_datagram(77, Bytes::copy("gram")));
  auto bytes = run_until_ready(stage.world, [&](const Waiter& waiter) {
    return stage.peer->raw->poll_recv_datagram(waiter);
  });
  auto datagram = Datagram::decode(*bytes, stage.draft);
  ASSERT_TRUE(datagram && *datagram);
  EXPECT_EQ((*datagram)->track_alias, asked.id);
  EXPECT_EQ((*datagram)->properties.timestamp, 77U);
  EXPECT_EQ((*datagram)->payload.text(), "gram");
  EXPECT_TRUE((*datagram)->end_of_group);
}

TEST_P(Publisher, RefusesFiltersThatItDoesNotHave) {
  Stage stage(GetParam());
  if (!has_range_filters(stage.draft)) return;
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video");
  stage.start();
  Subscribe filtered = subscribe_to("video", LocationFilter::next_object());
  RangeFilter filter;
  filter.of = RangeFilter::Of::object_id;
  filter.ranges = {{0, 5}};
  filtered.parameters.ranges = {filter};
  auto refused = stage.peer->ask(filtered);
  EXPECT_EQ(stage.peer->answer_as<RequestError>(refused).code, RequestCode::not_supported);

  auto asked = stage.peer->ask(subscribe_to("video", LocationFilter::next_object()));
  stage.peer->answer_as<SubscribeOk>(asked);
  Parameters parameters;
  parameters.ranges = {filter};
  stage.peer->update(asked, parameters);
  EXPECT_EQ(stage.peer->answer_as<RequestError>(asked).code, RequestCode::not_supported);
  EXPECT_EQ(stage.peer->answer_as<PublishDone>(asked).code, DoneCode::update_failed);
}

// --- Bytes of the sheet, moq-transport.md §15 ---------------------------------------------------

struct Bytewise {
  Draft draft;
  std::string_view setup;
  std::string_view subscribe;
  std::string_view group;  ///< Group 300 of "hello" and "world!", by alias 0.
};

class PublisherBytes : public testing::TestWithParam<Bytewise> {};
INSTANTIATE_TEST_SUITE_P(
    Drafts, PublisherBytes,
    testing::Values(Bytewise{Draft::d14, "20000d01c0000000ff00000e01024064",
                             "0300160002046c6976650363616d05766964656f8000010200", ""},
                    Bytewise{Draft::d16, "20000401024064",
                             "03001c0002046c6976650363616d05766964656f0410011040800101020102",
                             "1900412c80000510800f42400568656c6c6f000510800fc47506776f726c6421"},
                    Bytewise{Draft::d18, "af000000",
                             "03001b0002046c6976650363616d05766964656f04100110800101020102",
                             "5900812c80000410cf42400568656c6c6f000410cfc47506776f726c6421"},
                    Bytewise{Draft::d20, "af000000",
                             "0300220002046c6976650363616d05766964656f05100110800102000001020104"
                             "01210101",
                             "5900812c80000410cf42400568656c6c6f000410cfc47506776f726c6421"},
                    Bytewise{
                        Draft::d22, "af000000",
                        "0300200002046c6976650363616d05766964656f051001108001050102010401210101",
                        "5900812c80000410cf42400568656c6c6f000410cfc47506776f726c6421"}),
    [](const auto& test) { return "d" + std::to_string(std::to_underlying(test.param.draft)); });

TEST_P(PublisherBytes, AnswersTheVectorsOfTheSheet) {
  const Bytewise& bytes = GetParam();
  Stage stage(bytes.draft);
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video", {.timescale = 1000000});
  stage.peer->greet(Bytes::copy(from_hex(bytes.setup)));
  const std::vector<Version> versions = {stage.version};
  auto request =
      stage.world.run(net::accept({stage.world, stage.world}, std::move(stage.ours), versions));
  ASSERT_TRUE(request) << request.error().describe();
  SessionOptions options;
  options.publish = stage.origin.consume();
  stage.session = std::move(*request).accept(std::move(options));
  stage.peer->read_setup();
  Bytes subscribe = Bytes::copy(from_hex(bytes.subscribe));
  std::optional<transport::BidiStream> own;
  if (has_request_streams(bytes.draft)) {
    own = *std::move(*stage.peer->raw->poll_open_bidi(Waiter::none()));
    own->send->write(std::move(subscribe));
  } else {
    stage.peer->control().write(std::move(subscribe));
  }
  stage.world.run_for(50ms);
  auto group = track.create_group(300);
  ASSERT_TRUE(group->write_frame(1000000, Bytes::copy("hello")));
  ASSERT_TRUE(group->write_frame(1033333, Bytes::copy("world!")));
  std::move(*group).finish();
  stage.world.run_for(50ms);
  std::string sent;
  for (const auto& record : stage.control->records()) {
    if (!record.bidi && record.opener == sim::Side::server) {
      sent = hex_of(record.from_server.written);
    }
  }
  if (!bytes.group.empty()) {
    EXPECT_EQ(sent, bytes.group);
  } else {
    // Up to 15 each object also tells its unit.
    EXPECT_TRUE(sent.starts_with("1900412c8000")) << sent;
  }
}

TEST_P(Publisher, OffersSoManyBroadcastsToWhoDoesNotAsk) {
  if (!has_namespace_messages(GetParam())) GTEST_SKIP() << "there it is how all are told of";
  if (GetParam() >= Draft::d22) GTEST_SKIP() << "there nothing is offered";
  Stage stage(GetParam());
  for (std::size_t i = 0; i <= kMaxOffers; ++i) stage.publish("cam" + std::to_string(i));
  stage.start();
  std::vector<Peer::Asked> offers;
  for (std::size_t i = 0; i < kMaxOffers; ++i) {
    offers.push_back(stage.peer->next_request());
    EXPECT_TRUE(std::holds_alternative<PublishNamespace>(offers.back().message));
    stage.peer->say(offers.back(), RequestOk{});
  }
  stage.world.run_for(1s);
  if (has_request_streams(GetParam())) {
    EXPECT_TRUE(stage.peer->raw->poll_accept_bidi(Waiter::none()).pending());
  } else {
    EXPECT_TRUE(stage.peer->control_reader().poll_message(Waiter::none()).pending());
  }
}

TEST_P(Publisher, AnswersFetchesOfSoManyGroups) {
  Stage stage(GetParam());
  stage.publish("live/cam");
  track::Producer track = stage.create_track("video");
  Stage::write_group(track, 0, {"a"}).finish();
  Stage::write_group(track, kMaxFetchGroups, {"b"}).finish();
  stage.start();
  for (const bool more : {false, true}) {
    Fetch fetch;
    fetch.track = name_of_video();
    fetch.range = LocationFilter::from({more ? 0U : 1U, 0}, RangeEnd{.group = kMaxFetchGroups});
    auto asked = stage.peer->ask(fetch);
    const Message answer = stage.peer->answer(asked);
    const auto* refusal = std::get_if<RequestError>(&answer);
    ASSERT_NE(refusal, nullptr);
    // The groups between are not there.
    EXPECT_EQ(refusal->code, more ? RequestCode::not_supported : RequestCode::does_not_exist);
  }
}

}  // namespace
}  // namespace moq::net::moqt
