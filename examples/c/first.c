/* The example of the README: publishes the count of seconds, over any number of relay restarts.
 *   cc first.c $(pkg-config --cflags --libs moq) -o first && ./first URL [SECONDS] */
#include <moq.h>
#include <stdio.h>
#include <string.h>
#include <threads.h>

static void on_status(void* user_data, int32_t code) {
  (void)user_data;
  if (code > 0) printf("connected: %d\n", (int)code); /* 1, and 2 after a relay's restart. */
  if (code < 0) fprintf(stderr, "first: gave up: %s\n", moq_error());
}

/* The handle in what a function returned; or the end of the program, if it says why there is none.
 */
static uint32_t handle(int32_t code) {
  if (code > 0) return (uint32_t)code;
  fprintf(stderr, "first: %s\n", moq_error());
  exit(1);
}

static void count(const char* url, int seconds) {
  /* README: from here. */
  uint32_t origin = handle(moq_origin_create()); /* Outlives every connection. */
  uint32_t broadcast = handle(moq_origin_publish(origin, "count", strlen("count")));
  uint32_t track = handle(moq_publish_track(broadcast, "seconds", strlen("seconds"), NULL));
  handle(moq_session_connect(url, strlen(url), origin, 0, on_status, NULL)); /* And again. */

  for (int second = 0; second < seconds; ++second) {
    char text[16];
    int length = snprintf(text, sizeof text, "%d", second);
    moq_publish_track_frame(track, (const uint8_t*)text, (size_t)length,
                            (uint64_t)second * 1000000);
    thrd_sleep(&(struct timespec){.tv_sec = 1}, NULL);
  }
  /* README: to here. */
}

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "first: usage: first URL [SECONDS]\n");
    return 2;
  }
  count(argv[1], argc > 2 ? atoi(argv[2]) : 60);
  return 0;
}
