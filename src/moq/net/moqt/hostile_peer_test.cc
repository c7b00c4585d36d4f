#include "moq/net/moqt/limits.h"
#include "moq/net/moqt/scripted_test_support.h"

/// Peers that break the rules of the session: it closes with the code that says so, and nothing
/// worse happens.
namespace moq::net::moqt {
namespace {

class HostilePeer : public testing::TestWithParam<Draft> {
 protected:
  HostilePeer() : stage_(GetParam()) {
    stage_.publish("live/cam");
    track_.emplace(stage_.create_track("video"));
    stage_.start();
  }
  void expect_close(CloseCode code) {
    EXPECT_EQ(stage_.peer->closed().wire, std::to_underlying(code));
    EXPECT_TRUE(stage_.session->poll_closed(Waiter::none()).ready());
  }
  [[nodiscard]] Subscribe subscribe() const {
    Subscribe message;
    message.track = name_of_video();
    message.parameters.filter = LocationFilter::next_object();
    return message;
  }
  [[nodiscard]] Draft draft() const { return stage_.draft; }
  Peer& peer() { return *stage_.peer; }

  Stage stage_;
  std::optional<track::Producer> track_;
};
INSTANTIATE_TEST_SUITE_P(Drafts, HostilePeer, testing::ValuesIn(kDrafts), DraftName());

TEST_P(HostilePeer, AStreamOfUnknownTypeClosesTheSession) {
  auto stream = peer().open_uni();
  Writer out = writer_of(draft());
  out.varint(0x33a);
  stream->write(out.take());
  expect_close(CloseCode::protocol_violation);
}

TEST_P(HostilePeer, AnEmptyStreamIsNothing) {
  peer().open_uni()->finish();
  if (has_namespace_streams(draft())) (*peer().raw->poll_open_bidi(Waiter::none()))->send->finish();
  stage_.world.run_for(50ms);
  EXPECT_TRUE(peer().alive());
}

TEST_P(HostilePeer, PaddingIsPassedOver) {
  if (!has_padding(draft())) return;
  auto stream = peer().open_uni();
  Writer out = writer_of(draft());
  out.varint(kPaddingStreamType);
  stream->write(out.take());
  stream->write(Bytes::copy("xxxxxxxxxxxxxxxxxxxxx"));
  stream->finish();
  Writer datagram = writer_of(draft());
  datagram.varint(kPaddingDatagramType).varint(0);
  peer().raw->send_datagram(datagram.take());
  stage_.world.run_for(50ms);
  EXPECT_TRUE(peer().alive());
}

TEST_P(HostilePeer, ADatagramThatDoesNotDecodeClosesTheSession) {
  peer().raw->send_datagram(Bytes::copy(from_hex("7f")));
  expect_close(CloseCode::protocol_violation);
}

TEST_P(HostilePeer, ARequestIdOfOursClosesTheSession) {
  auto asked = peer().ask(subscribe(), 1);
  expect_close(CloseCode::invalid_request_id);
}

TEST_P(HostilePeer, ARequestIdTwiceClosesTheSession) {
  auto asked = peer().ask(subscribe(), 0);
  peer().answer_as<SubscribeOk>(asked);
  auto again = peer().ask(subscribe(), 0);
  expect_close(CloseCode::invalid_request_id);
}

TEST_P(HostilePeer, ARequestIdBeyondTheLimitClosesTheSession) {
  if (!has_max_request_id(draft())) return;
  auto asked = peer().ask(subscribe(), kMaxRequestId + 1);
  expect_close(CloseCode::too_many_requests);
}

TEST_P(HostilePeer, TheEndOfTheControlStreamClosesTheSession) {
  peer().control().finish();
  expect_close(CloseCode::protocol_violation);
}

TEST_P(HostilePeer, AResetOfTheControlStreamClosesTheSession) {
  peer().control().reset(1);
  expect_close(CloseCode::protocol_violation);
}

TEST_P(HostilePeer, ACloseThatFollowsAResetTellsTheCause) {
  peer().control().reset(1);
  stage_.world.run_for(100ms);
  peer().raw->close(2, "not you");
  stage_.world.run_for(100ms);
  const auto closed = stage_.session->poll_closed(Waiter::none());
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->code, Code::unauthorized) << closed->describe();
}

TEST_P(HostilePeer, AnUnknownMessageClosesTheSession) {
  Writer out = writer_of(draft());
  out.varint(0x3f).u16(0);
  peer().control().write(out.take());
  expect_close(CloseCode::protocol_violation);
}

TEST_P(HostilePeer, SetupTwiceClosesTheSession) {
  peer().control().write(peer().bytes_of(peer().own_setup()));
  expect_close(CloseCode::protocol_violation);
}

TEST_P(HostilePeer, ASecondControlStreamClosesTheSession) {
  if (!has_request_streams(draft())) return;
  auto stream = peer().open_uni();
  stream->write(peer().bytes_of(peer().own_setup()));
  expect_close(CloseCode::protocol_violation);
}

TEST_P(HostilePeer, AGoawayToSomewhereFromAClientClosesTheSession) {
  Goaway goaway;
  goaway.uri = "moqt://elsewhere";
  goaway.request_id = 0;
  peer().say(goaway);
  expect_close(CloseCode::protocol_violation);
}

TEST_P(HostilePeer, AMaxRequestIdThatFallsClosesTheSession) {
  if (!has_max_request_id(draft())) return;
  peer().say(MaxRequestId{2000});
  stage_.world.run_for(50ms);
  EXPECT_TRUE(peer().alive());
  peer().say(MaxRequestId{1999});
  expect_close(CloseCode::protocol_violation);
}

TEST_P(HostilePeer, AnAnswerToNothingClosesTheSession) {
  SubscribeOk ok;
  if (has_request_ids_in_replies(draft())) ok.request_id = 1;
  if (has_request_streams(draft())) {
    auto stream = *std::move(*peer().raw->poll_open_bidi(Waiter::none()));
    stream.send->write(peer().bytes_of(ok));
    expect_close(CloseCode::protocol_violation);
  } else {
    peer().say(ok);
    expect_close(CloseCode::protocol_violation);
  }
}

TEST_P(HostilePeer, AnAnswerThatDoesNotFitClosesTheSession) {
  if (draft() >= Draft::d22) return;  // There a server offers nothing.
  auto offer = peer().next_request();
  ASSERT_TRUE(std::holds_alternative<PublishNamespace>(offer.message));
  peer().say(offer, SubscribeOk{});
  expect_close(CloseCode::protocol_violation);
}

TEST_P(HostilePeer, ABidirectionalStreamOutOfPlaceClosesTheSession) {
  if (has_request_streams(draft())) return;
  auto stream = *std::move(*peer().raw->poll_open_bidi(Waiter::none()));
  Subscribe message = subscribe();
  message.request_id = 0;
  stream.send->write(peer().bytes_of(message));
  expect_close(CloseCode::protocol_violation);
}

TEST_P(HostilePeer, AMessageOutOfPlaceOnARequestClosesTheSession) {
  auto asked = peer().ask(subscribe());
  peer().answer_as<SubscribeOk>(asked);
  peer().say(asked, FetchOk{.end = {.group = 0, .object = 0}});
  expect_close(CloseCode::protocol_violation);
}

TEST_P(HostilePeer, ARequestThatEndsInTheMiddleClosesTheSession) {
  if (!has_request_streams(draft())) return;
  auto stream = *std::move(*peer().raw->poll_open_bidi(Waiter::none()));
  stream.send->write(peer().bytes_of(subscribe()).slice(0, 9));
  stream.send->finish();
  expect_close(CloseCode::protocol_violation);
}

TEST_P(HostilePeer, ARequestThatIsResetIsNothing) {
  if (!has_request_streams(draft())) return;
  auto stream = *std::move(*peer().raw->poll_open_bidi(Waiter::none()));
  stream.send->write(peer().bytes_of(subscribe()).slice(0, 9));
  stage_.world.run_for(50ms);
  stream.send->reset(1);
  stage_.world.run_for(50ms);
  EXPECT_TRUE(peer().alive());
}

TEST_P(HostilePeer, UnknownEndsAreNothing) {
  if (has_request_streams(draft())) return;
  peer().say(Unsubscribe{40});
  peer().say(FetchCancel{42});
  peer().say(PublishNamespaceDone{44, name_of_cam()});
  stage_.world.run_for(50ms);
  EXPECT_TRUE(peer().alive());
}

TEST_P(HostilePeer, TooManyWishesAreRefused) {
  std::vector<Peer::Asked> all;
  for (std::size_t i = 0; i < kMaxWishes; ++i) {
    SubscribeNamespace wish;
    wish.prefix.fields = {"p" + std::to_string(i)};
    all.push_back(peer().ask(wish));
    peer().answer_as<RequestOk>(all.back());
  }
  SubscribeNamespace wish;
  wish.prefix.fields = {"more"};
  auto refused = peer().ask(wish);
  Message answer = peer().answer(refused);
  EXPECT_TRUE(std::holds_alternative<RequestError>(answer));
  EXPECT_TRUE(peer().alive());
}

TEST_P(HostilePeer, UpdatesThatPileUpCloseTheSession) {
  if (has_request_streams(draft())) GTEST_SKIP() << "there the stream's flow control holds them";
  for (const bool more : {false, true}) {
    auto asked = peer().ask(subscribe());
    peer().answer_as<SubscribeOk>(asked);
    Writer all;
    for (std::size_t i = 0; i < kMaxWaitingMessages + more; ++i) {
      RequestUpdate update;
      update.request_id = peer().take_id();
      update.updated_request = asked.id;
      update.parameters.priority = 7;
      const Bytes bytes = peer().bytes_of(update);
      all.bytes(bytes.span());
    }
    peer().control().write(all.take());
    stage_.world.run_for(50ms);
    EXPECT_EQ(peer().alive(), !more);
  }
}

TEST_P(HostilePeer, TooManyRequestsAreRefused) {
  if (draft() != Draft::d16) GTEST_SKIP() << "it takes a while, and the transport allows less";
  Stage stage(draft());
  stage.subscribes = true;
  stage.start();
  const auto peer = [&stage]() -> Peer& { return *stage.peer; };
  std::vector<Peer::Asked> all;
  for (std::size_t i = 0; i <= kMaxRequests; ++i) {
    PublishNamespace offer;
    offer.track_namespace.fields = {"n" + std::to_string(i)};
    all.push_back(peer().ask(offer));
    if (i % 500 == 0) stage.world.run_for(20ms);
  }
  stage.world.run_for(100ms);
  peer().answer_as<RequestOk>(all[kMaxRequests - 1]);
  const Message answer = peer().answer(all[kMaxRequests]);
  const auto* refusal = std::get_if<RequestError>(&answer);
  ASSERT_NE(refusal, nullptr);
  EXPECT_TRUE(peer().alive());
}

class HostileGreeting : public testing::TestWithParam<Draft> {
 protected:
  Error greet(const Bytes& bytes) {
    Stage stage(GetParam());
    stage.peer->greet(bytes);
    const std::vector<Version> versions = {stage.version};
    auto request =
        stage.world.run(net::accept({stage.world, stage.world}, std::move(stage.ours), versions));
    EXPECT_FALSE(request);
    return stage.peer->closed();
  }
};
INSTANTIATE_TEST_SUITE_P(Drafts, HostileGreeting, testing::ValuesIn(kDrafts), DraftName());

TEST_P(HostileGreeting, ARequestInPlaceOfSetupIsRefused) {
  if (has_request_streams(GetParam())) return;
  Subscribe message;
  message.track = name_of_video();
  EXPECT_EQ(greet(*encode_message(message, GetParam())).wire, 3U);
}

TEST_P(HostileGreeting, ASetupThatDoesNotDecodeIsRefused) {
  moqt::Setup setup;
  setup.versions = {version_number(GetParam())};
  setup.path = "/x";
  setup.implementation = "x";
  Bytes whole = *encode_message(setup, GetParam());
  std::vector<std::uint8_t> bytes(whole.span().begin(), whole.span().end());
  // One byte less than the last option needs.
  bytes.pop_back();
  const std::size_t length_at = has_request_streams(GetParam()) ? 3 : 2;
  bytes[length_at] -= 1;
  EXPECT_EQ(greet(Bytes::copy(bytes)).wire, 3U);
}

TEST_P(HostileGreeting, OtherVersionsAreRefused) {
  if (!has_version_list(GetParam())) return;
  moqt::Setup setup;
  setup.versions = {0xff00000d};
  EXPECT_EQ(greet(*encode_message(setup, GetParam())).wire, 0x15U);
}

TEST_P(HostileGreeting, ThePathIsTold) {
  Stage stage(GetParam());
  moqt::Setup setup = stage.peer->own_setup();
  setup.path = "/room?jwt=x";
  setup.authority = "example.com";
  stage.peer->greet(setup);
  const std::vector<Version> versions = {stage.version};
  auto request =
      stage.world.run(net::accept({stage.world, stage.world}, std::move(stage.ours), versions));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->path(), "/room?jwt=x");
  std::move(*request).reject(Error(Code::unauthorized, "no"));
  EXPECT_EQ(stage.peer->closed().wire, 2U);
}

}  // namespace
}  // namespace moq::net::moqt
