#pragma once

#include <vector>

#include "moq/capi/live_handles_test_support.h"

namespace moq::capi {

inline constexpr moq_audio_encoder_input kPcmInput{
    .format = MOQ_AUDIO_FORMAT_S16, .sample_rate = 48'000, .channels = 1};
inline constexpr moq_audio_encoder_output kOpus{.codec = "opus", .codec_len = 4};
inline constexpr moq_audio_encoder_output_v2 kOpusV2{.codec = "opus", .codec_len = 4};
inline constexpr moq_audio_frame kNoPcm{};
inline constexpr moq_audio_decoder_output kPcmOutput{};
inline constexpr moq_audio_decoder_output_v2 kPcmOutputV2{};
inline constexpr moq_video_encoder_input kPictureInput{
    .format = MOQ_VIDEO_PIXEL_FORMAT_I420, .width = 64, .height = 64, .framerate = 30};
inline constexpr moq_video_encoder_output kH264{};
inline constexpr moq_video_encoder_frame kNoPicture{};
inline constexpr moq_video_decoder_output kPictureOutput{};
inline constexpr moq_video_decoder_output_v2 kPictureOutputV2{};
inline moq_audio_frame out_pcm{};
inline moq_video_frame out_picture{};

/// The functions of the codecs, as in handle_calls_loopback_test.cc.
inline const std::vector<CallRow>& codec_rows() {
  static const std::vector<CallRow> kRows = {
      MOQ_CALL_ROW(broadcast, moq_publish_audio_raw(h, "a", 1, &kPcmInput, &kOpus)),
      MOQ_CALL_ROW(audio_encoder, moq_publish_audio_raw_frame(h, &kNoPcm)),
      MOQ_CALL_ROW(audio_encoder, moq_publish_audio_raw_finish(h)),
      MOQ_CALL_ROW(audio_encoder, moq_publish_audio_raw_close(h)),
      MOQ_CALL_ROW(broadcast, moq_encode_audio(h, "a", 1, &kPcmInput, &kOpusV2, 0)),
      MOQ_CALL_ROW(audio_encoder, moq_encode_audio_reservation(h)),
      MOQ_CALL_ROW(audio_encoder, moq_encode_audio_demand(h, never, nullptr)),
      MOQ_CALL_ROW(audio_encoder, moq_encode_audio_frame(h, &kNoPcm)),
      MOQ_CALL_ROW(audio_encoder, moq_encode_audio_finish(h)),
      MOQ_CALL_ROW(catalog, moq_consume_audio_raw(h, 0, &kPcmOutput, never, nullptr)),
      MOQ_CALL_ROW(audio_decoder, moq_consume_audio_raw_close(h)),
      MOQ_CALL_ROW(pcm_frame, moq_consume_audio_raw_frame(h, &out_pcm)),
      MOQ_CALL_ROW(pcm_frame, moq_consume_audio_raw_frame_free(h)),
      MOQ_CALL_ROW(catalog, moq_decode_audio(h, 0, &kPcmOutputV2, never, nullptr)),
      MOQ_CALL_ROW(audio_decoder, moq_decode_audio_cancel(h)),
      MOQ_CALL_ROW(pcm_frame, moq_decode_audio_frame(h, &out_pcm)),
      MOQ_CALL_ROW(pcm_frame, moq_decode_audio_frame_free(h)),
      MOQ_CALL_ROW(broadcast, moq_publish_video_raw(h, &kPictureInput, &kH264)),
      MOQ_CALL_ROW(video_encoder, moq_publish_video_raw_frame(h, &kNoPicture)),
      MOQ_CALL_ROW(video_encoder, moq_publish_video_raw_cut(h)),
      MOQ_CALL_ROW(video_encoder, moq_publish_video_raw_bitrate(h, 1'000)),
      MOQ_CALL_ROW(video_encoder, moq_publish_video_raw_finish(h)),
      MOQ_CALL_ROW(broadcast, moq_encode_video(h, &kPictureInput, &kH264, 0)),
      MOQ_CALL_ROW(video_encoder, moq_encode_video_reservation(h)),
      MOQ_CALL_ROW(video_encoder, moq_encode_video_demand(h, never, nullptr)),
      MOQ_CALL_ROW(video_encoder, moq_encode_video_frame(h, &kNoPicture)),
      MOQ_CALL_ROW(video_encoder, moq_encode_video_cut(h)),
      MOQ_CALL_ROW(video_encoder, moq_encode_video_bitrate(h, 1'000)),
      MOQ_CALL_ROW(video_encoder, moq_encode_video_finish(h)),
      MOQ_CALL_ROW(catalog, moq_consume_video_raw(h, 0, &kPictureOutput, never, nullptr)),
      MOQ_CALL_ROW(video_decoder, moq_consume_video_raw_close(h)),
      MOQ_CALL_ROW(picture, moq_consume_video_raw_frame(h, &out_picture)),
      MOQ_CALL_ROW(picture, moq_consume_video_raw_frame_free(h)),
      MOQ_CALL_ROW(catalog, moq_decode_video(h, 0, &kPictureOutputV2, never, nullptr)),
      MOQ_CALL_ROW(video_decoder, moq_decode_video_cancel(h)),
      MOQ_CALL_ROW(picture, moq_decode_video_frame(h, &out_picture)),
      MOQ_CALL_ROW(picture, moq_decode_video_frame_free(h)),
  };
  return kRows;
}

/// NULL in each pointer of theirs.
inline const std::vector<CallRow>& codec_null_rows() {
  static constexpr moq_audio_frame kNullPcm{.timestamp_us = 0, .data = nullptr, .data_size = 2};
  static constexpr moq_video_encoder_frame kNullPicture{
      .timestamp_us = 0, .data = nullptr, .data_size = 2};
  static constexpr moq_audio_encoder_output kNullCodec{.codec = nullptr, .codec_len = 4};
  static constexpr moq_video_encoder_output kNullEncoder{
      .kind = MOQ_VIDEO_ENCODER_KIND_NAMED, .encoder = nullptr, .encoder_len = 4};
  static const std::vector<CallRow> kRows = {
      MOQ_CALL_ROW(broadcast, moq_publish_audio_raw(h, nullptr, 1, &kPcmInput, &kOpus)),
      MOQ_CALL_ROW(broadcast, moq_publish_audio_raw(h, "a", 1, nullptr, &kOpus)),
      MOQ_CALL_ROW(broadcast, moq_publish_audio_raw(h, "a", 1, &kPcmInput, nullptr)),
      MOQ_CALL_ROW(broadcast, moq_publish_audio_raw(h, "a", 1, &kPcmInput, &kNullCodec)),
      MOQ_CALL_ROW(audio_encoder, moq_publish_audio_raw_frame(h, nullptr)),
      MOQ_CALL_ROW(audio_encoder, moq_publish_audio_raw_frame(h, &kNullPcm)),
      MOQ_CALL_ROW(broadcast, moq_encode_audio(h, "a", 1, nullptr, &kOpusV2, 0)),
      MOQ_CALL_ROW(broadcast, moq_encode_audio(h, "a", 1, &kPcmInput, nullptr, 0)),
      MOQ_CALL_ROW(audio_encoder, moq_encode_audio_demand(h, nullptr, nullptr)),
      MOQ_CALL_ROW(video_encoder, moq_encode_video_demand(h, nullptr, nullptr)),
      MOQ_CALL_ROW(catalog, moq_consume_audio_raw(h, 0, nullptr, never, nullptr)),
      MOQ_CALL_ROW(pcm_frame, moq_consume_audio_raw_frame(h, nullptr)),
      MOQ_CALL_ROW(catalog, moq_decode_audio(h, 0, nullptr, never, nullptr)),
      MOQ_CALL_ROW(catalog, moq_decode_audio(h, 0, &kPcmOutputV2, nullptr, nullptr)),
      MOQ_CALL_ROW(broadcast, moq_publish_video_raw(h, nullptr, &kH264)),
      MOQ_CALL_ROW(broadcast, moq_publish_video_raw(h, &kPictureInput, nullptr)),
      MOQ_CALL_ROW(broadcast, moq_publish_video_raw(h, &kPictureInput, &kNullEncoder)),
      MOQ_CALL_ROW(video_encoder, moq_publish_video_raw_frame(h, nullptr)),
      MOQ_CALL_ROW(video_encoder, moq_publish_video_raw_frame(h, &kNullPicture)),
      MOQ_CALL_ROW(broadcast, moq_encode_video(h, nullptr, &kH264, 0)),
      MOQ_CALL_ROW(catalog, moq_consume_video_raw(h, 0, nullptr, never, nullptr)),
      MOQ_CALL_ROW(picture, moq_consume_video_raw_frame(h, nullptr)),
      MOQ_CALL_ROW(catalog, moq_decode_video(h, 0, nullptr, never, nullptr)),
      MOQ_CALL_ROW(catalog, moq_decode_video(h, 0, &kPictureOutputV2, nullptr, nullptr)),
  };
  return kRows;
}

}  // namespace moq::capi
