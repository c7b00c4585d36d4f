#include "moq/net/moqt/parameters.h"

#include <gtest/gtest.h>

#include "moq/net/moqt/key_value.h"
#include "moq/net/moqt/limits.h"
#include "moq/net/moqt/test_support.h"

namespace moq::net::moqt {
namespace {

std::string encode(const Parameters& parameters, Draft draft,
                   ParameterPlace place = ParameterPlace::subscribe) {
  return hex_of(body_of(draft, [&](Writer& out) { parameters.write(out, draft, place); }));
}

Result<Parameters, DecodeError> decode(std::string_view hex, Draft draft,
                                       ParameterPlace place = ParameterPlace::subscribe) {
  const std::vector<std::uint8_t> bytes = from_hex(hex);
  Reader in = reader_of(bytes, draft);
  return in.finish(Parameters::read(in, draft, place));
}

/// Why `hex` does not decode; none if it does.
DecodeError error_of(std::string_view hex, Draft draft,
                     ParameterPlace place = ParameterPlace::subscribe) {
  const auto parameters = decode(hex, draft, place);
  return parameters ? DecodeError::none : parameters.error();
}

TEST(Parameters, Vectors) {
  const Parameters urgent{.priority = 255};
  EXPECT_EQ(encode(urgent, Draft::d16), "012040ff");
  EXPECT_EQ(decode("012040ff", Draft::d16), urgent);
  const Parameters largest{.largest = Location{255, 128}};
  EXPECT_EQ(encode(largest, Draft::d16, ParameterPlace::subscribe_ok), "01090440ff4080");
  EXPECT_EQ(decode("01090440ff4080", Draft::d16, ParameterPlace::subscribe_ok), largest);
  for (const Draft draft : drafts(17, 22)) {
    EXPECT_EQ(encode(urgent, draft), "0120ff");
    EXPECT_EQ(decode("0120ff", draft), urgent);
    EXPECT_EQ(encode(largest, draft, ParameterPlace::subscribe_ok), "010980ff8080");
    EXPECT_EQ(decode("010980ff8080", draft, ParameterPlace::subscribe_ok), largest);
  }
}

TEST(Parameters, UnknownOnesAreAViolationFrom16) {
  // 0x7f, of bytes, and 0x7e, a number.
  for (const Draft draft : {Draft::d14, Draft::d15}) {
    EXPECT_EQ(decode("02407f0161407e05", draft), Parameters());
  }
  EXPECT_EQ(error_of("01407f0161", Draft::d16), DecodeError::unknown);
  for (const Draft draft : drafts(17, 22)) {
    EXPECT_EQ(error_of("017f0161", draft), DecodeError::unknown);
  }
}

TEST(Parameters, DoNotRepeat) {
  EXPECT_EQ(error_of("0220800000", Draft::d18), DecodeError::duplicate);
  EXPECT_EQ(error_of("0220050005", Draft::d16), DecodeError::duplicate);
  EXPECT_EQ(error_of("022005200500", Draft::d15), DecodeError::duplicate);
  // Tokens and range filters may.
  EXPECT_EQ(error_of("0203020300"
                     "00020300",
                     Draft::d18),
            DecodeError::none);
  EXPECT_EQ(error_of("022501000001"
                     "00",
                     Draft::d19),
            DecodeError::none);
}

TEST(Parameters, MisplacedOnesAreAViolationFrom20) {
  // LARGEST_OBJECT in SUBSCRIBE.
  EXPECT_EQ(decode("0109020102", Draft::d15), Parameters());
  EXPECT_EQ(decode("0109020102", Draft::d16), Parameters());
  for (const Draft draft : drafts(17, 19)) EXPECT_EQ(decode("01090102", draft), Parameters());
  for (const Draft draft : drafts(20, 22)) {
    EXPECT_EQ(error_of("01090102", draft), DecodeError::out_of_range);
  }
  // And they are not sent.
  EXPECT_EQ(encode({.largest = Location{1, 2}}, Draft::d18), "00");
  // As a peer has it: GROUP_ORDER in a FETCH_OK of 16.
  EXPECT_EQ(decode("012201", Draft::d16, ParameterPlace::fetch_ok), Parameters());
}

TEST(Parameters, EachMessageHasItsOwn) {
  const Parameters all{.delivery_timeout = 1s,
                       .rendezvous_timeout = 1s,
                       .subgroup_delivery_timeout = 1s,
                       .expires = 1s,
                       .largest = Location{1, 2},
                       .fill_timeout = 1s,
                       .forward = true,
                       .priority = 1,
                       .filter = LocationFilter::next_object(),
                       .group_order = GroupOrder::ascending};
  const auto types = [&](ParameterPlace place, Draft draft) {
    const Bytes bytes = body_of(draft, [&](Writer& out) { all.write(out, draft, place); });
    Reader in = reader_of(bytes.span(), draft);
    const auto count = in.varint();
    const auto read = decode(hex_of(bytes), draft, place);
    EXPECT_TRUE(read.has_value());
    return count;
  };
  EXPECT_EQ(types(ParameterPlace::subscribe, Draft::d18), 7U);
  EXPECT_EQ(types(ParameterPlace::subscribe_tracks, Draft::d18), 1U);  // FORWARD.
  EXPECT_EQ(types(ParameterPlace::subscribe_tracks, Draft::d20), 7U);
  EXPECT_EQ(types(ParameterPlace::publish, Draft::d18), 3U);
  EXPECT_EQ(types(ParameterPlace::publish, Draft::d20), 8U);
  EXPECT_EQ(types(ParameterPlace::fetch, Draft::d18), 3U);
  EXPECT_EQ(types(ParameterPlace::fetch, Draft::d20), 4U);
  EXPECT_EQ(types(ParameterPlace::fetch_ok, Draft::d18), 0U);
  EXPECT_EQ(types(ParameterPlace::request_ok, Draft::d18), 8U);
  EXPECT_EQ(types(ParameterPlace::request_ok, Draft::d20), 2U);
  EXPECT_EQ(types(ParameterPlace::publish_namespace, Draft::d20), 0U);
}

TEST(Parameters, EachDraftHasItsOwn) {
  Parameters all{.delivery_timeout = 1s,
                 .tokens = {{.value = "a"}},
                 .rendezvous_timeout = 2s,
                 .subgroup_delivery_timeout = 3s,
                 .forward = false,
                 .priority = 3,
                 .filter = LocationFilter::from({1, 2}),
                 .group_order = GroupOrder::descending,
                 .fill = Fill{.timeout = 1s,
                              .priority = 3,
                              .filter = LocationFilter::relative(3),
                              .group_order = GroupOrder::ascending,
                              .ranges = {{.ranges = {{1, 2}}}}},
                 .ranges = {{.of = RangeFilter::Of::subgroup, .set = 1, .ranges = {{1, 2}, {5, 5}}},
                            {.of = RangeFilter::Of::object_property,
                             .property = 0x10,
                             .ranges = {{100, 300}}}},
                 .new_group_request = 9,
                 .include_properties = false};
  for (const Draft draft : drafts(15, 22)) {
    Parameters expected = all;
    if (draft < Draft::d20) expected.fill.reset();
    if (draft < Draft::d20) expected.include_properties.reset();
    if (draft < Draft::d19) expected.ranges.clear();
    if (draft < Draft::d18) expected.subgroup_delivery_timeout.reset();
    if (draft < Draft::d17) expected.rendezvous_timeout.reset();
    EXPECT_EQ(decode(encode(all, draft), draft), expected) << to_string(draft);
  }
  EXPECT_EQ(decode(encode(all, Draft::d14), Draft::d14),
            (Parameters{.delivery_timeout = 1s, .tokens = all.tokens}));
}

TEST(Parameters, OfAnUpdate) {
  const Parameters update{.forward = true,
                          .namespace_prefix = TrackNamespace{.fields = {"a", "b"}}};
  for (const Draft draft : drafts(18, 22)) {
    EXPECT_EQ(encode(update, draft, ParameterPlace::update),
              "02100124020161"
              "0162");
    EXPECT_EQ(decode("021001240201610162", draft, ParameterPlace::update), update);
  }
}

TEST(Parameters, ValuesAreChecked) {
  EXPECT_EQ(error_of("011002", Draft::d18), DecodeError::out_of_range);  // FORWARD 2.
  EXPECT_EQ(error_of("011002", Draft::d16), DecodeError::out_of_range);
  EXPECT_EQ(error_of("012200", Draft::d18), DecodeError::out_of_range);  // GROUP_ORDER 0.
  EXPECT_EQ(error_of("012203", Draft::d16), DecodeError::out_of_range);
  EXPECT_EQ(error_of("01204100", Draft::d16), DecodeError::out_of_range);  // PRIORITY 256.
  EXPECT_EQ(error_of("0121020200", Draft::d18), DecodeError::trailing);    // After the filter.
  EXPECT_EQ(error_of("01210103", Draft::d18), DecodeError::truncated);
  EXPECT_EQ(error_of("01030104", Draft::d18), DecodeError::unknown);        // A token's alias.
  EXPECT_EQ(error_of("012304021001", Draft::d20), DecodeError::truncated);  // Inside FILL.
  EXPECT_EQ(error_of("012303011001", Draft::d20), DecodeError::out_of_range);
  EXPECT_EQ(error_of("0123030120"
                     "05",
                     Draft::d20),
            DecodeError::none);
  EXPECT_EQ(error_of("01ffffffffffffffffff00", Draft::d18), DecodeError::unknown);
  EXPECT_EQ(error_of("0210"
                     "01ffffffffffffffffff",
                     Draft::d18),
            DecodeError::out_of_range);
}

TEST(Parameters, ZeroIsNoTimeout) {
  // DELIVERY_TIMEOUT must not be 0, and EXPIRES 0 means never.
  EXPECT_EQ(decode("010200", Draft::d18), Parameters());
  EXPECT_EQ(encode({.delivery_timeout = 0ms}, Draft::d18), "00");
  EXPECT_EQ(decode("010800", Draft::d18, ParameterPlace::subscribe_ok), Parameters());
}

TEST(Parameters, KeepTheirLimits) {
  const auto tokens = [](std::size_t count) {
    return encode({.tokens = std::vector<Token>(count)}, Draft::d18);
  };
  EXPECT_EQ(error_of(tokens(kMaxTokens), Draft::d18), DecodeError::none);
  EXPECT_EQ(error_of(tokens(kMaxTokens + 1), Draft::d18), DecodeError::too_many);

  const auto filters = [](std::size_t count) {
    return encode({.ranges = std::vector<RangeFilter>(count)}, Draft::d19);
  };
  EXPECT_EQ(error_of(filters(kMaxParameters), Draft::d19), DecodeError::none);
  EXPECT_EQ(error_of(filters(kMaxParameters + 1), Draft::d19), DecodeError::too_many);

  const auto ranges = [](std::size_t count) {
    RangeFilter filter{.ranges = std::vector<RangeFilter::Range>(count)};
    return encode({.ranges = {filter}}, Draft::d19);
  };
  EXPECT_EQ(error_of(ranges(kMaxFilterRanges), Draft::d19), DecodeError::none);
  EXPECT_EQ(error_of(ranges(kMaxFilterRanges + 1), Draft::d19), DecodeError::too_many);
}

TEST(Token, Vector) {
  const Token token{.what = TokenAlias::use_value, .type = 0, .value = "JWT"};
  const std::vector<std::uint8_t> bytes = from_hex("03004a5754");
  for (const Draft draft : kDrafts) {
    EXPECT_EQ(hex_of(body_of(draft, [&](Writer& out) { token.write(out); })), "03004a5754");
    Reader in = reader_of(bytes, draft);
    EXPECT_EQ(in.finish(Token::read(in)), token);
  }
}

TEST(Token, OfEachKind) {
  for (const Token& token : {Token{.what = TokenAlias::remove, .alias = 7},
                             Token{.what = TokenAlias::define, .alias = 7, .type = 1, .value = "x"},
                             Token{.what = TokenAlias::use_alias, .alias = 300}}) {
    const Bytes bytes = body_of(Draft::d18, [&](Writer& out) { token.write(out); });
    Reader in = reader_of(bytes.span(), Draft::d18);
    EXPECT_EQ(in.finish(Token::read(in)), token);
  }
}

TEST(KeyValues, TypesAreDifferencesFrom16) {
  const std::vector<KeyValue> pairs{{.type = 5, .bytes = "b"}, {.type = 2, .number = 9}};
  const std::vector<KeyValue> sorted{pairs[1], pairs[0]};
  for (const Draft draft : kDrafts) {
    const Bytes bytes = body_of(draft, [&](Writer& out) { write_pairs(out, pairs, draft); });
    EXPECT_EQ(hex_of(bytes), draft <= Draft::d15 ? "0209050162" : "0209030162");
    Reader in = reader_of(bytes.span(), draft);
    EXPECT_EQ(read_pairs(in, draft, 2), sorted);
    Reader short_of(bytes.span(), varint_kind(draft));
    read_pairs(short_of, draft, 1);
    EXPECT_EQ(short_of.error(), DecodeError::too_many);
  }
}

TEST(KeyValues, SumsBeyond64BitsAreRefused) {
  const std::vector<std::uint8_t> bytes = from_hex("0400ffffffffffffffffff00");
  Reader in = reader_of(bytes, Draft::d18);
  read_pairs(in, Draft::d18, 2);
  EXPECT_EQ(in.error(), DecodeError::out_of_range);
}

TEST(KeyValues, ValuesAreLimited) {
  const auto error = [](std::size_t size) {
    const Bytes bytes = body_of(Draft::d18, [&](Writer& out) {
      write_pairs(out, {{.type = 1, .bytes = std::string(size, 'a')}}, Draft::d18);
    });
    Reader in = reader_of(bytes.span(), Draft::d18);
    read_pairs(in, Draft::d18, 1);
    return in.error();
  };
  EXPECT_EQ(error(kMaxValueBytes), DecodeError::none);
  EXPECT_EQ(error(kMaxValueBytes + 1), DecodeError::too_long);
}

TEST(TrackProperties, AreReadToTheEnd) {
  const TrackProperties all{
      .delivery_timeout = 1s,
      .max_cache_duration = 2s,
      .subgroup_delivery_timeout = 3s,
      .timescale = 90000,
      .priority = 7,
      .group_order = GroupOrder::descending,
      .dynamic_groups = true,
      .others = {{.type = 0x0b, .bytes = "x"}, {.type = 0x4001, .bytes = "y"}}};
  for (const Draft draft : kDrafts) {
    const Bytes bytes = body_of(draft, [&](Writer& out) { all.write(out, draft); });
    Reader in = reader_of(bytes.span(), draft);
    const auto read = in.finish(TrackProperties::read(in, draft));
    ASSERT_TRUE(read.has_value());
    if (draft < Draft::d16) {
      EXPECT_TRUE(bytes.empty());
      continue;
    }
    TrackProperties expected = all;
    if (draft < Draft::d18) expected.subgroup_delivery_timeout.reset();
    EXPECT_EQ(*read, expected);
    EXPECT_EQ(read->unknown_mandatory(draft),
              draft >= Draft::d18 ? std::optional<std::uint64_t>(0x4001) : std::nullopt);
  }
}

TEST(TrackProperties, WhatIsRefused) {
  const auto error = [](std::string_view hex) {
    const std::vector<std::uint8_t> bytes = from_hex(hex);
    Reader in = reader_of(bytes, Draft::d18);
    TrackProperties::read(in, Draft::d18);
    return in.error();
  };
  EXPECT_EQ(error("0e8100"), DecodeError::out_of_range);  // Priority 256.
  EXPECT_EQ(error("2203"), DecodeError::out_of_range);
  EXPECT_EQ(error("2200"), DecodeError::out_of_range);
  EXPECT_EQ(error("3002"), DecodeError::out_of_range);
  EXPECT_EQ(error("08010001"), DecodeError::duplicate);
  EXPECT_EQ(error("08"), DecodeError::truncated);
}

TEST(ObjectProperties, WhatIsRefused) {
  const auto error = [](std::string_view hex) {
    const auto properties = ObjectProperties::decode(from_hex(hex), Draft::d18);
    return properties ? DecodeError::none : properties.error();
  };
  EXPECT_EQ(error("10010001"), DecodeError::duplicate);
  EXPECT_EQ(error("1081"), DecodeError::truncated);
  EXPECT_EQ(error("0b0110"), DecodeError::truncated);
  const std::string unknown = "7801" + [] {
    std::string more;
    for (std::size_t i = 1; i < kMaxProperties; ++i) more += "0001";
    return more;
  }();
  EXPECT_EQ(error(unknown), DecodeError::none);
  EXPECT_EQ(error(unknown + "0001"), DecodeError::too_many);
}

TEST(ObjectProperties, ATimestampMayBeOldOrImmutable) {
  const auto timestamp = [](std::string_view hex, Draft draft) {
    return ObjectProperties::decode(from_hex(hex), draft)->timestamp;
  };
  EXPECT_EQ(timestamp("0605", Draft::d16), 5U);
  EXPECT_EQ(timestamp("06050a07", Draft::d16), 7U);  // 0x06, then 0x10.
  EXPECT_EQ(timestamp("0605", Draft::d18), std::nullopt);
  EXPECT_EQ(timestamp("0b021009", Draft::d18), 9U);
  EXPECT_EQ(timestamp("0b0210090507", Draft::d18), 7U);  // The list, then 0x10 itself.
}

}  // namespace
}  // namespace moq::net::moqt
