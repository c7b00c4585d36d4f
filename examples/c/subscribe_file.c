/* Writes the best H.264 and AAC of a broadcast to files that players take, until Ctrl-C.
 *   subscribe_file URL BROADCAST FILE.h264 FILE.aac */
#define _POSIX_C_SOURCE 200809L
#include <limits.h>
#include <moq.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Which renditions of a catalog can be written as files that players take, and how. */

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

/* The example itself. */

/* The user_data of all tasks, in use until each of them has been told 0 or less. Callbacks come on
 * one thread, the library's; main looks only before the first and after the last: no lock. */
struct app {
  const char* path;
  uint32_t origin;
  int32_t wait, catalog; /* Tasks; main has the session. */
  int tasks;             /* Those that have not been told 0 or less, of the tracks, too. */
  int32_t result;        /* The last failure, 0 without one. */
  struct track {
    struct app* app;
    int32_t task;
    FILE* file;
    struct codec codec;
    void (*write)(FILE* file, const struct codec* codec, const moq_frame* frame);
  } video, audio;
};

/* Says why a task failed. Its words are there until the next failure of this thread. */
static void tell(struct app* app, const char* task, int32_t code) {
  if (code < 0) app->result = code, fprintf(stderr, "%s: %s\n", task, moq_error());
}

/* True if `code` was the last call of a task. */
static bool is_over(struct app* app, const char* task, int32_t code) {
  if (code > 0) return false;
  tell(app, task, code);
  if (code < 0 || strcmp(task, "catalog") == 0) wake_main(STOP);
  if (--app->tasks == 0) wake_main(OVER);
  return true;
}

/* Counts a task that a call has started, and passes it on. */
static int32_t started(struct app* app, int32_t task) {
  if (task < 0) fprintf(stderr, "%s\n", moq_error());
  app->tasks += task > 0;
  return task;
}

static void on_frame(void* user_data, int32_t code) {
  struct track* track = user_data;
  moq_frame frame;
  if (is_over(track->app, "track", code)) return;
  moq_consume_frame((uint32_t)code, &frame);
  track->write(track->file, &track->codec, &frame);
  moq_consume_frame_free((uint32_t)code); /* The payload goes with it. */
}

/* Starts what does not run yet: a later catalog may have more. */
static void on_catalog(void* user_data, int32_t code) {
  struct app* app = user_data;
  struct track *video = &app->video, *audio = &app->audio;
  const uint32_t catalog = (uint32_t)code;
  if (is_over(app, "catalog", code)) return;
  const int32_t v = video->task == 0 ? find_h264(catalog, &video->codec) : -1;
  const int32_t a = audio->task == 0 ? find_aac(catalog, &audio->codec) : -1;
  if (v >= 0) {
    video->task = started(app, moq_consume_video(catalog, (uint32_t)v, 5000, on_frame, video));
  }
  if (a >= 0) {
    audio->task = started(app, moq_consume_audio(catalog, (uint32_t)a, 5000, on_frame, audio));
  }
  moq_consume_catalog_free(catalog); /* The subscriptions go on without it. */
}

static void on_broadcast(void* user_data, int32_t code) {
  struct app* app = user_data;
  if (is_over(app, "broadcast", code)) return;
  app->catalog = started(app, moq_consume_catalog((uint32_t)code, on_catalog, app));
  moq_consume_close((uint32_t)code); /* The catalog goes on. */
}

/* At the first connection all begins; at later ones it goes on by itself. */
static void on_status(void* user_data, int32_t code) {
  struct app* app = user_data;
  const size_t length = strlen(app->path);
  if (code > 0) fprintf(stderr, "connected (%d)\n", code);
  if (code == 1) {
    app->wait = started(
        app, moq_origin_consume_announced(app->origin, app->path, length, on_broadcast, app));
  }
  if (code > 0) return;
  tell(app, "session", code);
  moq_origin_consume_announced_close((uint32_t)app->wait); /* No harm if it is over. */
  moq_consume_catalog_close((uint32_t)app->catalog);
  moq_consume_video_close((uint32_t)app->video.task);
  moq_consume_audio_close((uint32_t)app->audio.task);
  is_over(app, "session", 0);
}

int main(int argc, char** argv) {
  if (argc != 5)
    return fputs("usage: subscribe_file URL BROADCAST FILE.h264 FILE.aac\n", stderr), 2;
  struct app app = {.path = argv[2], .tasks = 1};
  app.video = (struct track){.app = &app, .file = fopen(argv[3], "wb"), .write = write_h264};
  app.audio = (struct track){.app = &app, .file = fopen(argv[4], "wb"), .write = write_aac};
  if (!app.video.file || !app.audio.file) return perror("cannot write"), EXIT_FAILURE;
  prepare();
  app.origin = must(moq_origin_create());
  const uint32_t session =
      must(moq_session_connect(argv[1], strlen(argv[1]), 0, app.origin, on_status, &app));

  for (enum reason why = NOTHING; why != OVER; why = wait_ms(-1, -1)) {
    if (why == STOP) moq_session_close(session); /* The rest follows in on_status. */
  }
  moq_origin_close(app.origin);
  const bool written = (fclose(app.video.file) | fclose(app.audio.file)) == 0;
  return written && app.result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
