#include "moq/av/ffmpeg/internal/decoding.h"

#include <cstring>

namespace moq::av::ffmpeg {

Result<void> check_packet(const PacketView& packet) {
  if (packet.size == 0) return fail(Code::decode, "an empty packet");
  if (packet.size > kMaxPacketBytes || packet.timestamp_us > kMaxTimestamp) {
    return fail(Code::decode, "a packet or its time is out of range");
  }
  return {};
}

Result<void> send_packet(AVCodecContext& codec, AVPacket& scratch, const PacketView& packet) {
  MOQ_CHECK(check(av_new_packet(&scratch, static_cast<int>(packet.size)), "a packet"));
  std::memcpy(scratch.data, packet.data, packet.size);
  scratch.pts = static_cast<std::int64_t>(packet.timestamp_us);
  scratch.flags = packet.keyframe ? AV_PKT_FLAG_KEY : 0;
  const int sent = avcodec_send_packet(&codec, &scratch);
  av_packet_unref(&scratch);
  if (sent < 0) return std::unexpected(error_of(Code::decode, sent, codec.codec->name));
  return {};
}

}  // namespace moq::av::ffmpeg
