// Binary tracks within one process: the catalog lists them, raw subscribers read them.
#include <array>
#include <utility>

#include "moq/capi/room_test_support.h"
#include "moq/hang/catalog.h"
#include "moq/hang/flate.h"

namespace moq::capi {
namespace {

constexpr std::string_view kMime = "image/jpeg";

std::string read_and_free(std::int32_t frame) {
  moq_frame out{};
  EXPECT_EQ(moq_consume_track_frame(made(frame), &out), 0) << moq_error();
  std::string text(reinterpret_cast<const char*>(out.payload), out.payload_size);
  EXPECT_EQ(moq_consume_track_frame_free(made(frame)), 0);
  return text;
}

class BinaryTrack : public Room {
 protected:
  std::uint32_t publish_snapshot(bool compression = false) {
    const moq_binary_config config{compression, kMime.data(), kMime.size()};
    return made(moq_publish_binary_snapshot(broadcast_, "bin", 3, &config));
  }
  std::uint32_t publish_stream(bool compression = false) {
    const moq_binary_config config{compression, nullptr, 0};
    return made(moq_publish_binary_stream(broadcast_, "bin", 3, &config));
  }
  void subscribe(Recorder& frames) {
    made(moq_consume_track(consumer_, "bin", 3, nullptr, Recorder::callback, &frames));
  }
  /// The entry of the newest catalog for the track, as JSON; "" without one.
  std::string listed() {
    Recorder texts;
    const moq_json_snapshot_config config{};
    const std::uint32_t task = made(moq_consume_json_snapshot(consumer_, "catalog.json", 12,
                                                              &config, Recorder::callback, &texts));
    const auto catalog = hang::Catalog::decode(next_json(texts));
    EXPECT_EQ(moq_consume_json_close(task), 0);
    EXPECT_EQ(texts.terminal(), 0);
    if (!catalog || !catalog->binary.contains("bin")) return "";
    const hang::DataTrack& entry = catalog->binary.at("bin");
    return entry.mode + " " + entry.compression.value_or("-") + " " + entry.mime.value_or("-");
  }
};

TEST_F(BinaryTrack, ASnapshotShowsTheNewestPayload) {
  const std::uint32_t binary = publish_snapshot();
  EXPECT_EQ(listed(), "snapshot - image/jpeg");
  EXPECT_EQ(moq_publish_binary_snapshot_update(binary, bytes("old"), 3), 0);
  EXPECT_EQ(moq_publish_binary_snapshot_update(binary, bytes("new"), 3), 0);
  Recorder frames;
  subscribe(frames);
  EXPECT_EQ(read_and_free(frames.next().value_or(0)), "new");
  EXPECT_EQ(moq_publish_binary_snapshot_update(binary, nullptr, 0), 0);
  EXPECT_EQ(read_and_free(frames.next().value_or(0)), "");
  EXPECT_EQ(moq_publish_binary_snapshot_finish(binary), 0);
  EXPECT_EQ(frames.next(), 0);
  EXPECT_EQ(listed(), "");
}

TEST_F(BinaryTrack, AStreamShowsAllPayloads) {
  const std::uint32_t stream = publish_stream();
  EXPECT_EQ(listed(), "stream - -");
  for (const char* text : {"a", "b"}) {
    EXPECT_EQ(moq_publish_binary_stream_append(stream, bytes(text), 1), 0);
  }
  Recorder frames;
  subscribe(frames);
  EXPECT_EQ(moq_publish_binary_stream_append(stream, bytes("c"), 1), 0);
  for (const char* text : {"a", "b", "c"}) {
    EXPECT_EQ(read_and_free(frames.next().value_or(0)), text);
  }
  EXPECT_EQ(moq_publish_binary_stream_finish(stream), 0);
  EXPECT_EQ(frames.next(), 0);
  EXPECT_EQ(listed(), "");
}

TEST_F(BinaryTrack, CompressesWhatItSends) {
  const std::string text(1000, 'x');
  const std::uint32_t stream = publish_stream(true);
  EXPECT_EQ(listed(), "stream deflate -");
  Recorder frames;
  subscribe(frames);
  hang::flate::Decoder decoder;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(moq_publish_binary_stream_append(stream, bytes(text), text.size()), 0);
    const std::string packed = read_and_free(frames.next().value_or(0));
    EXPECT_LT(packed.size(), 50U);
    EXPECT_EQ(decoder.decode(as_bytes(packed))->text(), text);
  }
  EXPECT_EQ(moq_publish_binary_stream_finish(stream), 0);
  EXPECT_EQ(frames.next(), 0);
}

TEST_F(BinaryTrack, ANameCanBeUsedAgainAfterTheEnd) {
  const std::uint32_t binary = publish_snapshot();
  const moq_binary_config config{};
  EXPECT_EQ(moq_publish_binary_snapshot(broadcast_, "bin", 3, &config), MOQ_ERROR_MOQ);
  EXPECT_EQ(moq_publish_binary_stream(broadcast_, "bin", 3, &config), MOQ_ERROR_MOQ);
  EXPECT_EQ(listed(), "snapshot - image/jpeg");
  EXPECT_EQ(moq_publish_binary_snapshot_finish(binary), 0);
  publish_stream();
  EXPECT_EQ(listed(), "stream - -");
}

TEST_F(BinaryTrack, NoMoreAreListedThanReadersTake) {
  const moq_binary_config config{};
  for (std::size_t i = 0; i < hang::kMaxDataTracks; ++i) {
    const std::string name = std::to_string(i);
    made(moq_publish_binary_stream(broadcast_, name.data(), name.size(), &config));
  }
  EXPECT_EQ(moq_publish_binary_stream(broadcast_, "bin", 3, &config), MOQ_ERROR_MUX);
  // And the track of that name is free.
  made(moq_publish_track(broadcast_, "bin", 3, nullptr));
}

TEST_F(BinaryTrack, ATooLargePayloadIsRefused) {
  const std::uint32_t binary = publish_snapshot();
  const std::string large((32 << 20) + 1, 'x');
  EXPECT_EQ(moq_publish_binary_snapshot_update(binary, bytes(large), large.size()), MOQ_ERROR_MUX);
  EXPECT_EQ(moq_publish_binary_snapshot_update(binary, bytes("a"), 1), 0);
}

TEST_F(BinaryTrack, ChecksItsArgumentsInOrder) {
  const moq_binary_config config{};
  const moq_binary_config no_pointer{.compression = false, .mime = nullptr, .mime_len = 3};
  const moq_binary_config no_text{.compression = false, .mime = "\xff", .mime_len = 1};
  for (const auto publish : {&moq_publish_binary_snapshot, &moq_publish_binary_stream}) {
    for (const std::uint32_t bad : kBadForms) {
      EXPECT_EQ(publish(bad, nullptr, 1, nullptr), MOQ_ERROR_INVALID_ID);
    }
    EXPECT_EQ(publish(kUnknown, "\xff", 1, nullptr), MOQ_ERROR_UTF8);
    EXPECT_EQ(publish(kUnknown, "a", 1, nullptr), MOQ_ERROR_INVALID_POINTER);
    EXPECT_EQ(publish(kUnknown, "a", 1, &no_text), MOQ_ERROR_UTF8);
    EXPECT_EQ(publish(kUnknown, "a", 1, &no_pointer), MOQ_ERROR_INVALID_POINTER);
    EXPECT_EQ(publish(kUnknown, "a", 1, &config), MOQ_ERROR_BROADCAST_NOT_FOUND);
    EXPECT_EQ(publish(consumer_, "a", 1, &config), MOQ_ERROR_BROADCAST_NOT_FOUND);
  }
  const std::uint32_t snapshot = publish_snapshot();
  const std::uint32_t stream = made(moq_publish_binary_stream(broadcast_, "s", 1, &config));
  const std::array writers{std::pair(&moq_publish_binary_snapshot_update, stream),
                           std::pair(&moq_publish_binary_stream_append, snapshot)};
  for (const auto& [write, other] : writers) {
    for (const std::uint32_t bad : kBadForms)
      EXPECT_EQ(write(bad, nullptr, 1), MOQ_ERROR_INVALID_ID);
    EXPECT_EQ(write(kUnknown, nullptr, 1), MOQ_ERROR_INVALID_POINTER);
    EXPECT_EQ(write(kUnknown, bytes("a"), 1), MOQ_ERROR_TRACK_NOT_FOUND);
    EXPECT_EQ(write(other, bytes("a"), 1), MOQ_ERROR_TRACK_NOT_FOUND);
  }
  EXPECT_EQ(moq_publish_binary_stream_finish(snapshot), MOQ_ERROR_TRACK_NOT_FOUND);
  EXPECT_EQ(moq_publish_binary_snapshot_finish(snapshot), 0);
  EXPECT_EQ(moq_publish_binary_snapshot_finish(snapshot), MOQ_ERROR_TRACK_NOT_FOUND);
  EXPECT_EQ(moq_publish_binary_snapshot_finish(0), MOQ_ERROR_INVALID_ID);
  EXPECT_EQ(moq_publish_binary_stream_finish(0), MOQ_ERROR_INVALID_ID);
}

}  // namespace
}  // namespace moq::capi
