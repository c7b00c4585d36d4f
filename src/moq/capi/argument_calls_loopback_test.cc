// Every argument of every function, with values that are none, in the order of the checks
// (contract, section 2): one line an argument.
#include <gtest/gtest.h>

#include <limits>

#define MOQ_NO_DEPRECATED
#include "moq/capi/codec_rows_test_support.h"
#include "moq/capi/live_handles_test_support.h"
#include "moq/capi/media_rows_test_support.h"

namespace moq::capi {
namespace {

constexpr std::uintptr_t kMax = std::numeric_limits<std::uintptr_t>::max();
constexpr std::uintptr_t kBeyond = std::uintptr_t{PTRDIFF_MAX} + 1;
constexpr const char* kBad = "\xff\xfe";
constexpr std::string_view kUrl = "moqt://127.0.0.1:1/";
constexpr moq_string kNullText{.data = nullptr, .len = 3};
constexpr moq_string kBadText{.data = "\xc3\x28", .len = 2};
constexpr moq_string kLongText{.data = "x", .len = kMax};

constexpr moq_video_config video(const char* name, std::uintptr_t name_len, const char* codec,
                                 std::uintptr_t codec_len) {
  moq_video_config out{};
  out.name = name;
  out.name_len = name_len;
  out.codec = codec;
  out.codec_len = codec_len;
  return out;
}
constexpr moq_audio_config audio(const char* name, std::uintptr_t name_len, const char* codec,
                                 std::uintptr_t codec_len) {
  moq_audio_config out{};
  out.name = name;
  out.name_len = name_len;
  out.codec = codec;
  out.codec_len = codec_len;
  return out;
}
template <typename Config>
constexpr Config with_description(Config config, const std::uint8_t* bytes, std::uintptr_t size) {
  config.description = bytes;
  config.description_len = size;
  return config;
}
template <typename Config>
constexpr Config with_container(Config config, moq_container container) {
  config.container = container;
  return config;
}

constexpr moq_video_config kVideo = video("v", 1, "vp8", 3);
constexpr moq_audio_config kAudio = audio("a", 1, "opus", 4);
constexpr std::uint8_t kByte = 0;

constexpr moq_video_config kVideoNullName = video(nullptr, 1, "vp8", 3);
constexpr moq_video_config kVideoNullCodec = video("v", 1, nullptr, 3);
constexpr moq_video_config kVideoBadName = video("\xff", 1, "vp8", 3);
constexpr moq_video_config kVideoBadCodec = video("v", 1, "\xff", 1);
constexpr moq_video_config kVideoNullDescription = with_description(kVideo, nullptr, 4);
constexpr moq_video_config kVideoLongDescription = with_description(kVideo, &kByte, kMax);
constexpr moq_video_config kVideoNoInit =
    with_container(kVideo, {MOQ_CONTAINER_KIND_CMAF, nullptr, 0});
constexpr moq_video_config kVideoNullInit =
    with_container(kVideo, {MOQ_CONTAINER_KIND_CMAF, nullptr, 7});
constexpr moq_video_config kVideoOddContainer = with_container(kVideo, {4, nullptr, 0});
constexpr moq_video_config kVideoReadOnlyContainer =
    with_container(kVideo, {MOQ_CONTAINER_KIND_UNKNOWN, nullptr, 0});
constexpr moq_audio_config kAudioNullName = audio(nullptr, 1, "opus", 4);
constexpr moq_audio_config kAudioNullCodec = audio("a", 1, nullptr, 4);
constexpr moq_audio_config kAudioBadName = audio("\xff", 1, "opus", 4);
constexpr moq_audio_config kAudioBadCodec = audio("a", 1, "\xff", 1);
constexpr moq_audio_config kAudioNullDescription = with_description(kAudio, nullptr, 4);
constexpr moq_audio_config kAudioNoInit =
    with_container(kAudio, {MOQ_CONTAINER_KIND_CMAF, nullptr, 0});
constexpr moq_audio_config kAudioOddContainer = with_container(kAudio, {0xffff'ffff, nullptr, 0});
constexpr moq_route kNullHops{
    .hops = nullptr, .hops_len = 2, .cost = 0, .cold = 0, .has_cold = false};
constexpr std::uint64_t kHop = 1;
constexpr std::uint64_t kBigHop = std::uint64_t{1} << 53;
constexpr moq_route kLongHops{
    .hops = &kHop, .hops_len = kMax, .cost = 0, .cold = 0, .has_cold = false};
constexpr moq_route kOddHop{
    .hops = &kBigHop, .hops_len = 1, .cost = 0, .cold = 0, .has_cold = false};

constexpr moq_json_snapshot_config kSnapshot{};
constexpr moq_json_stream_config kStream{};
constexpr moq_binary_config kBinary{};
constexpr moq_binary_config kBinaryNullMime{.compression = false, .mime = nullptr, .mime_len = 3};
constexpr moq_binary_config kBinaryBadMime{.compression = false, .mime = "\xff", .mime_len = 1};

moq_string out_text{};

// NULL where something is needed. The handle's form comes first, its lookup last.
const std::vector<CallRow> kNull = {
    MOQ_CALL_ROW(client, moq_client_set_versions(h, nullptr, 1)),
    MOQ_CALL_ROW(client, moq_client_set_versions(h, &kNullText, 1)),
    MOQ_CALL_ROW(client, moq_client_set_tls_roots(h, nullptr, 1)),
    MOQ_CALL_ROW(client, moq_client_set_tls_roots(h, &kNullText, 1)),
    MOQ_CALL_ROW(origin, moq_origin_publish(h, nullptr, 1)),
    MOQ_CALL_ROW(origin, moq_origin_create_broadcast(h, nullptr, 1)),
    MOQ_CALL_ROW(announcement, moq_origin_announced_info(h, nullptr)),
    MOQ_CALL_ROW(origin, moq_origin_consume_announced(h, nullptr, 1, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_origin_announced_broadcast(h, nullptr, 1, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_origin_announced_broadcast(h, "p", 1, nullptr, nullptr)),
    MOQ_CALL_ROW(origin, moq_origin_request(h, nullptr, 1, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_origin_consume(h, nullptr, 1)),
    MOQ_CALL_ROW(broadcast, moq_publish_announce(h, &kNullHops)),
    MOQ_CALL_ROW(broadcast, moq_publish_video_properties(h, nullptr)),
    MOQ_CALL_ROW(broadcast, moq_publish_video_config(h, nullptr)),
    MOQ_CALL_ROW(broadcast, moq_publish_video_config(h, &kVideoNullName)),
    MOQ_CALL_ROW(broadcast, moq_publish_video_config(h, &kVideoNullCodec)),
    MOQ_CALL_ROW(broadcast, moq_publish_video_config(h, &kVideoNullDescription)),
    MOQ_CALL_ROW(broadcast, moq_publish_video_config(h, &kVideoNoInit)),
    MOQ_CALL_ROW(broadcast, moq_publish_video_config(h, &kVideoNullInit)),
    MOQ_CALL_ROW(broadcast, moq_publish_audio_config(h, nullptr)),
    MOQ_CALL_ROW(broadcast, moq_publish_audio_config(h, &kAudioNullName)),
    MOQ_CALL_ROW(broadcast, moq_publish_audio_config(h, &kAudioNullCodec)),
    MOQ_CALL_ROW(broadcast, moq_publish_audio_config(h, &kAudioNullDescription)),
    MOQ_CALL_ROW(broadcast, moq_publish_audio_config(h, &kAudioNoInit)),
    MOQ_CALL_ROW(broadcast, moq_publish_video_remove(h, nullptr, 1)),
    MOQ_CALL_ROW(broadcast, moq_publish_audio_remove(h, nullptr, 1)),
    MOQ_CALL_ROW(broadcast, moq_publish_catalog_section(h, nullptr, 1, "1", 1)),
    MOQ_CALL_ROW(broadcast, moq_publish_catalog_section(h, "s", 1, nullptr, 1)),
    MOQ_CALL_ROW(broadcast, moq_publish_catalog_section_remove(h, nullptr, 1)),
    MOQ_CALL_ROW(broadcast, moq_publish_track(h, nullptr, 1, nullptr)),
    MOQ_CALL_ROW(track, moq_publish_track_frame(h, nullptr, 1, 0)),
    MOQ_CALL_ROW(track, moq_publish_track_datagram(h, nullptr, 1, 0, nullptr)),
    MOQ_CALL_ROW(group, moq_publish_group_frame(h, nullptr, 1, 0)),
    MOQ_CALL_ROW(catalog, moq_consume_video_config(h, 0, nullptr)),
    MOQ_CALL_ROW(catalog, moq_consume_video_stalled(h, 0, nullptr)),
    MOQ_CALL_ROW(catalog, moq_consume_video_properties(h, nullptr)),
    MOQ_CALL_ROW(catalog, moq_consume_audio_config(h, 0, nullptr)),
    MOQ_CALL_ROW(catalog, moq_consume_catalog_section_at(h, 0, nullptr)),
    MOQ_CALL_ROW(catalog, moq_consume_catalog_section(h, nullptr, 1, &out_text)),
    MOQ_CALL_ROW(catalog, moq_consume_catalog_section(h, "s", 1, nullptr)),
    MOQ_CALL_ROW(media_frame, moq_consume_frame(h, nullptr)),
    MOQ_CALL_ROW(consumer, moq_consume_track(h, nullptr, 1, nullptr, never, nullptr)),
    MOQ_CALL_ROW(raw_frame, moq_consume_track_frame(h, nullptr)),
    MOQ_CALL_ROW(consumer, moq_consume_datagrams(h, nullptr, 1, never, nullptr)),
    MOQ_CALL_ROW(datagram, moq_consume_datagram(h, nullptr)),
    MOQ_CALL_ROW(broadcast, moq_publish_json_snapshot(h, nullptr, 1, &kSnapshot)),
    MOQ_CALL_ROW(broadcast, moq_publish_json_snapshot(h, "j", 1, nullptr)),
    MOQ_CALL_ROW(json_snapshot, moq_publish_json_snapshot_update(h, nullptr, 1)),
    MOQ_CALL_ROW(broadcast, moq_publish_json_stream(h, nullptr, 1, &kStream)),
    MOQ_CALL_ROW(broadcast, moq_publish_json_stream(h, "j", 1, nullptr)),
    MOQ_CALL_ROW(json_stream, moq_publish_json_stream_append(h, nullptr, 1)),
    MOQ_CALL_ROW(broadcast, moq_publish_binary_snapshot(h, nullptr, 1, &kBinary)),
    MOQ_CALL_ROW(broadcast, moq_publish_binary_snapshot(h, "b", 1, nullptr)),
    MOQ_CALL_ROW(broadcast, moq_publish_binary_snapshot(h, "b", 1, &kBinaryNullMime)),
    MOQ_CALL_ROW(binary_snapshot, moq_publish_binary_snapshot_update(h, nullptr, 1)),
    MOQ_CALL_ROW(broadcast, moq_publish_binary_stream(h, nullptr, 1, &kBinary)),
    MOQ_CALL_ROW(broadcast, moq_publish_binary_stream(h, "b", 1, nullptr)),
    MOQ_CALL_ROW(binary_stream, moq_publish_binary_stream_append(h, nullptr, 1)),
    MOQ_CALL_ROW(consumer, moq_consume_json_snapshot(h, nullptr, 1, &kSnapshot, never, nullptr)),
    MOQ_CALL_ROW(consumer, moq_consume_json_snapshot(h, "j", 1, nullptr, never, nullptr)),
    MOQ_CALL_ROW(consumer, moq_consume_json_stream(h, nullptr, 1, &kStream, never, nullptr)),
    MOQ_CALL_ROW(consumer, moq_consume_json_stream(h, "j", 1, nullptr, never, nullptr)),
    MOQ_CALL_ROW(json_value, moq_consume_json_value(h, nullptr)),
};

// Lengths that no memory has. Nothing is read.
const std::vector<CallRow> kLong = {
    MOQ_CALL_ROW(client, moq_client_set_versions(h, &kBadText, kMax)),
    MOQ_CALL_ROW(client, moq_client_set_versions(h, &kBadText, kMax / sizeof(moq_string))),
    MOQ_CALL_ROW(client, moq_client_set_versions(h, &kLongText, 1)),
    MOQ_CALL_ROW(client, moq_client_set_tls_roots(h, &kBadText, kMax)),
    MOQ_CALL_ROW(client, moq_client_set_tls_host_name(h, "a", kMax)),
    MOQ_CALL_ROW(client, moq_client_set_tls_cert(h, "a", kBeyond)),
    MOQ_CALL_ROW(client, moq_client_set_tls_key(h, "a", kMax)),
    MOQ_CALL_ROW(client, moq_client_set_quic_qlog(h, "a", kMax)),
    MOQ_CALL_ROW(origin, moq_origin_publish(h, "p", kMax)),
    MOQ_CALL_ROW(origin, moq_origin_create_broadcast(h, "p", kBeyond)),
    MOQ_CALL_ROW(origin, moq_origin_consume_announced(h, "p", kMax, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_origin_announced_broadcast(h, "p", kMax, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_origin_request(h, "p", kMax, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_origin_consume(h, "p", kMax)),
    MOQ_CALL_ROW(broadcast, moq_publish_announce(h, &kLongHops)),
    MOQ_CALL_ROW(broadcast, moq_publish_video_config(h, &kVideoLongDescription)),
    MOQ_CALL_ROW(broadcast, moq_publish_video_remove(h, "v", kMax)),
    MOQ_CALL_ROW(broadcast, moq_publish_audio_remove(h, "v", kMax)),
    MOQ_CALL_ROW(broadcast, moq_publish_catalog_section(h, "s", kMax, "1", 1)),
    MOQ_CALL_ROW(broadcast, moq_publish_catalog_section(h, "s", 1, "1", kMax)),
    MOQ_CALL_ROW(broadcast, moq_publish_catalog_section_remove(h, "s", kMax)),
    MOQ_CALL_ROW(broadcast, moq_publish_track(h, "t", kMax, nullptr)),
    MOQ_CALL_ROW(track, moq_publish_track_frame(h, &kByte, kMax, 0)),
    MOQ_CALL_ROW(track, moq_publish_track_datagram(h, &kByte, kBeyond, 0, nullptr)),
    MOQ_CALL_ROW(group, moq_publish_group_frame(h, &kByte, kMax, 0)),
    MOQ_CALL_ROW(catalog, moq_consume_catalog_section(h, "s", kMax, &out_text)),
    MOQ_CALL_ROW(consumer, moq_consume_track(h, "t", kMax, nullptr, never, nullptr)),
    MOQ_CALL_ROW(consumer, moq_consume_datagrams(h, "t", kMax, never, nullptr)),
    MOQ_CALL_ROW(broadcast, moq_publish_json_snapshot(h, "j", kMax, &kSnapshot)),
    MOQ_CALL_ROW(json_snapshot, moq_publish_json_snapshot_update(h, "1", kMax)),
    MOQ_CALL_ROW(broadcast, moq_publish_json_stream(h, "j", kMax, &kStream)),
    MOQ_CALL_ROW(json_stream, moq_publish_json_stream_append(h, "1", kMax)),
    MOQ_CALL_ROW(broadcast, moq_publish_binary_snapshot(h, "b", kMax, &kBinary)),
    MOQ_CALL_ROW(binary_snapshot, moq_publish_binary_snapshot_update(h, &kByte, kMax)),
    MOQ_CALL_ROW(broadcast, moq_publish_binary_stream(h, "b", kMax, &kBinary)),
    MOQ_CALL_ROW(binary_stream, moq_publish_binary_stream_append(h, &kByte, kMax)),
    MOQ_CALL_ROW(consumer, moq_consume_json_snapshot(h, "j", kMax, &kSnapshot, never, nullptr)),
    MOQ_CALL_ROW(consumer, moq_consume_json_stream(h, "j", kMax, &kStream, never, nullptr)),
};

const std::vector<CallRow> kNotUtf8 = {
    MOQ_CALL_ROW(client, moq_client_set_versions(h, &kBadText, 1)),
    MOQ_CALL_ROW(client, moq_client_set_tls_roots(h, &kBadText, 1)),
    MOQ_CALL_ROW(client, moq_client_set_tls_host_name(h, kBad, 2)),
    MOQ_CALL_ROW(client, moq_client_set_tls_cert(h, kBad, 2)),
    MOQ_CALL_ROW(client, moq_client_set_tls_key(h, kBad, 2)),
    MOQ_CALL_ROW(client, moq_client_set_quic_qlog(h, kBad, 2)),
    MOQ_CALL_ROW(origin, moq_origin_publish(h, kBad, 2)),
    MOQ_CALL_ROW(origin, moq_origin_create_broadcast(h, kBad, 2)),
    MOQ_CALL_ROW(origin, moq_origin_consume_announced(h, kBad, 2, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_origin_announced_broadcast(h, kBad, 2, nullptr, nullptr)),
    MOQ_CALL_ROW(origin, moq_origin_request(h, kBad, 2, never, nullptr)),
    MOQ_CALL_ROW(origin, moq_origin_consume(h, kBad, 2)),
    MOQ_CALL_ROW(broadcast, moq_publish_video_config(h, &kVideoBadName)),
    MOQ_CALL_ROW(broadcast, moq_publish_video_config(h, &kVideoBadCodec)),
    MOQ_CALL_ROW(broadcast, moq_publish_audio_config(h, &kAudioBadName)),
    MOQ_CALL_ROW(broadcast, moq_publish_audio_config(h, &kAudioBadCodec)),
    MOQ_CALL_ROW(broadcast, moq_publish_video_remove(h, kBad, 2)),
    MOQ_CALL_ROW(broadcast, moq_publish_audio_remove(h, kBad, 2)),
    MOQ_CALL_ROW(broadcast, moq_publish_catalog_section(h, kBad, 2, "1", 1)),
    MOQ_CALL_ROW(broadcast, moq_publish_catalog_section(h, "s", 1, kBad, 2)),
    MOQ_CALL_ROW(broadcast, moq_publish_catalog_section_remove(h, kBad, 2)),
    MOQ_CALL_ROW(broadcast, moq_publish_track(h, kBad, 2, nullptr)),
    MOQ_CALL_ROW(catalog, moq_consume_catalog_section(h, kBad, 2, nullptr)),
    MOQ_CALL_ROW(consumer, moq_consume_track(h, kBad, 2, nullptr, never, nullptr)),
    MOQ_CALL_ROW(consumer, moq_consume_datagrams(h, kBad, 2, never, nullptr)),
    MOQ_CALL_ROW(broadcast, moq_publish_json_snapshot(h, kBad, 2, nullptr)),
    MOQ_CALL_ROW(json_snapshot, moq_publish_json_snapshot_update(h, kBad, 2)),
    MOQ_CALL_ROW(broadcast, moq_publish_json_stream(h, kBad, 2, nullptr)),
    MOQ_CALL_ROW(json_stream, moq_publish_json_stream_append(h, kBad, 2)),
    MOQ_CALL_ROW(broadcast, moq_publish_binary_snapshot(h, kBad, 2, nullptr)),
    MOQ_CALL_ROW(broadcast, moq_publish_binary_snapshot(h, "b", 1, &kBinaryBadMime)),
    MOQ_CALL_ROW(broadcast, moq_publish_binary_stream(h, kBad, 2, nullptr)),
    MOQ_CALL_ROW(consumer, moq_consume_json_snapshot(h, kBad, 2, nullptr, never, nullptr)),
    MOQ_CALL_ROW(consumer, moq_consume_json_stream(h, kBad, 2, nullptr, never, nullptr)),
};

/// Other values of no use, each with its code.
struct OddRow {
  std::int32_t code;
  CallRow row;
};
constexpr moq_string kOddVersion{.data = "moq-lite-99", .len = 11};
constexpr moq_track_info kNoTimescale{.priority = 0,
                                      .ordered = false,
                                      .latency_max_ms = 0,
                                      .latency_max_valid = false,
                                      .timescale = 0,
                                      .timescale_valid = true};
constexpr moq_track_info kBigTimescale{.priority = 0,
                                       .ordered = false,
                                       .latency_max_ms = 0,
                                       .latency_max_valid = false,
                                       .timescale = std::uint64_t{1} << 62,
                                       .timescale_valid = true};
constexpr moq_video_config kOddCodec = video("v", 1, "avc1.xyz", 8);
constexpr std::uint64_t kLate = std::uint64_t{1} << 62;
const std::string kDeep = "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a";

const std::vector<OddRow> kOdd = {
    {-40, MOQ_CALL_ROW(client, moq_client_set_versions(h, &kOddVersion, 1))},
    {-2, MOQ_CALL_ROW(origin, moq_origin_publish(h, kDeep.data(), kDeep.size()))},
    {-2, MOQ_CALL_ROW(origin, moq_origin_create_broadcast(h, kDeep.data(), kDeep.size()))},
    {-40, MOQ_CALL_ROW(broadcast, moq_publish_announce(h, &kOddHop))},
    {-18, MOQ_CALL_ROW(broadcast, moq_publish_video_config(h, &kOddCodec))},
    {-15, MOQ_CALL_ROW(broadcast, moq_publish_video_config(h, &kVideoOddContainer))},
    {-15, MOQ_CALL_ROW(broadcast, moq_publish_video_config(h, &kVideoReadOnlyContainer))},
    {-15, MOQ_CALL_ROW(broadcast, moq_publish_audio_config(h, &kAudioOddContainer))},
    {-37, MOQ_CALL_ROW(broadcast, moq_publish_catalog_section(h, "s", 1, "", 0))},
    {-37, MOQ_CALL_ROW(broadcast, moq_publish_catalog_section(h, "video", 5, "{} {}", 5))},
    {-29, MOQ_CALL_ROW(broadcast, moq_publish_catalog_section(h, "video", 5, "{}", 2))},
    {-29, MOQ_CALL_ROW(broadcast, moq_publish_catalog_section(h, "audio", 5, "{}", 2))},
    {-13, MOQ_CALL_ROW(broadcast, moq_publish_track(h, "t", 1, &kNoTimescale))},
    {-13, MOQ_CALL_ROW(broadcast, moq_publish_track(h, "t", 1, &kBigTimescale))},
    {-13, MOQ_CALL_ROW(track, moq_publish_track_frame(h, nullptr, 0, kLate))},
    {-13, MOQ_CALL_ROW(track, moq_publish_track_datagram(h, nullptr, 0, kLate, nullptr))},
    {-13, MOQ_CALL_ROW(group, moq_publish_group_frame(h, nullptr, 0, kLate))},
    {-9, MOQ_CALL_ROW(broadcast, moq_publish_media(h, "h265", 4, nullptr, 0))},
    {-15, MOQ_CALL_ROW(broadcast, moq_publish_audio(h, &kOddAudio))},
    {-15, MOQ_CALL_ROW(broadcast, moq_publish_video(h, &kOddVideo))},
    {-4, MOQ_CALL_ROW(broadcast, moq_publish_audio(h, &kOpusBadLabel))},
    {-15, MOQ_CALL_ROW(broadcast, moq_publish_container(h, &kOddContainer))},
    {-13, MOQ_CALL_ROW(media, moq_publish_media_frame(h, nullptr, 0, kLate))},
    {-13, MOQ_CALL_ROW(media, moq_publish_media_flush(h, kLate))},
    {-37, MOQ_CALL_ROW(json_snapshot, moq_publish_json_snapshot_update(h, nullptr, 0))},
    {-37, MOQ_CALL_ROW(json_stream, moq_publish_json_stream_append(h, "1 2", 3))},
};

/// The form of the handle, then `code`, whether the handle is known or not.
void expect_between_form_and_lookup(const CallRow& row, std::int32_t code,
                                    const LiveHandles& live) {
  EXPECT_EQ(row.call(0), MOQ_ERROR_INVALID_ID) << row.text;
  EXPECT_EQ(row.call(0xffff'ffff), MOQ_ERROR_INVALID_ID) << row.text;
  EXPECT_EQ(row.call(kUnknown), code) << row.text;
  EXPECT_NE(std::string_view(moq_error()), "") << row.text;
  EXPECT_EQ(row.call(live[row.family]), code) << row.text;
}

TEST(Arguments, NullIsRefused) {
  const LiveHandles live;
  for (const auto* rows : {&kNull, &media_null_rows(), &codec_null_rows()}) {
    for (const CallRow& row : *rows) {
      expect_between_form_and_lookup(row, MOQ_ERROR_INVALID_POINTER, live);
    }
  }
}

TEST(Arguments, LengthsBeyondAllMemoryAreRefused) {
  const LiveHandles live;
  for (const CallRow& row : kLong) {
    expect_between_form_and_lookup(row, MOQ_ERROR_INVALID_POINTER, live);
  }
}

TEST(Arguments, TextMustBeUtf8) {
  const LiveHandles live;
  for (const CallRow& row : kNotUtf8) expect_between_form_and_lookup(row, MOQ_ERROR_UTF8, live);
}

TEST(Arguments, ValuesOfNoUseAreRefused) {
  const LiveHandles live;
  for (const OddRow& odd : kOdd) expect_between_form_and_lookup(odd.row, odd.code, live);
}

// Those that check their values before the handle.
TEST(Arguments, SomeComeBeforeTheHandle) {
  const std::vector<OddRow> rows = {
      {-40, MOQ_CALL_ROW(client, moq_client_set_bind(h, nullptr, 0))},
      {-40, MOQ_CALL_ROW(client, moq_client_set_bind(h, "", 0))},
      {-6, MOQ_CALL_ROW(client, moq_client_set_bind(h, nullptr, 9))},
      {-6, MOQ_CALL_ROW(client, moq_client_set_bind(h, "[::]:0", kMax))},
      {-4, MOQ_CALL_ROW(client, moq_client_set_bind(h, kBad, 2))},
      {-40, MOQ_CALL_ROW(client, moq_client_set_bind(h, "127.0.0.1", 9))},
      {-40, MOQ_CALL_ROW(client, moq_client_set_bind(h, "localhost:0", 11))},
      {-40, MOQ_CALL_ROW(client, moq_client_set_bind(h, "127.0.0.1:65536", 15))},
      {-40, MOQ_CALL_ROW(client, moq_client_set_backend(h, "quinn", 5))},
      {-4, MOQ_CALL_ROW(client, moq_client_set_backend(h, kBad, 2))},
      {-6, MOQ_CALL_ROW(client, moq_client_set_backend(h, "ngtcp2", kMax))},
      {-40, MOQ_CALL_ROW(client, moq_client_set_quic_congestion_control(h, "cubic", 5))},
      {-4, MOQ_CALL_ROW(client, moq_client_set_quic_congestion_control(h, kBad, 2))},
      {-6, MOQ_CALL_ROW(client, moq_client_set_quic_congestion_control(h, "loss", kMax))},
      {-6, MOQ_CALL_ROW(client, moq_client_set_tls_fingerprints(h, nullptr, 1))},
      {-6, MOQ_CALL_ROW(client, moq_client_set_tls_fingerprints(h, &kNullText, 1))},
      {-6, MOQ_CALL_ROW(client, moq_client_set_tls_fingerprints(h, &kBadText, kMax))},
      {-4, MOQ_CALL_ROW(client, moq_client_set_tls_fingerprints(h, &kBadText, 1))},
      {-40, MOQ_CALL_ROW(client, moq_client_set_tls_fingerprints(h, &kOddVersion, 1))},
      {-6, MOQ_CALL_ROW(client, moq_client_get_connect_timeout(h, nullptr))},
      {-6, MOQ_CALL_ROW(client, moq_client_get_failover_delay(h, nullptr))},
      {-6, MOQ_CALL_ROW(client, moq_client_get_resolution_delay(h, nullptr))},
      {-6, MOQ_CALL_ROW(client, moq_client_get_backoff_initial(h, nullptr))},
      {-6, MOQ_CALL_ROW(client, moq_client_get_backoff_multiplier(h, nullptr))},
      {-6, MOQ_CALL_ROW(client, moq_client_get_backoff_max(h, nullptr))},
      {-6, MOQ_CALL_ROW(client, moq_client_get_backoff_timeout(h, nullptr))},
      {-6, MOQ_CALL_ROW(client, moq_client_get_quic_max_streams(h, nullptr))},
      {-6, MOQ_CALL_ROW(client, moq_client_get_quic_idle_timeout(h, nullptr))},
      {-6, MOQ_CALL_ROW(client, moq_client_get_quic_keep_alive(h, nullptr))},
      {-6, MOQ_CALL_ROW(client, moq_client_get_websocket_enabled(h, nullptr))},
      {-6, MOQ_CALL_ROW(client, moq_client_get_websocket_delay(h, nullptr))},
      {-6, MOQ_CALL_ROW(client, moq_client_connect(nullptr, 1, h, 0, 0, never, nullptr))},
      {-4, MOQ_CALL_ROW(client, moq_client_connect(kBad, 2, h, 0, 0, never, nullptr))},
      {-3, MOQ_CALL_ROW(client, moq_client_connect("x", 1, h, 0, 0, never, nullptr))},
      {-6, MOQ_CALL_ROW(origin, moq_session_connect(nullptr, 1, h, 0, never, nullptr))},
      {-6, MOQ_CALL_ROW(origin, moq_session_connect("x", kMax, h, 0, never, nullptr))},
      {-4, MOQ_CALL_ROW(origin, moq_session_connect(kBad, 2, h, 0, never, nullptr))},
      {-3, MOQ_CALL_ROW(origin, moq_session_connect(nullptr, 0, h, 0, never, nullptr))},
      {-3, MOQ_CALL_ROW(origin, moq_session_connect("https://", 8, 0, h, never, nullptr))},
  };
  const LiveHandles live;
  for (const auto& [code, row] : rows) {
    for (const std::uint32_t handle : {0xffff'ffffU, kUnknown, live[row.family]}) {
      EXPECT_EQ(row.call(handle), code) << row.text << " with " << handle;
    }
  }
}

TEST(Arguments, OfTheLibraryItself) {
  EXPECT_EQ(moq_versions(nullptr, 1), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_backends(nullptr, 1), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_error_protocol(nullptr), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_log_level(nullptr, 1), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_log_level("error", kMax), MOQ_ERROR_INVALID_POINTER);
  EXPECT_EQ(moq_log_level(kBad, 2), MOQ_ERROR_UTF8);
  EXPECT_EQ(moq_log_level("loud", 4), MOQ_ERROR_LEVEL);
  EXPECT_EQ(moq_log_level("ErRoR", 5), 0);
  EXPECT_EQ(moq_log_level("error", 5), MOQ_ERROR_NATIVE);
  EXPECT_EQ(moq_log_level("loud", 4), MOQ_ERROR_LEVEL);
}

}  // namespace
}  // namespace moq::capi
