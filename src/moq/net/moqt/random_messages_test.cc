// Any message, by seed, in all drafts: what is read is what was written, and what a draft leaves
// out stays left out.
#include <gtest/gtest.h>

#include "moq/base/random.h"
#include "moq/net/moqt/message.h"
#include "moq/net/moqt/test_support.h"

namespace moq::net::moqt {
namespace {

class RandomMessages {
 public:
  explicit RandomMessages(std::uint64_t seed) : random_(seed) {}

  Message message() {
    switch (random_.below(26)) {
      case 0:
        return setup();
      case 1:
        return Goaway{.uri = text(), .timeout = maybe_ms(), .request_id = maybe(number())};
      case 2:
        return MaxRequestId{.limit = number()};
      case 3:
        return RequestsBlocked{.limit = number()};
      case 4:
        return Subscribe{.request_id = number(), .track = name(), .parameters = parameters()};
      case 5:
        return SubscribeOk{.request_id = number(),
                           .track_alias = number(),
                           .parameters = parameters(),
                           .track = track()};
      case 6:
        return RequestUpdate{
            .request_id = number(), .updated_request = number(), .parameters = parameters()};
      case 7:
        return Unsubscribe{.request_id = number()};
      case 8:
        return Publish{.request_id = number(),
                       .name = name(),
                       .track_alias = number(),
                       .parameters = parameters(),
                       .track = track()};
      case 9:
        return PublishDone{.request_id = number(),
                           .code = static_cast<DoneCode>(random_.below(20)),
                           .stream_count = maybe(number()),
                           .reason = text()};
      case 10:
        return fetch();
      case 11:
        return FetchOk{.request_id = number(),
                       .end_of_track = chance(),
                       .end = {.group = number(), .object = maybe(number())},
                       .parameters = parameters(),
                       .track = track()};
      case 12:
        return FetchCancel{.request_id = number()};
      case 13:
        return TrackStatus{.request_id = number(), .track = name(), .parameters = parameters()};
      case 14:
        return RequestOk{
            .request_id = number(), .kind = kind(), .parameters = parameters(), .track = track()};
      case 15:
        return error();
      case 16:
        return PublishStateNotify{.parameters = parameters()};
      case 17:
        return PublishNamespace{
            .request_id = number(), .track_namespace = fields(), .parameters = parameters()};
      case 18:
        return PublishNamespaceDone{.request_id = number(), .track_namespace = fields()};
      case 19:
        return PublishNamespaceCancel{
            .request_id = number(), .track_namespace = fields(), .code = code(), .reason = text()};
      case 20:
        return SubscribeNamespace{.request_id = number(),
                                  .prefix = fields(),
                                  .wants = static_cast<SubscribeNamespace::Wants>(random_.below(3)),
                                  .parameters = parameters()};
      case 21:
        return UnsubscribeNamespace{.request_id = number(), .prefix = fields()};
      case 22:
        return SubscribeTracks{
            .request_id = number(), .prefix = fields(), .parameters = parameters()};
      case 23:
        return Namespace{.suffix = fields()};
      case 24:
        return NamespaceDone{.suffix = fields()};
      default:
        return PublishBlocked{.suffix = name()};
    }
  }

 private:
  std::uint64_t number() { return random_.next() >> (4 + random_.below(60)); }
  bool chance() { return random_.below(2) == 0; }
  template <typename T>
  std::optional<T> maybe(T value) {
    return chance() ? std::optional(value) : std::nullopt;
  }
  std::uint8_t byte() { return static_cast<std::uint8_t>(random_.below(256)); }
  std::string text() { return std::string(random_.below(30), 't'); }
  std::optional<Duration> maybe_ms() {
    return maybe<Duration>(std::chrono::milliseconds(1 + random_.below(100000)));
  }
  GroupOrder order() { return chance() ? GroupOrder::ascending : GroupOrder::descending; }
  RequestKind kind() { return static_cast<RequestKind>(random_.below(8)); }
  RequestCode code() { return static_cast<RequestCode>(random_.below(0x40)); }

  TrackNamespace fields() {
    TrackNamespace some;
    for (std::uint64_t left = random_.below(4); left > 0; --left) {
      some.fields.push_back("f" + text());
    }
    return some;
  }
  FullTrackName name() { return {.track_namespace = fields(), .name = text()}; }
  LocationFilter filter() {
    switch (random_.below(4)) {
      case 0:
        return {};
      case 1:
        return LocationFilter::next_object();
      case 2:
        return LocationFilter::relative(number());
      default:
        return range();
    }
  }
  LocationFilter range() {
    const std::uint64_t group = number();
    const std::optional<RangeEnd> end =
        maybe(RangeEnd{.group = group + number(), .object = maybe(number())});
    return LocationFilter::from({group, number()}, end);
  }
  std::vector<RangeFilter> range_filters() {
    std::vector<RangeFilter> filters;
    for (std::uint64_t left = random_.below(3); left > 0; --left) {
      RangeFilter filter{.of = static_cast<RangeFilter::Of>(0x25 + random_.below(5)),
                         .set = byte(),
                         .property = number()};
      const std::uint64_t first = number();
      filter.ranges.push_back({first, first + number()});
      filters.push_back(filter);
    }
    return filters;
  }
  Token token() {
    return {.what = static_cast<TokenAlias>(random_.below(4)),
            .alias = number(),
            .type = number(),
            .value = text()};
  }
  Parameters parameters() {
    Parameters some{.delivery_timeout = maybe_ms(),
                    .rendezvous_timeout = maybe_ms(),
                    .subgroup_delivery_timeout = maybe_ms(),
                    .expires = maybe_ms(),
                    .largest = maybe(Location{number(), number()}),
                    .fill_timeout = maybe_ms(),
                    .forward = maybe(chance()),
                    .priority = maybe(byte()),
                    .filter = maybe(filter()),
                    .group_order = maybe(order()),
                    .ranges = range_filters(),
                    .new_group_request = maybe(number()),
                    .namespace_prefix = maybe(fields()),
                    .include_properties = maybe(chance())};
    if (chance()) some.tokens.push_back(token());
    if (chance()) {
      some.fill = Fill{.timeout = maybe_ms(),
                       .priority = maybe(byte()),
                       .filter = maybe(filter()),
                       .group_order = maybe(order()),
                       .ranges = range_filters()};
    }
    return some;
  }
  TrackProperties track() {
    TrackProperties some{.delivery_timeout = maybe_ms(),
                         .max_cache_duration = maybe_ms(),
                         .subgroup_delivery_timeout = maybe_ms(),
                         .timescale = maybe(number()),
                         .priority = maybe(byte()),
                         .group_order = maybe(order()),
                         .dynamic_groups = maybe(chance())};
    if (chance()) some.others.push_back({.type = 0x3801, .bytes = text()});
    return some;
  }
  moqt::Setup setup() {
    moqt::Setup some{.sender = chance() ? Role::client : Role::server,
                     .versions = {number()},
                     .path = maybe(text()),
                     .authority = maybe(text()),
                     .max_request_id = number(),
                     .max_token_cache_bytes = number(),
                     .max_filter_ranges = number(),
                     .max_updates = number(),
                     .implementation = text(),
                     .solicit = maybe(number()),
                     .hidden = maybe(number())};
    if (chance()) some.tokens.push_back(token());
    return some;
  }
  Fetch fetch() {
    Fetch some{
        .request_id = number(), .track = name(), .range = range(), .parameters = parameters()};
    if (chance()) {
      some.joining =
          JoiningFetch{.subscription = number(), .relative = chance(), .start = number()};
    }
    return some;
  }
  RequestError error() {
    RequestError some{.request_id = number(),
                      .kind = kind(),
                      .code = code(),
                      .retry_after = maybe_ms(),
                      .reason = text()};
    if (chance()) {
      some.code = RequestCode::redirect;
      some.redirect = Redirect{.uri = text(), .track = name()};
    }
    return some;
  }

  SeededRandom random_;
};

TEST(RandomMessages, AreReadAsTheyWereWritten) {
  std::size_t sent = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    for (const Draft draft : kDrafts) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", " + to_string(draft));
      const Message message = RandomMessages(seed).message();
      const auto bytes = encode_message(message, draft);
      if (!bytes) {
        ASSERT_EQ(bytes.error().code, Code::unsupported) << bytes.error().describe();
        continue;
      }
      ++sent;
      const auto read = decode_message(unframe(*bytes, draft), draft);
      ASSERT_TRUE(read.has_value()) << name_of(message) << ": " << read.error().describe();
      EXPECT_EQ(name_of(*read), name_of(message));
      // Once what the draft lacks is gone, nothing else goes.
      const auto again = encode_message(*read, draft);
      ASSERT_TRUE(again.has_value()) << again.error().describe();
      EXPECT_EQ(hex_of(*again), hex_of(*bytes)) << name_of(message);
    }
  }
  EXPECT_GT(sent, 2000U);
}

TEST(RandomMessages, AnyCutIsRefusedOrAnotherMessage) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    for (const Draft draft : kDrafts) {
      const auto bytes = encode_message(RandomMessages(seed).message(), draft);
      if (!bytes) continue;
      RawMessage raw = unframe(*bytes, draft);
      const auto whole = decode_message(raw, draft);
      const Bytes body = raw.body;
      for (std::size_t cut = 0; cut < body.size(); ++cut) {
        raw.body = body.slice(0, cut);
        const auto part = decode_message(raw, draft);
        EXPECT_FALSE(part && *part == *whole) << "seed " << seed << ", cut at " << cut;
      }
    }
  }
}

}  // namespace
}  // namespace moq::net::moqt
