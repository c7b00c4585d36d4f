/* Writes the best H.264 and AAC of a broadcast to files that players take, until Ctrl-C.
 *   subscribe_file URL BROADCAST FILE.h264 FILE.aac */
#define _POSIX_C_SOURCE 200809L
#include <moq.h>
#include <string.h>

#include "elementary.h"
#include "support.h"

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

/* True if `code` was the last call of a task. */
static bool is_over(struct app* app, const char* task, int32_t code) {
  if (code > 0) return false;
  if (code < 0) app->result = code, fprintf(stderr, "%s: %s\n", task, moq_error());
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
  moq_origin_consume_announced_close((uint32_t)app->wait); /* No harm if it is over. */
  moq_consume_catalog_close((uint32_t)app->catalog);
  moq_consume_video_close((uint32_t)app->video.task);
  moq_consume_audio_close((uint32_t)app->audio.task);
  is_over(app, "session", code);
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
