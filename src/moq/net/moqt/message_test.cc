// The vectors of moq-transport.md §15 for control messages, and what is refused in them.
#include "moq/net/moqt/message.h"

#include <gtest/gtest.h>

#include "moq/net/moqt/limits.h"
#include "moq/net/moqt/test_support.h"

namespace moq::net::moqt {
namespace {

/// Inside a test `Setup` is a name of GoogleTest.
using SetupMessage = Setup;
using Wants = SubscribeNamespace::Wants;

struct Vector {
  std::vector<Draft> drafts;
  std::string_view hex;
  Message message;
};

void expect_vectors(const std::vector<Vector>& vectors) {
  for (const Vector& vector : vectors) {
    for (const Draft draft : vector.drafts) expect_vector(vector.hex, vector.message, draft);
  }
}

const LocationFilter kNextObject = LocationFilter::next_object();
const Location kLargest{.group = 300, .object = 5};

/// The fields that draft 14 always has.
Parameters inline_fields(std::optional<GroupOrder> order, LocationFilter filter = kNextObject) {
  return {.forward = true, .priority = 128, .filter = filter, .group_order = order};
}

TEST(Message, VectorsOfDraft14) {
  const std::vector<Draft> d14 = drafts(14, 14);
  Parameters range =
      inline_fields(GroupOrder::descending, LocationFilter::from({10, 3}, RangeEnd{.group = 20}));
  range.delivery_timeout = 5000ms;
  expect_vectors({
      {d14, "20001401c0000000ff00000e0201052f6c697665024064",
       SetupMessage{
           .versions = {version_number(Draft::d14)}, .path = "/live", .max_request_id = 100}},
      {d14, "21000cc0000000ff00000e01024064",
       SetupMessage{.sender = Role::server,
                    .versions = {version_number(Draft::d14)},
                    .max_request_id = 100}},
      {d14, "15000240c8", MaxRequestId{.limit = 200}},
      {d14, "1a00024064", RequestsBlocked{.limit = 100}},
      {d14, "10000100", Goaway{}},
      {d14, "0300160002046c6976650363616d05766964656f8000010200",
       Subscribe{.track = name_of_video(), .parameters = inline_fields(std::nullopt)}},
      {d14, "03001c0202046c6976650363616d05766964656f800201040a031401025388",
       Subscribe{.request_id = 2, .track = name_of_video(), .parameters = range}},
      {d14, "0400090001000101412c0500",
       SubscribeOk{.request_id = 0,
                   .track_alias = 1,
                   .parameters = {.largest = kLargest},
                   .track = {.group_order = GroupOrder::ascending}}},
      {d14, "040006000100010000",
       SubscribeOk{
           .request_id = 0, .track_alias = 1, .track = {.group_order = GroupOrder::ascending}}},
      {d14, "050007000404676f6e65",
       RequestError{.request_id = 0,
                    .kind = RequestKind::subscribe,
                    .code = RequestCode::does_not_exist,
                    .reason = "gone"}},
      {d14, "0200090400412d0000c80100",
       RequestUpdate{.request_id = 4,
                     .updated_request = 0,
                     .parameters = {.forward = true,
                                    .priority = 200,
                                    .filter = LocationFilter::from({301, 0})}}},
      {d14, "0a000100", Unsubscribe{}},
      {d14, "0b000400020300", PublishDone{.request_id = 0, .stream_count = 3}},
      {d14, "06000c0602046c6976650363616d00",
       PublishNamespace{.request_id = 6, .track_namespace = name_of_cam()}},
      {d14, "07000106", RequestOk{.request_id = 6, .kind = RequestKind::publish_namespace}},
      {d14, "080003060400",
       RequestError{.request_id = 6,
                    .kind = RequestKind::publish_namespace,
                    .code = RequestCode::uninterested}},
      {d14, "09000a02046c6976650363616d", PublishNamespaceDone{.track_namespace = name_of_cam()}},
      {d14, "1100080801046c69766500",
       SubscribeNamespace{.request_id = 8, .prefix = {.fields = {"live"}}}},
      {d14, "110003010000", SubscribeNamespace{.request_id = 1}},
      {d14, "12000108", RequestOk{.request_id = 8, .kind = RequestKind::subscribe_namespace}},
      {d14, "1600190a80010102046c6976650363616d05766964656f0200030000",
       Fetch{.request_id = 10,
             .track = name_of_video(),
             .range = LocationFilter::from({2, 0}, RangeEnd{.group = 3}),
             .parameters = {.priority = 128, .group_order = GroupOrder::ascending}}},
      {d14, "1600070c800102000000",
       Fetch{.request_id = 12,
             .joining = JoiningFetch{.subscription = 0, .relative = true, .start = 0},
             .parameters = {.priority = 128, .group_order = GroupOrder::ascending}}},
      {d14, "1800060a0100030000",
       FetchOk{
           .request_id = 10, .end = {.group = 3}, .track = {.group_order = GroupOrder::ascending}}},
      {d14, "1900030a0300",
       RequestError{
           .request_id = 10, .kind = RequestKind::fetch, .code = RequestCode::not_supported}},
      {d14, "1700010a", FetchCancel{.request_id = 10}},
      {d14, "1d00160102046c6976650363616d05766964656f0701000100",
       Publish{.request_id = 1,
               .name = name_of_video(),
               .track_alias = 7,
               .parameters = {.forward = true},
               .track = {.group_order = GroupOrder::ascending}}},
      {d14, "1e0006010180010200",
       RequestOk{.request_id = 1,
                 .kind = RequestKind::publish,
                 .parameters = inline_fields(GroupOrder::ascending)}},
      {d14, "1f0003010300",
       RequestError{
           .request_id = 1, .kind = RequestKind::publish, .code = RequestCode::not_supported}},
      {d14, "0d00160e02046c6976650363616d05766964656f8000010200",
       TrackStatus{
           .request_id = 14, .track = name_of_video(), .parameters = inline_fields(std::nullopt)}},
  });
}

/// As Rust peers subscribe.
Parameters wanted(LocationFilter filter = kNextObject) {
  return inline_fields(GroupOrder::descending, filter);
}

TEST(Message, VectorsOfDraft15) {
  const std::vector<Draft> d15 = drafts(15, 15);
  expect_vectors({
      {d15, "20000b0201052f6c697665024064", SetupMessage{.path = "/live", .max_request_id = 100}},
      {d15, "03001c0002046c6976650363616d05766964656f0410012040802101022202",
       Subscribe{.track = name_of_video(), .parameters = wanted()}},
      {d15, "0400080001010903412c05",
       SubscribeOk{.request_id = 0, .track_alias = 1, .parameters = {.largest = kLargest}}},
      {d15, "050003001000", RequestError{.request_id = 0, .code = RequestCode::does_not_exist}},
  });
}

TEST(Message, VectorsOfDraft16) {
  const std::vector<Draft> d16 = drafts(16, 16);
  const Parameters fetch{.priority = 128, .group_order = GroupOrder::ascending};
  expect_vectors({
      {d16, "20000b0201052f6c697665014064", SetupMessage{.path = "/live", .max_request_id = 100}},
      {d16, "21000401024064", SetupMessage{.sender = Role::server, .max_request_id = 100}},
      {d16, "03001c0002046c6976650363616d05766964656f0410011040800101020102",
       Subscribe{.track = name_of_video(), .parameters = wanted()}},
      {d16, "04000b0001010903412c050e4080",
       SubscribeOk{.request_id = 0,
                   .track_alias = 1,
                   .parameters = {.largest = kLargest},
                   .track = {.priority = 128}}},
      {d16, "05000800100004676f6e65",
       RequestError{.request_id = 0, .code = RequestCode::does_not_exist, .reason = "gone"}},
      {d16, "0700020600", RequestOk{.request_id = 6}},
      {d16, "0200050400011000",
       RequestUpdate{.request_id = 4, .updated_request = 0, .parameters = {.forward = false}}},
      {d16, "0a000100", Unsubscribe{}},
      {d16, "0b000400020300", PublishDone{.request_id = 0, .stream_count = 3}},
      {d16, "06000c0602046c6976650363616d00",
       PublishNamespace{.request_id = 6, .track_namespace = name_of_cam()}},
      {d16, "09000106", PublishNamespaceDone{.request_id = 6}},
      {d16, "0c0003062000",
       PublishNamespaceCancel{.request_id = 6, .code = RequestCode::uninterested}},
      {d16, "1100090801046c6976650100",
       SubscribeNamespace{.request_id = 8, .prefix = {.fields = {"live"}}}},
      {d16, "080005010363616d", Namespace{.suffix = {.fields = {"cam"}}}},
      {d16, "0e0005010363616d", NamespaceDone{.suffix = {.fields = {"cam"}}}},
      {d16, "16001c0a0102046c6976650363616d05766964656f02000300022040800201",
       Fetch{.request_id = 10,
             .track = name_of_video(),
             .range = LocationFilter::from({2, 0}, RangeEnd{.group = 3}),
             .parameters = fetch}},
      {d16, "16000a0c020000022040800201",
       Fetch{.request_id = 12, .joining = JoiningFetch{}, .parameters = fetch}},
      {d16, "1800050a00030000", FetchOk{.request_id = 10, .end = {.group = 3}}},
      {d16, "1d00150102046c6976650363616d05766964656f07011001",
       Publish{.request_id = 1,
               .name = name_of_video(),
               .track_alias = 7,
               .parameters = {.forward = true}}},
      {d16, "1e000a01031001104080010102",
       RequestOk{.request_id = 1,
                 .kind = RequestKind::publish,
                 .parameters = {.forward = true, .priority = 128, .filter = kNextObject}}},
      {d16, "0d00120e02046c6976650363616d05766964656f00",
       TrackStatus{.request_id = 14, .track = name_of_video()}},
      {d16, "15000240c8", MaxRequestId{.limit = 200}},
  });
}

TEST(Message, VectorsOfDraft17) {
  expect_vector("03001c000002046c6976650363616d05766964656f04100110800101020102",
                Subscribe{.track = name_of_video(), .parameters = wanted()}, Draft::d17);
}

TEST(Message, VectorsOfDraft18) {
  const std::vector<Draft> d18 = drafts(18, 18);
  const std::vector<Draft> till_19 = drafts(18, 19);
  const std::vector<Draft> from_17 = drafts(17, 22);
  const std::vector<Draft> from_18 = drafts(18, 22);
  const Parameters fetch{.priority = 128, .group_order = GroupOrder::ascending};
  expect_vectors({
      {from_17, "af00001901052f6c697665040b6578616d706c652e636f6d0203637070",
       SetupMessage{.path = "/live", .authority = "example.com", .implementation = "cpp"}},
      {from_17, "af000000", SetupMessage{}},
      {till_19, "03001b0002046c6976650363616d05766964656f04100110800101020102",
       Subscribe{.track = name_of_video(), .parameters = wanted()}},
      {till_19, "0300180202046c6976650363616d05766964656f012104040a030a",
       Subscribe{.request_id = 2,
                 .track = name_of_video(),
                 .parameters = {.filter = LocationFilter::from({10, 3}, RangeEnd{.group = 20})}}},
      {from_17, "04000f010109812c0508cf42400680801402",
       SubscribeOk{.track_alias = 1,
                   .parameters = {.largest = kLargest},
                   .track = {.timescale = 1000000,
                             .priority = 128,
                             .group_order = GroupOrder::descending}}},
      {from_17, "0400020100", SubscribeOk{.track_alias = 1}},
      {from_17, "050007100004676f6e65",
       RequestError{.code = RequestCode::does_not_exist, .reason = "gone"}},
      {from_18, "050024340100106d6f71743a2f2f622e6578616d706c6502046c6976650363616d05766964656f",
       RequestError{.code = RequestCode::redirect,
                    .retry_after = 0ms,
                    .redirect = Redirect{.uri = "moqt://b.example", .track = name_of_video()}}},
      {from_17, "07000100", RequestOk{}},
      {from_18, "020004040120c8", RequestUpdate{.request_id = 4, .parameters = {.priority = 200}}},
      {from_17, "0b0003020300", PublishDone{.stream_count = 3}},
      {from_18, "06000c0602046c6976650363616d00",
       PublishNamespace{.request_id = 6, .track_namespace = name_of_cam()}},
      {from_18, "5000080801046c69766500",
       SubscribeNamespace{.request_id = 8, .prefix = {.fields = {"live"}}}},
      {from_18, "51000a0a01046c697665011001",
       SubscribeTracks{
           .request_id = 10, .prefix = {.fields = {"live"}}, .parameters = {.forward = true}}},
      {from_17, "080005010363616d", Namespace{.suffix = {.fields = {"cam"}}}},
      {from_17, "0e0005010363616d", NamespaceDone{.suffix = {.fields = {"cam"}}}},
      {from_17, "0f000b010363616d05766964656f",
       PublishBlocked{.suffix = {.track_namespace = {.fields = {"cam"}}, .name = "video"}}},
      {from_18, "1d00180102046c6976650363616d05766964656f070110010e8080",
       Publish{.request_id = 1,
               .name = name_of_video(),
               .track_alias = 7,
               .parameters = {.forward = true},
               .track = {.priority = 128}}},
      {till_19, "16001b0a0102046c6976650363616d05766964656f020003000220800201",
       Fetch{.request_id = 10,
             .track = name_of_video(),
             .range = LocationFilter::from({2, 0}, RangeEnd{.group = 3}),
             .parameters = fetch}},
      {till_19, "1600090c0200000220800201",
       Fetch{.request_id = 12, .joining = JoiningFetch{}, .parameters = fetch}},
      {drafts(17, 19), "18000400030000", FetchOk{.end = {.group = 3}}},
      {from_18, "0d00120e02046c6976650363616d05766964656f00",
       TrackStatus{.request_id = 14, .track = name_of_video()}},
      {d18, "10000400938800", Goaway{.timeout = 5000ms, .request_id = 0}},
  });
}

TEST(Message, SetupOfARustServer) {
  // HOP_ID, which nobody else needs, is passed over.
  const RawMessage raw =
      unframe(from_hex("af000015070b6d6f712d6c6974652d7273c40b4d0506010201"), Draft::d18);
  const auto message = decode_message(raw, Draft::d18);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(std::get<SetupMessage>(*message),
            (SetupMessage{.implementation = "moq-lite-rs", .solicit = 1, .hidden = 1}));
}

/// What Rust peers subscribe with from 20 on: from the next object, and the current group before.
Parameters wanted_with_fill() {
  Parameters parameters = wanted();
  parameters.fill = Fill{.filter = LocationFilter::relative(1)};
  return parameters;
}

TEST(Message, VectorsOfDraft20And21) {
  const std::vector<Draft> both = drafts(20, 21);
  expect_vectors({
      {both, "0300220002046c6976650363616d05766964656f0510011080010200000102010401210101",
       Subscribe{.track = name_of_video(), .parameters = wanted_with_fill()}},
      {both, "0300180202046c6976650363616d05766964656f012104812c030a",
       Subscribe{.request_id = 2,
                 .track = name_of_video(),
                 .parameters = {.filter = LocationFilter::from({300, 3}, RangeEnd{.group = 310})}}},
      {both, "16001c0a02046c6976650363616d05766964656f0320800104812c00010101",
       Fetch{.request_id = 10,
             .track = name_of_video(),
             .range = LocationFilter::from({300, 0}, RangeEnd{.group = 301}),
             .parameters = {.priority = 128, .group_order = GroupOrder::ascending}}},
      {drafts(20, 22), "18000500812d3b00", FetchOk{.end = {.group = 301, .object = 59}}},
      {drafts(20, 22), "220003011000", PublishStateNotify{.parameters = {.forward = false}}},
      {drafts(19, 22), "100003009388", Goaway{.timeout = 5000ms}},
      {drafts(17, 17), "100003009388", Goaway{.timeout = 5000ms}},
  });
}

TEST(Message, VectorsOfDraft22) {
  const std::vector<Draft> d22 = drafts(22, 22);
  expect_vectors({
      {d22, "0300200002046c6976650363616d05766964656f051001108001050102010401210101",
       Subscribe{.track = name_of_video(), .parameters = wanted_with_fill()}},
      {d22, "0300180202046c6976650363616d05766964656f012103812c030a",
       Subscribe{.request_id = 2,
                 .track = name_of_video(),
                 .parameters = {.filter = LocationFilter::from({300, 3}, RangeEnd{.group = 310})}}},
      {d22, "16001c0a02046c6976650363616d05766964656f0320800103812c00010101",
       Fetch{.request_id = 10,
             .track = name_of_video(),
             .range = LocationFilter::from({300, 0}, RangeEnd{.group = 301}),
             .parameters = {.priority = 128, .group_order = GroupOrder::ascending}}},
  });
}

// --- What is refused ----------------------------------------------------------------------------

TEST(Message, TypesOfOtherDraftsAreUnknown) {
  struct Case {
    std::uint64_t type;
    int first;
    int last;
  };
  for (const Case& known :
       {Case{0x09, 14, 16}, Case{0x0a, 14, 16}, Case{0x0c, 14, 16},   Case{0x11, 14, 17},
        Case{0x12, 14, 14}, Case{0x13, 14, 14}, Case{0x14, 14, 15},   Case{0x15, 14, 16},
        Case{0x17, 14, 16}, Case{0x19, 14, 14}, Case{0x1a, 14, 16},   Case{0x1e, 14, 17},
        Case{0x1f, 14, 14}, Case{0x20, 14, 16}, Case{0x21, 14, 16},   Case{0x22, 20, 22},
        Case{0x50, 18, 22}, Case{0x51, 18, 22}, Case{0x2f00, 17, 22}, Case{0x01, 1, 1},
        Case{0x1b, 1, 1},   Case{0x23, 1, 1},   Case{0x4000, 1, 1}}) {
    for (const Draft draft : kDrafts) {
      const bool valid =
          std::to_underlying(draft) >= known.first && std::to_underlying(draft) <= known.last;
      const std::string failure = decode_failure(known.type, Bytes::copy("\xff"), draft);
      EXPECT_EQ(failure != "an unknown type", valid) << known.type << " in " << to_string(draft);
    }
  }
}

TEST(Message, WhatADraftLacksIsNotSent) {
  const auto is_sent = [](const Message& message, int draft) {
    const auto bytes = encode_message(message, static_cast<Draft>(draft));
    if (bytes) return true;
    EXPECT_EQ(bytes.error().code, Code::unsupported);
    return false;
  };
  EXPECT_TRUE(is_sent(Unsubscribe{}, 16));
  EXPECT_FALSE(is_sent(Unsubscribe{}, 17));
  EXPECT_FALSE(is_sent(Namespace{}, 15));
  EXPECT_TRUE(is_sent(Namespace{}, 16));
  EXPECT_FALSE(is_sent(SubscribeTracks{}, 17));
  EXPECT_FALSE(is_sent(PublishStateNotify{}, 19));
  EXPECT_FALSE(is_sent(MaxRequestId{}, 17));
  EXPECT_FALSE(is_sent(PublishBlocked{}, 16));
  // An answer of draft 14 must know what it answers.
  EXPECT_FALSE(is_sent(RequestOk{}, 14));
  EXPECT_FALSE(is_sent(RequestError{}, 14));
  EXPECT_FALSE(is_sent(RequestOk{.kind = RequestKind::subscribe}, 14));
  EXPECT_TRUE(is_sent(RequestError{.kind = RequestKind::subscribe}, 14));
}

TEST(Message, ThePublishOkOfADraftIsTheOneThatItHas) {
  const RequestOk answer{.request_id = 0, .kind = RequestKind::publish};
  for (const Draft draft : kDrafts) {
    const auto bytes = encode_message(answer, draft);
    ASSERT_TRUE(bytes.has_value());
    EXPECT_EQ((*bytes)[0], has_publish_ok(draft) ? 0x1e : 0x07);
  }
}

TEST(Message, TooLongIsNotSent) {
  const PublishNamespace message{.track_namespace = {.fields = {std::string(70000, 'a')}}};
  const auto bytes = encode_message(message, Draft::d18);
  ASSERT_FALSE(bytes.has_value());
  EXPECT_EQ(bytes.error().code, Code::invalid_argument);
}

TEST(Message, NumbersThatDoNotFitAreNotSent) {
  const Unsubscribe message{.request_id = kMaxVarint + 1};
  const auto bytes = encode_message(message, Draft::d16);
  ASSERT_FALSE(bytes.has_value());
  EXPECT_EQ(bytes.error().code, Code::invalid_argument);
  // One inside a parameter with a length of its own.
  Subscribe subscribe{.track = name_of_video()};
  subscribe.parameters.filter = LocationFilter::from({kMaxVarint + 1, 0});
  EXPECT_FALSE(encode_message(subscribe, Draft::d16).has_value());
  EXPECT_TRUE(encode_message(subscribe, Draft::d18).has_value());
}

TEST(Message, OpensRequest) {
  EXPECT_TRUE(opens_request(Subscribe{}));
  EXPECT_TRUE(opens_request(SubscribeTracks{}));
  EXPECT_FALSE(opens_request(RequestUpdate{}));
  EXPECT_FALSE(opens_request(Goaway{}));
}

TEST(Setup, OnlyUnknownOptionsAndTokensMayRepeat) {
  for (const Draft draft : {Draft::d15, Draft::d16, Draft::d18}) {
    const std::uint64_t type = has_setup_count(draft) ? kClientSetupType : kSetupType;
    const auto setup_of = [&](std::vector<KeyValue> options) {
      return body_of(draft, [&](Writer& out) {
        if (has_setup_count(draft)) {
          write_counted_pairs(out, std::move(options), draft);
        } else {
          write_pairs(out, std::move(options), draft);
        }
      });
    };
    const KeyValue known{.type = 0x04, .number = 1};
    const KeyValue unknown{.type = 0x9d, .bytes = "grease"};
    const KeyValue token{.type = 0x03, .bytes = std::string("\x03\x00JWT", 5)};
    EXPECT_EQ(decode_failure(type, setup_of({known, known}), draft), "an entry repeats");
    EXPECT_EQ(decode_failure(type, setup_of({unknown, unknown, token, token}), draft), "");
  }
}

TEST(Setup, KeepsItsLimits) {
  const auto setup_of = [](std::size_t options) {
    return body_of(Draft::d18, [&](Writer& out) {
      write_pairs(out, std::vector<KeyValue>(options, {.type = 0x9e}), Draft::d18);
    });
  };
  EXPECT_EQ(decode_failure(kSetupType, setup_of(kMaxSetupOptions), Draft::d18), "");
  EXPECT_EQ(decode_failure(kSetupType, setup_of(kMaxSetupOptions + 1), Draft::d18),
            "a count is above its limit");

  SetupMessage setup{.versions = std::vector<std::uint64_t>(kMaxSetupVersions, 1)};
  const auto body = [&] {
    return body_of(Draft::d14, [&](Writer& out) { setup.encode(out, Draft::d14); });
  };
  EXPECT_EQ(decode_failure(kClientSetupType, body(), Draft::d14), "");
  setup.versions.push_back(1);
  EXPECT_EQ(decode_failure(kClientSetupType, body(), Draft::d14), "a count is above its limit");

  setup = {.tokens = std::vector<Token>(kMaxTokens)};
  EXPECT_EQ(decode_failure(kClientSetupType, body(), Draft::d14), "");
  setup.tokens.emplace_back();
  EXPECT_EQ(decode_failure(kClientSetupType, body(), Draft::d14), "a count is above its limit");
}

TEST(Setup, TextIsUtf8) {
  const Bytes body = body_of(Draft::d18, [](Writer& out) {
    write_pairs(out, {{.type = 0x01, .bytes = "/\xff"}}, Draft::d18);
  });
  EXPECT_EQ(decode_failure(kSetupType, body, Draft::d18), "text is not UTF-8");
}

TEST(Setup, HasItsTokens) {
  const SetupMessage setup{.tokens = {{.type = 0, .value = "JWT"}}};
  for (const Draft draft : kDrafts) {
    Writer out = writer_of(draft);
    setup.encode(out, draft);
    Reader in = reader_of(out.span(), draft);
    const auto read = SetupMessage::decode(in, draft);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->tokens, setup.tokens);
  }
}

TEST(Goaway, TheRequestIdOfDraft18MayBeMissing) {
  const auto message = decode_message(unframe(from_hex("100003009388"), Draft::d18), Draft::d18);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(std::get<Goaway>(*message), (Goaway{.timeout = 5000ms}));
}

TEST(Goaway, TheUriIsLimited) {
  const auto body = [](std::size_t size) {
    return body_of(Draft::d16, [&](Writer& out) { out.text(std::string(size, 'a')); });
  };
  EXPECT_EQ(decode_failure(0x10, body(kMaxUriBytes), Draft::d16), "");
  EXPECT_EQ(decode_failure(0x10, body(kMaxUriBytes + 1), Draft::d16),
            "a length is above its limit");
}

TEST(RequestError, ReasonsAreCutBetweenCharacters) {
  // 1023 bytes, then a character of two.
  const RequestError error{.request_id = 0, .reason = std::string(1023, 'a') + "\xc3\xa9"};
  const auto bytes = encode_message(error, Draft::d18);
  ASSERT_TRUE(bytes.has_value());
  const auto read = decode_message(unframe(*bytes, Draft::d18), Draft::d18);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(std::get<RequestError>(*read).reason, std::string(1023, 'a'));

  const Bytes body = body_of(Draft::d18, [](Writer& out) {
    out.varint(0).varint(0).text(std::string(kMaxReasonBytes + 1, 'a'));
  });
  EXPECT_EQ(decode_failure(0x05, body, Draft::d18), "a length is above its limit");
}

TEST(RequestError, RetryIsOneMore) {
  for (const Draft draft : drafts(16, 22)) {
    RequestError error{.retry_after = 1500ms};
    if (has_request_ids_in_replies(draft)) error.request_id = 3;
    const auto bytes = encode_message(error, draft);
    ASSERT_TRUE(bytes.has_value());
    EXPECT_NE(hex_of(*bytes).find(draft == Draft::d16 ? "45dd" : "85dd"), std::string::npos);
    EXPECT_TRUE(*decode_message(unframe(*bytes, draft), draft) == Message(error));
  }
}

TEST(RequestError, TheRedirectMayBeMissing) {
  const Bytes body = body_of(Draft::d18, [](Writer& out) { out.varint(0x34).varint(0).text(""); });
  const auto read = decode_message({.type = 0x05, .body = body}, Draft::d18);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(std::get<RequestError>(*read).redirect, std::nullopt);
}

TEST(PublishDone, AnUnknownCountIsTheLargestNumber) {
  const PublishDone done{.request_id = 0};
  EXPECT_EQ(hex_of(*encode_message(done, Draft::d16)), "0b000b0002ffffffffffffffff00");
  EXPECT_EQ(hex_of(*encode_message(done, Draft::d18)), "0b000b02ff3fffffffffffffff00");
  EXPECT_EQ(hex_of(*encode_message(done, Draft::d20)), "0b000b02ffffffffffffffffff00");
  for (const std::string_view hex :
       {"0b000b02ff3fffffffffffffff00", "0b000b02ffffffffffffffffff00"}) {
    for (const Draft draft : drafts(17, 22)) {
      const auto read = decode_message(unframe(from_hex(hex), draft), draft);
      ASSERT_TRUE(read.has_value());
      EXPECT_EQ(std::get<PublishDone>(*read).stream_count, std::nullopt);
    }
  }
}

TEST(Fetch, WhereTheEndIsOneMoreZeroIsTheWholeGroup) {
  Fetch fetch{.track = name_of_video(),
              .range = LocationFilter::from({2, 0}, RangeEnd{.group = 3, .object = 4})};
  // The end of the body: start, end, no parameters.
  EXPECT_TRUE(hex_of(*encode_message(fetch, Draft::d16)).ends_with("0200030500"));
  EXPECT_TRUE(hex_of(*encode_message(fetch, Draft::d19)).ends_with("0200030500"));
  EXPECT_TRUE(hex_of(*encode_message(fetch, Draft::d20)).ends_with("01210402000104"));
  fetch.range.end->object.reset();
  EXPECT_TRUE(hex_of(*encode_message(fetch, Draft::d16)).ends_with("0200030000"));
  EXPECT_TRUE(hex_of(*encode_message(fetch, Draft::d20)).ends_with("012103020001"));
}

TEST(Fetch, AnEndBeforeTheStartIsReadAndReversed) {
  const Bytes body = body_of(Draft::d16, [](Writer& out) {
    out.varint(0).varint(1);
    write_full_name(out, name_of_video());
    out.varint(5).varint(0).varint(4).varint(0).varint(0);
  });
  const auto read = decode_message({.type = 0x16, .body = body}, Draft::d16);
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(std::get<Fetch>(*read).range.is_reversed());
}

TEST(Fetch, OtherTypesAreUnknown) {
  const Bytes body = body_of(
      Draft::d18, [](Writer& out) { out.varint(0).varint(4).varint(0).varint(0).varint(0); });
  EXPECT_EQ(decode_failure(0x16, body, Draft::d18), "an unknown type");
}

TEST(SubscribeNamespace, OtherOptionsAreUnknown) {
  for (const Wants wants : {Wants::publish, Wants::names, Wants::both}) {
    const SubscribeNamespace message{.wants = wants};
    const auto bytes = encode_message(message, Draft::d16);
    EXPECT_TRUE(*decode_message(unframe(*bytes, Draft::d16), Draft::d16) == Message(message));
  }
  const Bytes body = body_of(
      Draft::d17, [](Writer& out) { out.varint(0).varint(0).varint(0).varint(3).varint(0); });
  EXPECT_EQ(decode_failure(0x11, body, Draft::d17), "an unknown type");
}

TEST(SubscribeOk, TheFirstDraftsHaveWhatTheyCanOfTheTrack) {
  const SubscribeOk answer{.request_id = 3,
                           .track_alias = 1,
                           .parameters = {.expires = 2s},
                           .track = {.delivery_timeout = 1s,
                                     .max_cache_duration = 3s,
                                     .priority = 7,
                                     .group_order = GroupOrder::descending,
                                     .dynamic_groups = true}};
  SubscribeOk read = std::get<SubscribeOk>(
      *decode_message(unframe(*encode_message(answer, Draft::d15), Draft::d15), Draft::d15));
  EXPECT_EQ(read, answer);
  read = std::get<SubscribeOk>(
      *decode_message(unframe(*encode_message(answer, Draft::d14), Draft::d14), Draft::d14));
  SubscribeOk less = answer;
  less.track.priority.reset();
  less.track.dynamic_groups.reset();
  EXPECT_EQ(read, less);
}

TEST(TrackStatus, TheAnswerOfDraft14LooksLikeSubscribeOk) {
  const RequestOk answer{.request_id = 14,
                         .kind = RequestKind::track_status,
                         .parameters = {.largest = kLargest},
                         .track = {.group_order = GroupOrder::ascending}};
  expect_vector("0e00090e00000101412c0500", answer, Draft::d14);
}

TEST(Booleans, AreZeroOrOne) {
  // FORWARD of a SUBSCRIBE of 14, end of track of a FETCH_OK, order of a PUBLISH of 14.
  EXPECT_EQ(decode_failure(0x03, Bytes::copy(from_hex("00010161007f00020200")), Draft::d14),
            "a value is out of range");
  EXPECT_EQ(decode_failure(0x18, Bytes::copy(from_hex("02030000")), Draft::d18),
            "a value is out of range");
  EXPECT_EQ(decode_failure(0x1d, Bytes::copy(from_hex("0001016100010300010000")), Draft::d14),
            "a value is out of range");
}

}  // namespace
}  // namespace moq::net::moqt
