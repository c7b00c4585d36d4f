/* Publishes a fragmented MP4 as a broadcast, as fast as it plays.
 *   publish_file URL BROADCAST [FILE]     stdin without FILE; ends with it, or at Ctrl-C
 * For example: ffmpeg -i film.mkv -c copy -f mp4 -movflags cmaf - | publish_file URL film.hang */
#define _POSIX_C_SOURCE 200809L
#include <moq.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How main waits: for Ctrl-C, and for what callbacks tell it. */

/* What main is told: it should stop, no task is left, there is input, nothing within its time. */
enum reason { STOP = 's', OVER = 'o', INPUT = 'i', NOTHING = 'n' };

static int wake_pipe[2];

/* Safe in callbacks, which are on another thread, and in signal handlers. */
static void wake_main(enum reason why) {
  const char byte = (char)why;
  if (write(wake_pipe[1], &byte, 1) != 1) _Exit(EXIT_FAILURE);
}

static void on_signal(int number) {
  (void)number;
  wake_main(STOP);
}

/* For the beginning of main: Ctrl-C tells it to stop, and lines are printed at once. */
static void prepare(void) {
  const struct sigaction action = {.sa_handler = on_signal};
  if (pipe(wake_pipe) != 0) abort();
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

/* Waits for a reason to go on; for ever if the time is negative. `input` is a file, or -1. */
static enum reason wait_ms(int timeout_ms, int input) {
  struct pollfd ready[2] = {{.fd = wake_pipe[0], .events = POLLIN},
                            {.fd = input, .events = POLLIN}};
  char why = NOTHING;
  while (poll(ready, 2, timeout_ms) < 0) continue; /* A signal: see what it wrote. */
  if (ready[0].revents != 0 && read(wake_pipe[0], &why, 1) != 1) abort();
  return ready[0].revents == 0 && ready[1].revents != 0 ? INPUT : (enum reason)why;
}

/* Passes on what a call returned, or ends the program, saying why it failed. */
static uint32_t must(int32_t code) {
  if (code >= 0) return (uint32_t)code;
  fprintf(stderr, "error %d: %s\n", code, moq_error());
  exit(EXIT_FAILURE);
}

/* The example itself. */

enum { MAX_BOX_BYTES = 32 << 20 };

/* A positive code for each connection. 0 or less is the last call: user_data is ours again. */
static void on_status(void* user_data, int32_t code) {
  if (code > 0) {
    fprintf(stderr, "connected (%d)\n", code);
  } else {
    if (code < 0) fprintf(stderr, "the session failed: %s\n", moq_error());
    *(int32_t*)user_data = code;
    wake_main(OVER);
  }
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint32_t number_at(const uint8_t* at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* A number of the first MP4 box at `path`: `at` bytes into it, or `at_v1` in its version 1. */
static uint32_t field(const uint8_t* data, size_t size, const char* path, size_t at, size_t at_v1) {
  for (size_t length; size >= 9; data += length, size -= length) {
    length = number_at(data);
    if (length < 9 || length > size) break;
    if (memcmp(data + 4, path, 4) != 0) continue;
    if (path[4] == '/') return field(data + 8, length - 8, path + 5, at, at_v1);
    const size_t offset = 8 + (data[8] == 1 ? at_v1 : at);
    return offset + 4 <= length ? number_at(data + offset) : 0;
  }
  return 0;
}

/* The next box of the file, until the next call; NULL at the end. */
static const uint8_t* read_box(FILE* in, size_t* size) {
  static uint8_t box[MAX_BOX_BYTES];
  if (fread(box, 1, 8, in) != 8) return NULL;
  *size = number_at(box);
  if (*size >= 8 && *size <= sizeof box && fread(box + 8, 1, *size - 8, in) == *size - 8)
    return box;
  return fprintf(stderr, "not a fragmented MP4, or a part of one\n"), NULL;
}

/* Passes the file on until something else is to be done, each fragment at its time in the first
 * track. */
static enum reason publish(FILE* in, uint32_t media) {
  uint32_t track = 0, timescale = 0, first = 0;
  int64_t start_ms = 0;
  enum reason why = NOTHING;
  size_t size;
  for (const uint8_t* box; why == NOTHING && (box = read_box(in, &size)) != NULL;) {
    if (memcmp(box + 4, "moov", 4) == 0) {
      track = field(box, size, "moov/trak/tkhd", 12, 20);
      timescale = field(box, size, "moov/trak/mdia/mdhd", 12, 20);
    } else if (timescale != 0 && field(box, size, "moof/traf/tfhd", 4, 4) == track) {
      const uint32_t time = field(box, size, "moof/traf/tfdt", 4, 8);
      if (start_ms == 0) start_ms = now_ms(), first = time;
      const int64_t early_ms = start_ms + (int64_t)(time - first) * 1000 / timescale - now_ms();
      why = wait_ms(early_ms > 0 ? (int)early_ms : 0, -1);
    }
    /* Any piece of the file will do: the library finds the tracks and the frames. */
    if (why == NOTHING) must(moq_publish_media_frame(media, box, size, 0));
  }
  return why;
}

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) return fputs("usage: publish_file URL BROADCAST [FILE]\n", stderr), 2;
  FILE* in = argc > 3 ? fopen(argv[3], "rb") : stdin;
  if (in == NULL) return perror(argv[3]), EXIT_FAILURE;
  prepare();
  const uint32_t origin = must(moq_origin_create());
  const uint32_t broadcast = must(moq_origin_publish(origin, argv[2], strlen(argv[2])));
  const uint32_t media = must(moq_publish_media(broadcast, "fmp4", 4, NULL, 0));
  int32_t result = 0;
  const uint32_t session =
      must(moq_session_connect(argv[1], strlen(argv[1]), origin, 0, on_status, &result));

  enum reason why = publish(in, media);
  moq_publish_media_finish(media);
  moq_publish_finish(broadcast);
  moq_session_close(session); /* Asks only: its last status is still to come. */
  while (why != OVER) why = wait_ms(-1, -1);
  moq_origin_close(origin);
  return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
