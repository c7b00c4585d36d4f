#include "moq/net/moqt/name.h"

#include <gtest/gtest.h>

#include "moq/net/moqt/limits.h"
#include "moq/net/moqt/test_support.h"

namespace moq::net::moqt {
namespace {

Result<TrackNamespace, DecodeError> decode(ByteSpan bytes, Draft draft) {
  Reader in = reader_of(bytes, draft);
  return in.finish(read_namespace(in, draft));
}

Bytes encode(const TrackNamespace& name, Draft draft) {
  return body_of(draft, [&](Writer& out) { write_namespace(out, name); });
}

TEST(TrackNamespace, Vectors) {
  for (const Draft draft : kDrafts) {
    EXPECT_EQ(hex_of(encode({}, draft)), "00");
    EXPECT_EQ(hex_of(encode({.fields = {"a"}}, draft)), "010161");
    EXPECT_EQ(hex_of(encode({.fields = {"a", "bc"}}, draft)), "020161026263");
    EXPECT_EQ(decode(from_hex("00"), draft), TrackNamespace());
    EXPECT_EQ(decode(from_hex("020161026263"), draft), (TrackNamespace{.fields = {"a", "bc"}}));
    for (const std::string_view cut : {"", "02", "0201", "020161", "02016102", "0201610262"}) {
      EXPECT_EQ(decode(from_hex(cut), draft).error(), DecodeError::truncated);
    }
  }
}

TEST(TrackNamespace, KeepsItsLimits) {
  TrackNamespace name{.fields = std::vector<std::string>(kMaxNamespaceFields, "a")};
  EXPECT_EQ(decode(encode(name, Draft::d18).span(), Draft::d18), name);
  name.fields.emplace_back("a");
  EXPECT_EQ(decode(encode(name, Draft::d18).span(), Draft::d18).error(), DecodeError::too_many);

  name = {.fields = {std::string(kMaxFullNameBytes - 1, 'a'), "b"}};
  EXPECT_EQ(decode(encode(name, Draft::d18).span(), Draft::d18), name);
  name.fields.emplace_back("c");
  EXPECT_EQ(decode(encode(name, Draft::d18).span(), Draft::d18).error(), DecodeError::too_long);
}

TEST(TrackNamespace, FieldsAreNotEmptyFrom15) {
  for (const Draft draft : kDrafts) {
    const auto name = decode(from_hex("0100"), draft);
    EXPECT_EQ(name.has_value(), draft == Draft::d14);
    if (name) continue;
    EXPECT_EQ(name.error(), DecodeError::out_of_range);
  }
}

TEST(FullTrackName, NamespaceAndNameTogetherAreLimited) {
  const auto read = [](std::size_t size) {
    FullTrackName name{.track_namespace = {.fields = {std::string(4000, 'a')}},
                       .name = std::string(size, 'b')};
    const Bytes bytes = body_of(Draft::d18, [&](Writer& out) { write_full_name(out, name); });
    Reader in = reader_of(bytes.span(), Draft::d18);
    return in.finish(read_full_name(in, Draft::d18)).has_value();
  };
  EXPECT_TRUE(read(0));
  EXPECT_TRUE(read(kMaxFullNameBytes - 4000));
  EXPECT_FALSE(read(kMaxFullNameBytes - 4000 + 1));
}

TEST(TrackNamespace, StandsForAPath) {
  struct Case {
    std::vector<std::string> fields;
    std::string_view path;
  };
  for (const Case& c : {Case{{}, ""}, Case{{"live", "cam"}, "live/cam"}, Case{{"a/b"}, "a\\/b"},
                        Case{{"a\\b", "c"}, "a\\\\b/c"}, Case{{"\\"}, "\\\\"}}) {
    const TrackNamespace name{.fields = c.fields};
    const auto path = to_path(name);
    ASSERT_TRUE(path.has_value()) << c.path;
    EXPECT_EQ(path->text(), c.path);
    EXPECT_EQ(from_path(*path), name);
  }
}

TEST(TrackNamespace, SomeStandForNoPath) {
  const auto error_of = [](std::vector<std::string> fields) {
    return to_path({.fields = std::move(fields)}).error();
  };
  EXPECT_EQ(error_of({"a", "", "b"}), DecodeError::out_of_range);
  EXPECT_EQ(error_of({"a/", "b"}), DecodeError::out_of_range);
  EXPECT_EQ(error_of({"a/"}), DecodeError::out_of_range);
  EXPECT_EQ(error_of({"a", "\xff"}), DecodeError::bad_utf8);
}

TEST(TrackNamespace, ABackslashBeforeNothingIsItself) {
  EXPECT_EQ(from_path(Path::of("a\\b\\")), (TrackNamespace{.fields = {"a\\b\\"}}));
}

TEST(FullTrackName, IsDescribedForLogs) {
  EXPECT_EQ(describe(name_of_video()), "live-cam--video");
  EXPECT_EQ(describe(FullTrackName{.track_namespace = {.fields = {"a.b"}}, .name = "\xff_1"}),
            "a.2eb--.ff_1");
}

}  // namespace
}  // namespace moq::net::moqt
