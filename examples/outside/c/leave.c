/* Ends with a session open and everything else too: leave main|callback|connecting URL. Exit code 0
 * if it came that far. */
#include <moq.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

static atomic_int epochs;
static atomic_int leave_in_callback;

static void on_status(void* user_data, int32_t code) {
  (void)user_data;
  if (code <= 0) return;
  atomic_fetch_add(&epochs, 1);
  if (atomic_load(&leave_in_callback)) exit(0);
}

static void ignore(void* user_data, int32_t code) {
  (void)user_data;
  (void)code;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const struct timespec pause = {0, 10000000};
  atomic_store(&leave_in_callback, strcmp(argv[1], "callback") == 0);
  const uint32_t origin = (uint32_t)moq_origin_create();
  const uint32_t broadcast = (uint32_t)moq_origin_publish(origin, "open", 4);
  const uint32_t track = (uint32_t)moq_publish_track(broadcast, "track", 5, NULL);
  const uint8_t byte = 1;
  if (moq_origin_announced(origin, ignore, NULL) < 0) return 1;
  if (moq_origin_consume_announced(origin, "other", 5, ignore, NULL) < 0) return 1;
  if (moq_publish_track_frame(track, &byte, 1, 0) < 0) return 1;
  if (moq_session_connect(argv[2], strlen(argv[2]), origin, origin, on_status, NULL) < 0) return 1;
  if (strcmp(argv[1], "connecting") == 0) return 0;
  for (int i = 0; i < 2000 && atomic_load(&epochs) == 0; ++i) nanosleep(&pause, NULL);
  if (atomic_load(&epochs) == 0) return 1;
  while (atomic_load(&leave_in_callback)) nanosleep(&pause, NULL);
  return 0;
}
