/* The smallest player that is one: it finds a broadcast, reads its catalog, and takes the frames of
 * its first video. bench/size links it against our libmoq and, with -DRUST, against the Rust one,
 * whose API differs in two calls. */
#include <moq.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void on_frame(void* user_data, int32_t frame) {
  (void)user_data;
  struct moq_frame data;
  if (frame <= 0 || moq_consume_frame((uint32_t)frame, &data) < 0) return;
  fwrite(data.payload, 1, data.payload_size, stdout);
  moq_consume_frame_free((uint32_t)frame);
}

static void on_catalog(void* user_data, int32_t catalog) {
  (void)user_data;
  struct moq_video_config config;
  if (catalog <= 0 || moq_consume_video_config((uint32_t)catalog, 0, &config) < 0) return;
  moq_consume_video((uint32_t)catalog, 0, 500, on_frame, NULL);
}

static void on_broadcast(void* user_data, int32_t broadcast) {
  (void)user_data;
  if (broadcast > 0) moq_consume_catalog((uint32_t)broadcast, on_catalog, NULL);
}

static void on_status(void* user_data, int32_t code) {
  (void)user_data;
  fprintf(stderr, "session: %d\n", code);
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fputs("usage: player URL BROADCAST\n", stderr);
    return 2;
  }
  const int32_t origin = moq_origin_create();
#ifdef RUST
  const int32_t session =
      moq_session_connect(argv[1], strlen(argv[1]), NULL, 0, (uint32_t)origin, on_status, NULL);
  moq_origin_announced_broadcast((uint32_t)origin, argv[2], strlen(argv[2]), on_broadcast, NULL);
#else
  const int32_t session =
      moq_session_connect(argv[1], strlen(argv[1]), 0, (uint32_t)origin, on_status, NULL);
  moq_origin_consume_announced((uint32_t)origin, argv[2], strlen(argv[2]), on_broadcast, NULL);
#endif
  if (origin <= 0 || session <= 0) return 1;
  pause();
  return 0;
}
