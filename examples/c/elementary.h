/* Which renditions of a catalog can be written as files that players take, and how. */
#include <limits.h>
#include <moq.h>
#include <stdio.h>
#include <string.h>

/* What a decoder has to know before the first frame. */
struct codec {
  uint8_t config[1024];
  size_t config_size;
};

/* Copies the description, for it goes with the catalog; false if the rendition is none of ours. */
static bool keep(struct codec* codec, const char* prefix, moq_string name, const uint8_t* config,
                 size_t size) {
  const size_t length = strlen(prefix);
  if (name.len < length || memcmp(name.data, prefix, length) != 0) return false;
  if (size > sizeof codec->config) return false;
  if (size > 0) memcpy(codec->config, config, size);
  codec->config_size = size;
  return true;
}

/* The index of the widest H.264, -1 if there is none. */
static int32_t find_h264(uint32_t catalog, struct codec* codec) {
  moq_video_config video;
  int64_t best_width = -1;
  int32_t best = -1;
  for (int32_t i = 0; moq_consume_video_config(catalog, (uint32_t)i, &video) == 0; ++i) {
    const int64_t width = video.coded_width == NULL ? 0 : *video.coded_width;
    const moq_string name = {video.codec, video.codec_len};
    if (width <= best_width || video.container.kind == MOQ_CONTAINER_KIND_UNKNOWN) continue;
    if (!keep(codec, "avc", name, video.description, video.description_len)) continue;
    best_width = width, best = i;
  }
  return best;
}

/* The index of the AAC with the highest rate, -1 if there is none. */
static int32_t find_aac(uint32_t catalog, struct codec* codec) {
  moq_audio_config audio;
  uint32_t best_rate = 0;
  int32_t best = -1;
  for (int32_t i = 0; moq_consume_audio_config(catalog, (uint32_t)i, &audio) == 0; ++i) {
    const moq_string name = {audio.codec, audio.codec_len};
    if (audio.sample_rate <= best_rate || audio.description_len < 2) continue;
    if (audio.container.kind == MOQ_CONTAINER_KIND_UNKNOWN) continue;
    if (!keep(codec, "mp4a.40.", name, audio.description, audio.description_len)) continue;
    best_rate = audio.sample_rate, best = i;
  }
  return best;
}

/* Writes NAL units with start codes instead of their lengths; returns how far it got. */
static const uint8_t* write_nals(FILE* file, const uint8_t* at, const uint8_t* end,
                                 int length_bytes, int count) {
  for (; count > 0 && end - at > length_bytes; --count) {
    size_t size = 0;
    for (int i = 0; i < length_bytes; ++i) size = size << 8 | *at++;
    if (size > (size_t)(end - at)) break;
    fwrite("\0\0\0\1", 1, 4, file);
    fwrite(at, 1, size, file);
    at += size;
  }
  return at;
}

/* A frame of H.264 as Annex B. The description is an avcC: its parameter sets go before each
 * keyframe. Without one the frame has this form already. */
static void write_h264(FILE* file, const struct codec* codec, const moq_frame* frame) {
  const uint8_t *avcc = codec->config, *end = avcc + codec->config_size;
  if (codec->config_size < 7) {
    fwrite(frame->payload, 1, frame->payload_size, file);
    return;
  }
  if (frame->keyframe) {
    const uint8_t* pps = write_nals(file, avcc + 6, end, 2, avcc[5] & 31);
    if (pps < end) write_nals(file, pps + 1, end, 2, *pps);
  }
  end = frame->payload + frame->payload_size;
  write_nals(file, frame->payload, end, (avcc[4] & 3) + 1, INT_MAX);
}

/* A frame of AAC after a header of ADTS: type, rate and channels of the description, which is an
 * AudioSpecificConfig, and the size. */
static void write_aac(FILE* file, const struct codec* codec, const moq_frame* frame) {
  const uint32_t asc = (uint32_t)codec->config[0] << 8 | codec->config[1];
  const uint64_t type = ((asc >> 11) - 1) & 3, rate = asc >> 7 & 15, channels = asc >> 3 & 7;
  const uint64_t size = frame->payload_size + 7;
  const uint64_t adts =
      0xfff1ULL << 40 | type << 38 | rate << 34 | channels << 30 | size << 13 | 0x1ffc;
  for (int shift = 48; shift >= 0; shift -= 8) putc((int)(adts >> shift & 255), file);
  fwrite(frame->payload, 1, frame->payload_size, file);
}
