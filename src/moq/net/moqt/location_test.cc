#include "moq/net/moqt/location.h"

#include <gtest/gtest.h>

#include "moq/base/random.h"
#include "moq/net/moqt/test_support.h"

namespace moq::net::moqt {
namespace {

std::string encode(const LocationFilter& filter, Draft draft) {
  return hex_of(body_of(draft, [&](Writer& out) { filter.write(out, draft); }));
}

Result<LocationFilter, DecodeError> decode(std::string_view hex, Draft draft) {
  const std::vector<std::uint8_t> bytes = from_hex(hex);
  Reader in = reader_of(bytes, draft);
  return in.finish(LocationFilter::read(in, draft));
}

void expect_filter(std::string_view hex, const LocationFilter& filter, Draft draft) {
  EXPECT_EQ(encode(filter, draft), hex) << to_string(draft);
  EXPECT_EQ(decode(hex, draft), filter) << hex << " in " << to_string(draft);
  for (std::size_t cut = 0; cut < hex.size(); cut += 2) {
    EXPECT_FALSE(decode(hex.substr(0, cut), draft).has_value()) << hex << " cut at " << cut;
  }
}

const LocationFilter kFar = LocationFilter::from({300, 3});
const LocationFilter kNear = LocationFilter::from({7, 3});
const LocationFilter kToGroup = LocationFilter::from({7, 3}, RangeEnd{.group = 9});
const LocationFilter kToObject = LocationFilter::from({7, 3}, RangeEnd{.group = 9, .object = 4});

TEST(LocationFilter, VectorsOfDraft22) {
  expect_filter("02812c03", kFar, Draft::d22);
  expect_filter("01812c", LocationFilter::relative(300), Draft::d22);
  expect_filter("00", {}, Draft::d22);
  expect_filter("0101", LocationFilter::relative(1), Draft::d22);
  expect_filter("020703", kNear, Draft::d22);
  expect_filter("03070302", kToGroup, Draft::d22);
  expect_filter("0407030204", kToObject, Draft::d22);
  expect_filter("05", LocationFilter::next_object(), Draft::d22);
}

TEST(LocationFilter, VectorsOfDraft20And21) {
  for (const Draft draft : {Draft::d20, Draft::d21}) {
    expect_filter("03812c03", kFar, draft);
    expect_filter("02812c", LocationFilter::relative(300), draft);
    expect_filter("00", {}, draft);
    expect_filter("0100", LocationFilter::relative(0), draft);
    expect_filter("0101", LocationFilter::relative(1), draft);
    expect_filter("020000", LocationFilter::next_object(), draft);
    expect_filter("020703", kNear, draft);
    expect_filter("03070302", kToGroup, draft);
    expect_filter("0407030204", kToObject, draft);
  }
}

TEST(LocationFilter, UpTo19ATagSaysWhatFollows) {
  for (const Draft draft : drafts(14, 19)) {
    expect_filter("01", LocationFilter::relative(0), draft);
    expect_filter("02", LocationFilter::next_object(), draft);
    expect_filter("030703", kNear, draft);
    expect_filter(draft <= Draft::d16 ? "04070309" : "04070302", kToGroup, draft);
    EXPECT_EQ(decode("00", draft).error(), DecodeError::unknown);
    EXPECT_EQ(decode("05", draft).error(), DecodeError::unknown);
  }
}

TEST(LocationFilter, WhatADraftCannotSayBecomesTheNextBest) {
  EXPECT_EQ(encode(LocationFilter::relative(1), Draft::d18), "02");
  EXPECT_EQ(encode({}, Draft::d18), "02");
  EXPECT_EQ(encode(kToObject, Draft::d18), "04070302");
  // From the very beginning on is all there is.
  EXPECT_EQ(encode(LocationFilter::from({}), Draft::d20), "00");
  EXPECT_EQ(encode(LocationFilter::from({}), Draft::d22), "020000");
  // An end before the start is our own mistake.
  EXPECT_EQ(encode(LocationFilter::from({7, 3}, RangeEnd{.group = 2}), Draft::d18), "04070300");
}

TEST(LocationFilter, WhatIsRefused) {
  EXPECT_EQ(decode("06", Draft::d22).error(), DecodeError::unknown);
  EXPECT_EQ(decode("050703020401", Draft::d20).error(), DecodeError::too_many);
  // A length that cuts a number.
  EXPECT_EQ(decode("0181", Draft::d20).error(), DecodeError::truncated);
  // An end beyond 64 bits.
  const std::string most = "ffffffffffffffffff";
  EXPECT_EQ(decode("04"
                   "02"
                   "00" +
                       most,
                   Draft::d18)
                .error(),
            DecodeError::out_of_range);
  EXPECT_EQ(decode("0b"
                   "02"
                   "00" +
                       most,
                   Draft::d20)
                .error(),
            DecodeError::out_of_range);
  EXPECT_EQ(decode("03"
                   "02"
                   "00" +
                       most,
                   Draft::d22)
                .error(),
            DecodeError::out_of_range);
}

TEST(LocationFilter, MayBeReversed) {
  EXPECT_FALSE(kNear.is_reversed());
  EXPECT_FALSE(kToObject.is_reversed());
  EXPECT_TRUE(decode("04070306", Draft::d16)->is_reversed());
  EXPECT_TRUE(decode("0407030002", Draft::d22)->is_reversed());
  EXPECT_FALSE(decode("0407030003", Draft::d22)->is_reversed());
}

TEST(FetchEnd, IsOneMoreUpTo19) {
  const RangeEnd some{.group = 3, .object = 4};
  const RangeEnd whole{.group = 3};
  for (const Draft draft : kDrafts) {
    const auto hex = [&](const RangeEnd& end) {
      return hex_of(body_of(draft, [&](Writer& out) { write_fetch_end(out, end, draft); }));
    };
    EXPECT_EQ(hex(some), draft <= Draft::d19 ? "0305" : "0304");
    const std::vector<std::uint8_t> bytes = from_hex(hex(some));
    Reader in = reader_of(bytes, draft);
    EXPECT_EQ(read_fetch_end(in, draft), some);
    EXPECT_EQ(hex(whole), draft <= Draft::d19 ? "0300" : "03ff3fffffffffffffff");
  }
}

TEST(LocationFilter, RoundTrips) {
  SeededRandom random(3);
  const auto number = [&] { return random.next() >> (4 + random.below(60)); };
  for (int i = 0; i < 500; ++i) {
    LocationFilter filter;
    switch (random.below(5)) {
      case 0:
        filter = LocationFilter::next_object();
        break;
      case 1:
        filter = LocationFilter::relative(number());
        break;
      case 2:
        filter = LocationFilter::from({number() + 1, number()});
        break;
      case 3: {
        const std::uint64_t group = number();
        filter = LocationFilter::from({group, number()}, RangeEnd{.group = group + number()});
        break;
      }
      default: {
        const std::uint64_t group = number();
        filter = LocationFilter::from({group, number()},
                                      RangeEnd{.group = group + number(), .object = number()});
      }
    }
    for (const Draft draft : drafts(20, 22)) {
      EXPECT_EQ(decode(encode(filter, draft), draft), filter);
    }
    if (filter.end) filter.end->object.reset();
    if (filter.kind == LocationFilter::Kind::relative) filter.groups_back = 0;
    for (const Draft draft : drafts(14, 19)) {
      EXPECT_EQ(decode(encode(filter, draft), draft), filter);
    }
  }
}

}  // namespace
}  // namespace moq::net::moqt
